/* rpc_client: a gRPC client in C for tests: raw bytes in, raw bytes out, and the ways in which clients differ. */
#pragma once

#include "lib/base/span.h"

struct rpc_client_options {
        const char *socket_path;
        const char *authority; /* NULL: what the library sends for a Unix socket; "" is sent as it is */
        bool gzip;             /* compress messages */
};
struct rpc_client;
struct rpc_client_call; /* one call that may still run */
struct rpc_client_reply {
        int status; /* google.rpc.Code */
        char message[2048];
        struct buf body;
};

/* rpc_init must have been called. */
struct rpc_client *rpc_client_new(const struct rpc_client_options *o);
void rpc_client_free(struct rpc_client *c);
DEFINE_AUTO(rpc_client)

/* `method` as "/csi.v1.Node/NodeGetInfo"; deadline_ms 0: none. `request` with data NULL and len 0 sends no message at all when
 * `empty_stream` says so. */
struct rpc_client_call *rpc_client_start(struct rpc_client *c, const char *method, struct span request,
                                         bool empty_stream, int64_t deadline_ms);
void rpc_client_cancel(struct rpc_client_call *call);
/* Waits for the end and frees the call. */
void rpc_client_finish(struct rpc_client_call *call, struct rpc_client_reply *ret);
/* Start and finish. Returns the status. */
int rpc_client_call(struct rpc_client *c, const char *method, struct span request, int64_t deadline_ms,
                    struct rpc_client_reply *ret);
void rpc_client_reply_clear(struct rpc_client_reply *r);
DEFINE_AUTO_VALUE(rpc_client_reply)
