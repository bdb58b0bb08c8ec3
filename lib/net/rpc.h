/* rpc: a gRPC server over a Unix socket, generic over protobuf-c descriptors. The only place that sees gRPC (C core).
 *
 * One thread polls and never runs a handler; handlers run in lanes (a pool each), so that calls that may wait for minutes never
 * starve those that must answer at once. A full lane answers RESOURCE_EXHAUSTED at once. Requests are wire-checked (pbcheck)
 * before they are unpacked. Unknown methods answer UNIMPLEMENTED. Deadlines and cancels of the client reach the
 * handler's cancel. Request memory is wiped after the call (it may hold tokens). Two servers on one path are kept
 * apart by a lock on `<socket>.lock`. Sharp edges of the library, each met by a test: see the top of rpc.c. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <sys/types.h>

#include "lib/base/cancel.h"

#define RPC_LANES_MAX   4
#define RPC_MESSAGE_MAX (256u << 10)

/* Fills *ret_reply with a message of the method's reply type, allocated so that protobuf_c_message_free_unpacked(reply, NULL) frees it
 * (rpc_reply_new); the request is borrowed. A fault's code and text become the status. */
typedef struct fault *(*rpc_handler)(void *self, const ProtobufCMessage *request, struct cancel *cancel,
                                     ProtobufCMessage **ret_reply);
struct rpc_method {
        const char *name; /* of the service's method: "NodePublishVolume" */
        unsigned lane;
        rpc_handler handler;
        /* Asked before, in a lane of a lower number, so that what can be answered at once never waits behind what can't: without a
         * reply (and without a fault) the call goes on to `handler`. NULL: none. */
        rpc_handler first;
        unsigned first_lane;
};
struct rpc_service {
        const ProtobufCServiceDescriptor *descriptor;
        const struct rpc_method *methods; /* those that we serve; the descriptor's others answer UNIMPLEMENTED */
        size_t method_count;
        void *self;
};
struct rpc_lane {
        const char *name;
        unsigned threads;
        size_t queue_max;
};
struct rpc_server_options {
        const char *socket_path; /* without unix:// */
        mode_t socket_mode;
        const struct rpc_service *services;
        size_t service_count;
        struct rpc_lane lanes[RPC_LANES_MAX];
        size_t lane_count;
        int64_t max_deadline_ms; /* put on calls that have none, or a longer one */
        const struct clock *clock;
        /* Called after every call, for metrics and logs; may be NULL. `fault` is NULL on success. */
        void (*on_done)(void *arg, const char *method, const struct fault *fault, int64_t took_us);
        void *on_done_arg;
};
struct rpc_server;

/* Starts answering before it returns. FAULT_UNAVAILABLE "SOCKET_BUSY" when another instance holds the lock. */
struct fault *rpc_server_start(const struct rpc_server_options *o, struct rpc_server **ret) MUST_USE;
/* Unlinks the socket and stops taking calls; running ones get `grace_ms` to finish, then are cancelled; joins all threads; frees. */
void rpc_server_stop(struct rpc_server *s, int64_t grace_ms);
/* Allocates an initialised message by descriptor. */
ProtobufCMessage *rpc_reply_new(const ProtobufCMessageDescriptor *type);
/* strdup for message fields, from the allocator that the free function uses. */
char *rpc_string(const char *text);
/* grpc's global state: once around all servers, signals already blocked. */
void rpc_init(void);
void rpc_shutdown(void);
