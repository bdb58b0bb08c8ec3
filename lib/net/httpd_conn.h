/* httpd_conn: the parts of httpd and how they meet. Private to httpd.
 *
 * httpd.c          the server's life and its loop
 * httpd_listen.c   listeners, and the clear transport
 * httpd_tls.c      the TLS transport
 * httpd_conn.c     one connection: read a request, hand it over, write the answer, again
 * httpd_exchange.c the request in a worker
 * httpd_route.c    which handler, and what the query says
 *
 * Everything but `struct exchange` while a worker has it, and what is marked, belongs to the loop's thread. An exchange outlives its
 * connection when the client leaves: `conn` is then NULL, and the answer is dropped. */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdatomic.h>

#include "lib/base/pool.h"
#include "lib/net/http_head.h"
#include "lib/net/httpd.h"
#include "lib/net/unix_socket.h"

#define HTTPD_RESPONSE_MAX (16u << 20)

struct httpd_facts { /* of a connection, for its requests */
        char remote[64];
        uid_t remote_uid;
        bool has_client_spki, has_exporter;
        uint8_t client_spki_sha256[32], exporter[32];
        char client_name[512];
};
struct httpd_transport {
        /* Owns the fd, also on failure (NULL). */
        struct bufferevent *(*wrap)(void *self, struct event_base *base, int fd);
        /* Asked when a connection's first request is complete. */
        void (*learn)(void *self, struct bufferevent *bev, struct httpd_facts *facts);
        void *self;
};
struct httpd_listener {
        struct httpd_listener *next;
        struct httpd *httpd;
        struct evconnlistener *listener;
        struct event *resume; /* after running out of descriptors */
        struct httpd_transport transport;
        char *unix_path; /* NULL: TCP */
        struct unix_file unix_file;
};

enum conn_state { CONN_READING_HEAD, CONN_READING_BODY, CONN_RUNNING, CONN_WRITING, CONN_LINGERING };
struct httpd_conn {
        struct httpd_conn *next, **at; /* in httpd->conns */
        struct httpd *httpd;
        struct httpd_transport transport;
        struct bufferevent *bev;
        struct event *timer; /* armed unless a worker has the request */
        enum conn_state state;
        bool keep_alive, started; /* started: bytes of the coming request are here */
        bool learnt;
        int64_t idle_since_us;
        struct httpd_facts facts;
        struct exchange *exchange; /* being read, or running */
        size_t body_left;
        size_t lingered;
};

struct exchange {
        struct exchange *next; /* guarded by mu of httpd, in its list of done ones */
        struct httpd *httpd;
        struct httpd_conn *conn; /* NULL: the client has left */
        const struct httpd_route *route;
        struct http_head head;
        struct buf body;
        size_t body_counted; /* in body_bytes of httpd */
        struct httpd_facts facts;
        struct httpd_response response;
        int64_t came_us;
};

struct httpd {
        struct httpd_options options;
        struct httpd_route *routes; /* a copy */
        struct event_base *base;
        struct event *wake;
        struct event *grace; /* armed by stop */
        int wake_fd;
        struct pool *pool;
        pthread_t thread;
        bool started; /* of whoever starts and stops */
        struct httpd_listener *listeners;
        struct httpd_conn *conns;
        size_t conn_count;
        size_t body_bytes; /* held by all exchanges */
        size_t running;    /* exchanges in the pool's hands */

        atomic_bool stopping;
        _Atomic int64_t grace_ms;
        pthread_mutex_t mu;
        struct exchange *done; /* guarded by mu */
};

/* httpd_listen.c: takes the fd. */
struct fault *httpd_listen_fd(struct httpd *h, int fd, const struct httpd_transport *transport, const char *unix_path,
                              const struct unix_file *unix_file) MUST_USE;
void httpd_listeners_free(struct httpd *h);

/* httpd_exchange.c */

/* Into the pool. EXHAUSTED "QUEUE_FULL". */
struct fault *httpd_hand_over(struct httpd *h, struct exchange *x) MUST_USE;
int64_t httpd_now_us(void);
struct exchange *exchange_new(struct httpd *h, struct httpd_conn *c);
void exchange_free(struct exchange *x);
/* The fault as a problem document; `status` 0 means the code's own. */
void response_problem(struct httpd_response *r, int status, const struct fault *failed);

/* httpd_conn.c */
void httpd_conn_new(struct httpd_listener *l, int fd);
void httpd_conn_reply(struct httpd_conn *c, const struct httpd_response *response, bool without_body);
void httpd_conn_free(struct httpd_conn *c);
/* Makes room for a newcomer; false when everybody is busy. */
bool httpd_conn_evict(struct httpd *h);

/* httpd_route.c: NULL and a fault when none fits: *ret_status is 404, or 405 with *ret_allow set ("GET, POST"). */
const struct httpd_route *httpd_route_find(const struct httpd_route *routes, size_t count, const char *method,
                                           struct span path, int *ret_status, char ret_allow[64]);
