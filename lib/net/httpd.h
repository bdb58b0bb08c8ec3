/* httpd: HTTP server, over TLS on TCP or in the clear on a Unix socket. The only place that sees libevent.
 *
 * One thread runs the loop; handlers run in a worker pool behind a bounded queue (full: 503 with Retry-After at once), and their
 * answers go back through the loop. Limits: header 16 KiB, body per route, all bodies together, time for a request to arrive, idle
 * time, connections. A newcomer to a full house takes the place of who has been silent longest. TLS lives in httpd_tls.c so that a
 * program that only listens on Unix sockets does not load it. HEAD is answered as GET without body; unknown paths 404, known path and
 * other method 405, both as problem documents. */
#pragma once

#include <sys/types.h>

#include "lib/base/clock.h"
#include "lib/base/span.h"

struct httpd_request {
        const char *method; /* "GET", "POST", "DELETE", "PUT" */
        const char *path;   /* decoded, without query */
        const char *query;  /* raw, "" when there is none */
        struct span body;
        const char *if_none_match; /* NULL: none */
        const char *remote;        /* "127.0.0.1", or "unix" */
        uid_t remote_uid;          /* Unix socket only (SO_PEERCRED) */
        /* TLS only: */
        bool has_client_spki;
        uint8_t client_spki_sha256[32];
        bool has_exporter;
        uint8_t exporter[32];
        const char
                *client_name; /* of a certificate that a CA of clients vouches for (tls_server_new_for); "" otherwise */
};
struct httpd_response {
        int status;
        char content_type[64]; /* "application/json" unless set */
        struct buf body;
        char etag[96];         /* "" none */
        int64_t retry_after_s; /* 0 none */
};
/* Runs in a worker. A fault becomes a problem document (lib/wire/problem). `extra` of a problem (the next nonce) is written by handlers
 * themselves, as an ordinary response. */
typedef struct fault *(*httpd_handler)(void *self, const struct httpd_request *request,
                                       struct httpd_response *response);
struct httpd_route {
        const char *method;
        const char *path; /* exact, or ending in "*" for a prefix: "/v1/records/" and star */
        size_t body_max;
        httpd_handler handler;
        void *self;
};
struct httpd_options {
        const char *name; /* of the threads */
        const struct httpd_route *routes;
        size_t route_count;
        unsigned workers;
        size_t queue_max;
        size_t connections_max;
        size_t bodies_max; /* bytes of all bodies together, more are answered 503; 0: no limit of their own */
        int64_t idle_timeout_ms;
        int64_t request_timeout_ms; /* from a request's first byte to its last, and to a connection's first byte; 0: idle_timeout_ms */
        const struct clock *clock;
        /* After every request; may be NULL. */
        void (*on_done)(void *arg, const char *route_path, int status, int64_t took_us);
        void *on_done_arg;
};
struct httpd;
struct tls_server;

struct fault *httpd_new(const struct httpd_options *o, struct httpd **ret) MUST_USE;
struct fault *httpd_listen_unix(struct httpd *h, const char *path, mode_t mode) MUST_USE; /* replaces a stale socket */
/* "127.0.0.1:8443" or "[::1]:8443"; port 0 picks one: *ret_port. In httpd_tls.c. */
struct fault *httpd_listen_tls(struct httpd *h, const char *address, struct tls_server *tls,
                               uint16_t *ret_port) MUST_USE;
struct fault *httpd_start(struct httpd *h) MUST_USE;
/* Stops listening, lets running handlers finish (grace_ms), closes, joins, frees. */
void httpd_stop(struct httpd *h, int64_t grace_ms);
/* One value of the query, percent-decoded; NOT_FOUND "NO_PARAMETER", INVALID when it can't be decoded. */
struct fault *httpd_query(const struct httpd_request *r, const char *name, size_t max, struct buf *out) MUST_USE;
