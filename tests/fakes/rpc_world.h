/* rpc_world: a small gRPC server whose handlers wait, refuse and count as its tests want, and what they have seen.
 *
 * NodePublishVolume of volume "hold" waits to be released, of "wait" to be cancelled, "deny" is refused; anything else is answered.
 * Lane 0 runs those, lane 1 ("quick") Probe and GetPluginInfo. */
#pragma once

#include "lib/net/rpc.h"
#include "tests/fakes/rpc_client.h"

#define PATIENCE_MS    20000
#define PROBE          "/csi.v1.Identity/Probe"
#define PUBLISH        "/csi.v1.Node/NodePublishVolume"
#define PUBLISH_OF(id) SPAN("\x0a\x04" id) /* field 1, four bytes */

extern char rpc_world_path[64]; /* of the server's socket */
struct rpc_world {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool released;
        unsigned running, handled, done, done_failed, cancelled, deadline;
};
extern struct rpc_world world;

/* cmocka's group and test set-up. */
int world_make(void **state);
int world_drop(void **state);
int world_reset(void **state);
/* Waits until a counter has got there; it must within PATIENCE_MS. */
void world_wait(const unsigned *counter, unsigned at_least);
unsigned world_now(const unsigned *counter);
void world_release(bool released);

struct fault *server_try(struct rpc_lane lane, int64_t max_deadline_ms, struct rpc_server **ret) MUST_USE;
struct rpc_server *server_new(void);
struct rpc_client *client_new(void);
/* PUBLISH with `request`; its status. */
struct rpc_client_call *start(struct rpc_client *c, struct span request);
int finish(struct rpc_client_call *call);
int call(struct rpc_client *c, const char *method, struct span request);
void assert_fault(struct fault *f, const char *token);
