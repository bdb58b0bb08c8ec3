/* httpd_world: a server whose handlers a test holds back and counts, and clients that speak to it byte by byte. One worker, a queue of one. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/parse.h"
#include "lib/net/httpd.h"
#include "lib/net/unix_socket.h"

#define PATIENCE_S 20
#define REPLY_MAX  (1u << 20)
#define TEN        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define HEAD(line) line " HTTP/1.1\r\nHost: a\r\n"

static char dir[] = "/tmp/vouchsafe-httpd-XXXXXX";
static char path[64];

static struct {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool released;
        unsigned entered, done;
        int last_status;
        char last_route[32];
} world = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline int world_reset(void **state)
{
        (void) state;
        world.released = false;
        world.entered = world.done = 0;
        return 0;
}
static inline void world_wait(const unsigned *counter, unsigned at_least)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_S;
        pthread_mutex_lock(&world.mu);
        while (*counter < at_least)
                if (pthread_cond_timedwait(&world.changed, &world.mu, &until) != 0)
                        break;
        assert_true(*counter >= at_least);
        pthread_mutex_unlock(&world.mu);
}
static inline void world_release(void)
{
        pthread_mutex_lock(&world.mu);
        world.released = true;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

/* ---- handlers ---- */

static inline struct fault *hello(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(buf) struct buf name = BUF(8);

        if (q->if_none_match != NULL && strcmp(q->if_none_match, "\"1\"") == 0) {
                r->status = 304;
                return NULL;
        }
        if (q->query[0] != '\0')
                TRY(httpd_query(q, "name", 8, &name));
        (void) snprintf(r->etag, sizeof r->etag, "\"1\"");
        return buf_printf(&r->body, "%s %s %s from %s uid %d%s", (const char *) self, q->path, buf_str(&name),
                          q->remote, q->remote_uid == getuid(), q->has_exporter || q->has_client_spki ? " tls" : "");
}
static inline struct fault *echo(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self;
        (void) snprintf(r->content_type, sizeof r->content_type, "text/plain");
        return buf_append(&r->body, q->body);
}
static inline struct fault *deny(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *f = fault(FAULT_DENIED, "tpm.extra_data", "no");

        (void) self, (void) q;
        TRY(buf_append_str(&r->body, "half an answer"));
        fault_set_retry_after_ms(f, 1500);
        return f;
}
static inline struct fault *hold(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self, (void) q;
        pthread_mutex_lock(&world.mu);
        world.entered++;
        pthread_cond_broadcast(&world.changed);
        while (!world.released)
                pthread_cond_wait(&world.changed, &world.mu);
        pthread_mutex_unlock(&world.mu);
        return buf_append_str(&r->body, "held");
}
static inline void on_done(void *arg, const char *route, int status, int64_t took_us)
{
        assert_ptr_equal(arg, &world);
        assert_true(took_us >= 0);
        pthread_mutex_lock(&world.mu);
        world.done++;
        world.last_status = status;
        (void) snprintf(world.last_route, sizeof world.last_route, "%s", route);
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

/* ---- server and client ---- */

static inline struct httpd *server_with(size_t connections_max, int64_t idle_timeout_ms, int64_t request_timeout_ms)
{
        static char self[] = "hello";
        static const struct httpd_route routes[] = {
                {"GET", "/hello", 0, hello, self},  {"POST", "/echo", 1000, echo, NULL},
                {"GET", "/deny", 0, deny, NULL},    {"GET", "/hold", 0, hold, NULL},
                {"GET", "/tree/*", 0, hello, self}, {"DELETE", "/tree/*", 0, hello, self},
        };
        struct httpd *h = NULL;

        assert_null(httpd_new(&(struct httpd_options){.name = "http-test",
                                                      .routes = routes,
                                                      .route_count = COUNT_OF(routes),
                                                      .workers = 1,
                                                      .queue_max = 1,
                                                      .connections_max = connections_max,
                                                      .bodies_max = 1000,
                                                      .idle_timeout_ms = idle_timeout_ms,
                                                      .request_timeout_ms = request_timeout_ms,
                                                      .clock = &clock_system,
                                                      .on_done = on_done,
                                                      .on_done_arg = &world},
                              &h));
        assert_null(httpd_listen_unix(h, path, 0600));
        assert_null(httpd_start(h));
        return h;
}
static inline struct httpd *server_new(size_t connections_max, int64_t idle_timeout_ms)
{
        return server_with(connections_max, idle_timeout_ms, 0);
}
static inline struct httpd *server_default(void)
{
        return server_new(16, PATIENCE_S * INT64_C(1000));
}

static inline int client(void)
{
        struct timeval patience = {PATIENCE_S, 0};
        int fd = -1;

        assert_null(unix_connect(path, &fd));
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        return fd;
}
static inline void say(int fd, struct span bytes)
{
        while (bytes.len > 0) {
                ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

                if (n <= 0)
                        return; /* refused before all was sent: the answer tells */
                bytes = span_slice(bytes, (size_t) n, bytes.len - (size_t) n);
        }
}
/* One reply by its Content-Length into `out`; its status, or 0 when the server hung up. */
static inline int hear(int fd, bool without_body, struct buf *out)
{
        size_t wanted = SIZE_MAX;

        buf_clear(out);
        while (out->len < wanted) {
                const char *end, *length;
                char byte;

                if (recv(fd, &byte, 1, 0) != 1)
                        return 0;
                assert_null(buf_append_byte(out, (uint8_t) byte));
                end = strstr(buf_str(out), "\r\n\r\n");
                if (wanted == SIZE_MAX && end != NULL) {
                        uint64_t body = 0;

                        length = strstr(buf_str(out), "Content-Length: ");
                        if (length != NULL && !without_body)
                                assert_null(parse_u64(span_make(length + 16, strcspn(length + 16, "\r")), 0, REPLY_MAX,
                                                      &body));
                        wanted = out->len + body;
                }
        }
        return (buf_str(out)[9] - '0') * 100 + (buf_str(out)[10] - '0') * 10 + (buf_str(out)[11] - '0');
}
/* A request on a connection of its own. */
static inline int ask(struct span request, struct buf *out)
{
        AUTO_CLOSE int fd = client();

        say(fd, request);
        return hear(fd, span_starts_with(request, SPAN("HEAD")), out);
}

static inline int make_dir(void **state)
{
        (void) state;
        if (mkdtemp(dir) == NULL)
                return -1;
        (void) snprintf(path, sizeof path, "%s/s", dir);
        return 0;
}
static inline int remove_dir(void **state)
{
        (void) state;
        return rmdir(dir);
}

#define ROW(test) cmocka_unit_test_setup(test, world_reset)
