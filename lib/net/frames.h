/* frames: `u32 length ‖ bytes` over a Unix stream socket, both sides knowing the other's uid (SO_PEERCRED).
 *
 * Full duplex: any side sends whenever it likes; what a frame means is the caller's affair (proto/attester.proto,
 * proto/reader.proto). Frames may hold secrets: buffers are wiped after use. A peer whose uid isn't allowed, or that
 * sends a frame over the limit, is closed. No polling: a thread a connection, connections limited. */
#pragma once

#include <sys/types.h>

#include "lib/base/clock.h"
#include "lib/base/cancel.h"

#define FRAME_MAX       (2u << 20)
#define FRAMES_UIDS_MAX 4

struct frames_conn; /* one connection, of either side; sending is thread-safe */
struct frames_events {
        void (*on_open)(void *self, struct frames_conn *c);
        void (*on_frame)(void *self, struct frames_conn *c,
                         struct span frame); /* must not block: it is the reading thread */
        void (*on_close)(void *self, struct frames_conn *c,
                         struct fault *why); /* last call for c; `why` is borrowed, may be NULL */
        void *self;
};
struct fault *frames_send(struct frames_conn *c, struct span frame) MUST_USE; /* FAULT_UNAVAILABLE "PEER_GONE" */
uid_t frames_peer_uid(const struct frames_conn *c);
void frames_set_user(struct frames_conn *c, void *user);
void *frames_user(const struct frames_conn *c);
/* A connection outlives its socket for whoever holds a reference. */
struct frames_conn *frames_ref(struct frames_conn *c);
void frames_unref(struct frames_conn *c);

struct frames_server_options {
        const char *path;
        mode_t mode;
        uid_t allowed_uids[FRAMES_UIDS_MAX];
        size_t allowed_count; /* 0 refuses all */
        size_t connections_max;
        struct frames_events events;
};
struct frames_server;
struct fault *frames_server_start(const struct frames_server_options *o, struct frames_server **ret) MUST_USE;
void frames_server_stop(struct frames_server *s); /* closes everything, joins, unlinks its own socket */

/* A client that reconnects by itself: frames_client_send fails with FAULT_UNAVAILABLE "PEER_GONE" while there is no connection, and a
 * lost connection is retried with backoff (10 ms doubling to 2 s). on_open/on_close tell. The server's uid must be `server_uid`,
 * or any when it is (uid_t) -1. */
struct frames_client;
struct fault *frames_client_start(const char *path, uid_t server_uid, const struct frames_events *events,
                                  struct frames_client **ret) MUST_USE;
struct fault *frames_client_send(struct frames_client *c, struct span frame) MUST_USE;
void frames_client_stop(struct frames_client *c);
