/* http: HTTPS client. The only place that sees libcurl.
 *
 * One `struct http` is one origin and one connection that is kept warm; its calls are serialised by the caller. TLS as lib/crypt/tls has it; no
 * redirects, no proxies from the environment, no cookies, no compression. HTTP/1.1. The TLS exporter of the connection is
 * taken where libcurl allows it (PREREQFUNCTION, just before a request is sent). http_post_bound sends nothing unless the
 * connection about to be used has exactly the exporter that the body was bound to: FAULT_ABORTED "CONNECTION_CHANGED" tells the caller
 * to ask for a challenge and quote again. Plain http:// is refused, but for `is_plain`. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/crypt/tls.h"

struct http_options {
        const char *base_url;   /* "https://issuer.example:8443", no path */
        struct tls_client *tls; /* borrowed */
        size_t body_max;        /* of replies */
        int64_t connect_timeout_ms;
        const char *user_agent;
        bool is_public; /* `tls` is one for services of others: no exporter is taken, and TLS 1.2 will do */
        bool is_plain;  /* a service that only speaks "http://", of the machine's own host: no `tls`, no exporter, and
                               nothing in an answer may be believed because it came */
        const char *header; /* a line that each request has besides, "Metadata: true"; lives as long; NULL: none */
        const char *const
                *keep; /* NULL-terminated names of headers: the first of them that a reply has is kept; NULL: none */
};
#define HTTP_KEPT_MAX ((size_t) 32 << 10)
struct http_reply {
        int status;
        struct buf body;
        char content_type[96];
        char etag[96];
        int64_t retry_after_ms; /* 0: unsaid */
        char *kept; /* value of the header that http_options.keep asked for; NULL: none, or none that is printable */
};
struct http;

struct fault *http_new(const struct http_options *o, struct http **ret) MUST_USE;
/* Any status is a reply; faults are FAULT_UNAVAILABLE "CONNECT" (refused, name, timeout to connect), "TLS" (the text says what of the
 * peer did not fit), "HTTP", FAULT_EXHAUSTED "REPLY_TOO_LARGE", and the cancel's. `etag` may be NULL (If-None-Match). */
struct fault *http_get(struct http *h, const char *path, const char *etag, struct cancel *cancel,
                       struct http_reply *ret) MUST_USE;
struct fault *http_post(struct http *h, const char *path, struct span json, struct cancel *cancel,
                        struct http_reply *ret) MUST_USE;
struct fault *http_post_bound(struct http *h, const char *path, struct span json, const uint8_t exporter[32],
                              struct cancel *cancel, struct http_reply *ret) MUST_USE;
/* Exporter of the connection that the last exchange used. FAULT_PRECONDITION "NO_CONNECTION" when there is none. */
struct fault *http_exporter(struct http *h, uint8_t ret[32]) MUST_USE;
/* Exchanges so far (for tests that count round trips). */
uint64_t http_exchanges(const struct http *h);
void http_reply_clear(struct http_reply *r);
DEFINE_AUTO_VALUE(http_reply)
void http_free(struct http *h);
DEFINE_AUTO(http)
