/* unix_socket: listening on and connecting to Unix stream sockets, done once for rpc, frames and httpd.
 *
 * A listener gets its mode before anybody can connect and without touching the process' umask (other threads make files
 * meanwhile). A stale socket is replaced, a live one is left alone (FAULT_UNAVAILABLE "SOCKET_BUSY"), anything else at the path
 * is FAULT_PRECONDITION "NOT_A_SOCKET". On the way out only the file that we made is unlinked: a successor's stays. */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "lib/base/span.h"

struct unix_file { /* identity of the socket file that we made */
        dev_t dev;
        ino_t ino;
};

/* Bound, listening, non-blocking. FAULT_INVALID "SOCKET_PATH" when the path is empty, or longer than the system's 107. */
struct fault *unix_listen(const char *path, mode_t mode, int *ret_fd, struct unix_file *ret_file) MUST_USE;
void unix_unlink(const char *path, const struct unix_file *file);
/* FAULT_UNAVAILABLE "CONNECT". Non-blocking. */
struct fault *unix_connect(const char *path, int *ret_fd) MUST_USE;
/* Of a connected socket: who was there when it connected (or listened). */
struct fault *unix_peer_uid(int fd, uid_t *ret) MUST_USE;

/* A listener with a thread that accepts. `accepted` owns the fd (non-blocking); it runs in the listener's thread.
 * `woken` runs in that thread after unix_acceptor_wake; it may be NULL. */
struct unix_acceptor;
struct unix_acceptor_events {
        void (*accepted)(void *self, int fd);
        void (*woken)(void *self);
        void *self;
};
struct fault *unix_acceptor_start(const char *path, mode_t mode, const struct unix_acceptor_events *events,
                                  struct unix_acceptor **ret) MUST_USE;
void unix_acceptor_wake(struct unix_acceptor *a);
/* Joins the thread, closes, unlinks. NULL is fine. */
void unix_acceptor_stop(struct unix_acceptor *a);

/* A thread with a name (a literal, at most 15 characters) and all signals blocked but those of its own mistakes. */
struct fault *thread_start(const char *name, void *(*run)(void *), void *arg, pthread_t *ret) MUST_USE;
