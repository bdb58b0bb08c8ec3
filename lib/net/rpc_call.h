/* rpc_call: a call's life, between rpc.c (the server's life) and the core. Private to rpc.
 *
 * NEW delivers method, metadata and message; at once the next NEW is asked for and RECV_CLOSE is started; the call is queued
 * in its lane (a method with two handlers: in the first one's, then, unanswered, in the other's); a worker unpacks, runs the handler and starts the one batch that answers; SENT and CLOSED come back. Three tags,
 * one reference each, and one for the worker: the last to drop its own frees the call, wherever that is. */
#pragma once

#include <grpc/grpc.h>

#include "lib/base/pool.h"
#include "lib/net/rpc.h"

struct rpc_call;
enum rpc_op_kind { RPC_OP_NEW, RPC_OP_CLOSED, RPC_OP_SENT, RPC_OP_SHUTDOWN };
struct rpc_op {                /* what a tag points to */
        struct rpc_call *call; /* NULL for SHUTDOWN */
        enum rpc_op_kind kind;
};

struct rpc_entry { /* a method that is served, registered with the core */
        const struct rpc_service *service;
        const struct rpc_method *method;
        const ProtobufCMethodDescriptor *types;
        void *registered;
};
struct rpc_server {
        struct rpc_server_options options;
        struct rpc_entry *entries;
        size_t entry_count;
        struct pool *lanes[RPC_LANES_MAX];
        struct unix_acceptor *acceptor;
        int lock_fd;
        grpc_server *server;
        grpc_completion_queue *queue;
        pthread_t poller;
        struct rpc_op shutdown_op;

        pthread_mutex_t mu;
        pthread_cond_t changed;
        size_t active;      /* guarded by mu: calls that a client waits for */
        bool stopping;      /* guarded by mu */
        bool shutdown_done; /* guarded by mu */
};

/* Asks the core for the next call of `entry`, or of any method that is not registered (NULL). */
void rpc_call_arm(struct rpc_server *s, const struct rpc_entry *entry);
/* An event of one of the call's tags, in the polling thread. */
void rpc_call_event(struct rpc_op *op, bool success);

/* rpc_message.c: bytes to messages and back. */

/* The message in `payload` (which is wiped), checked and unpacked. FAULT_INVALID "NO_MESSAGE" without one,
 * FAULT_UNIMPLEMENTED "COMPRESSED" for a compressed one, pbcheck's. Free with rpc_request_free: it wipes. */
struct fault *rpc_request_read(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *payload,
                               ProtobufCMessage **ret) MUST_USE;
void rpc_request_free(ProtobufCMessage *request);
grpc_byte_buffer *rpc_reply_write(const ProtobufCMessage *reply);
