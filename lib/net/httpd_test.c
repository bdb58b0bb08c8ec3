#include "lib/net/httpd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/base/parse.h"
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

static int world_reset(void **state)
{
        (void) state;
        world.released = false;
        world.entered = world.done = 0;
        return 0;
}
static void world_wait(const unsigned *counter, unsigned at_least)
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
static void world_release(void)
{
        pthread_mutex_lock(&world.mu);
        world.released = true;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

/* ---- handlers ---- */

static struct fault *hello(void *self, const struct httpd_request *q, struct httpd_response *r)
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
static struct fault *echo(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self;
        (void) snprintf(r->content_type, sizeof r->content_type, "text/plain");
        return buf_append(&r->body, q->body);
}
static struct fault *deny(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *f = fault(FAULT_DENIED, "tpm.extra_data", "no");

        (void) self, (void) q;
        TRY(buf_append_str(&r->body, "half an answer"));
        fault_set_retry_after_ms(f, 1500);
        return f;
}
static struct fault *hold(void *self, const struct httpd_request *q, struct httpd_response *r)
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
static void on_done(void *arg, const char *route, int status, int64_t took_us)
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

static struct httpd *server_with(size_t connections_max, int64_t idle_timeout_ms, int64_t request_timeout_ms)
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
static struct httpd *server_new(size_t connections_max, int64_t idle_timeout_ms)
{
        return server_with(connections_max, idle_timeout_ms, 0);
}
static struct httpd *server_default(void)
{
        return server_new(16, PATIENCE_S * INT64_C(1000));
}

static int client(void)
{
        struct timeval patience = {PATIENCE_S, 0};
        int fd = -1;

        assert_null(unix_connect(path, &fd));
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        return fd;
}
static void say(int fd, struct span bytes)
{
        while (bytes.len > 0) {
                ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

                if (n <= 0)
                        return; /* refused before all was sent: the answer tells */
                bytes = span_slice(bytes, (size_t) n, bytes.len - (size_t) n);
        }
}
/* One reply by its Content-Length into `out`; its status, or 0 when the server hung up. */
static int hear(int fd, bool without_body, struct buf *out)
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
static int ask(struct span request, struct buf *out)
{
        AUTO_CLOSE int fd = client();

        say(fd, request);
        return hear(fd, span_starts_with(request, SPAN("HEAD")), out);
}

/* ---- tests ---- */

static void replies(void **state)
{
        static const struct {
                const char *name;
                struct span request;
                int status;
                const char *holds, *lacks, *route;
        } rows[] = {
                {"get", SPAN(HEAD("GET /hello") "\r\n"), 200, "hello /hello  from unix uid 1", " tls", "/hello"},
                {"no cache without etag", SPAN(HEAD("POST /echo") "\r\n"), 200, "Cache-Control: no-store\r\n", "ETag",
                 "/echo"},
                {"etag", SPAN(HEAD("GET /hello") "\r\n"), 200, "ETag: \"1\"\r\n", "Cache-Control", "/hello"},
                {"not modified", SPAN(HEAD("GET /hello") "If-None-Match: \"1\"\r\n\r\n"), 304, "304 Not Modified",
                 "Content-Length", "/hello"},
                {"head", SPAN(HEAD("HEAD /hello") "\r\n"), 200, "Content-Length: 29\r\n", "from unix", "/hello"},
                {"query", SPAN(HEAD("GET /hello?name=%41") "\r\n"), 200, "hello /hello A from", "/hello?", "/hello"},
                {"query without it", SPAN(HEAD("GET /hello?x=1") "\r\n"), 404, "\"check\":\"NO_PARAMETER\"", "from",
                 "/hello"},
                {"query twice", SPAN(HEAD("GET /hello?name=a&name=a") "\r\n"), 400, "DUPLICATE_PARAMETER", "from",
                 "/hello"},
                {"query too long", SPAN(HEAD("GET /hello?name=123456789") "\r\n"), 429, "TOO_LARGE", "from", "/hello"},
                {"query bad", SPAN(HEAD("GET /hello?name=%4") "\r\n"), 400, "BAD_ESCAPE", "from", "/hello"},
                {"query not UTF-8", SPAN(HEAD("GET /hello?name=%ff") "\r\n"), 400, "BAD_ESCAPE", "from", "/hello"},
                {"prefix", SPAN(HEAD("GET /tree/%61/b") "\r\n"), 200, "hello /tree/a/b", "problem", "/tree/*"},
                {"not the prefix", SPAN(HEAD("GET /tree") "\r\n"), 404, "NO_ROUTE", "hello", ""},
                {"unknown path", SPAN(HEAD("GET /hello/") "\r\n"), 404, "application/problem+json", "hello /", ""},
                {"unknown method", SPAN(HEAD("PUT /tree/a") "\r\n"), 405, "Allow: GET, DELETE\r\n", "hello", ""},
                {"fault", SPAN(HEAD("GET /deny") "\r\n"), 403, "\"check\":\"tpm.extra_data\"", "half", "/deny"},
                {"fault with wait", SPAN(HEAD("GET /deny") "\r\n"), 403, "Retry-After: 2\r\n", "half", "/deny"},
                {"body", SPAN(HEAD("POST /echo") "Content-Length: 3\r\n\r\nabc"), 200, "text/plain\r\n", "problem",
                 "/echo"},
                {"body where none may be", SPAN(HEAD("GET /hello") "Content-Length: 1\r\n\r\na"), 413, "BODY_TOO_LARGE",
                 "from", "/hello"},
                {"body over the limit", SPAN(HEAD("POST /echo") "Content-Length: 1001\r\n\r\n"), 413,
                 "Connection: close", "100 Continue", "/echo"},
                {"over the limit with expect",
                 SPAN(HEAD("POST /echo") "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n"), 413, "BODY_TOO_LARGE",
                 "100 Continue", "/echo"},
                {"chunked", SPAN(HEAD("POST /echo") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501,
                 "TRANSFER_ENCODING", "100 Continue", ""},
                {"no http", SPAN("\x16\x03\x01 hello\r\n\r\n"), 400, "BAD_REQUEST", "hello", ""},
        };
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                print_message("row: %s\n", rows[i].name);
                assert_int_equal(ask(rows[i].request, &reply), rows[i].status);
                assert_non_null(strstr(buf_str(&reply), rows[i].holds));
                assert_null(strstr(buf_str(&reply), rows[i].lacks));
                world_wait(&world.done, (unsigned) i + 1);
                assert_int_equal(world.last_status, rows[i].status);
                assert_string_equal(world.last_route, rows[i].route);
        }
        httpd_stop(h, 1000);
}

static void one_connection_many_requests(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int fd = client();

        (void) state;
        for (int i = 0; i < 3; i++) {
                say(fd, SPAN(HEAD("POST /echo") "Content-Length: 3\r\n\r\nabc"));
                assert_int_equal(hear(fd, false, &reply), 200);
        }
        say(fd, SPAN(HEAD("GET /nothing") "\r\n"));
        assert_int_equal(hear(fd, false, &reply), 404);
        /* Three at once, the last in two pieces: answered in order. */
        say(fd, SPAN(HEAD("GET /hello") "\r\n" HEAD("HEAD /hello") "\r\n" HEAD(
                        "POST /echo") "Content-Length: 4\r\n\r\nab"));
        assert_int_equal(hear(fd, false, &reply), 200);
        assert_int_equal(hear(fd, true, &reply), 200);
        say(fd, SPAN("cd"));
        assert_int_equal(hear(fd, false, &reply), 200);
        assert_non_null(strstr(buf_str(&reply), "abcd"));
        say(fd, SPAN(HEAD("POST /echo") "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
        assert_int_equal(hear(fd, false, &reply), 100);
        say(fd, SPAN("ab"));
        assert_int_equal(hear(fd, false, &reply), 200);
        say(fd, SPAN(HEAD("GET /hello") "Connection: close\r\n\r\n"));
        assert_int_equal(hear(fd, false, &reply), 200);
        assert_non_null(strstr(buf_str(&reply), "Connection: close\r\n"));
        httpd_stop(h, 1000);
}

static void large_head(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX), request = BUF(REPLY_MAX);

        (void) state;
        assert_null(buf_append_str(&request, HEAD("GET /hello") "X: "));
        while (request.len < 16 * 1024 - 4)
                assert_null(buf_append_byte(&request, 'x'));
        assert_null(buf_append_str(&request, "\r\n\r\n"));
        assert_int_equal(ask(buf_span(&request), &reply), 200);
        buf_truncate(&request, request.len - 4);
        assert_null(buf_append_str(&request, "x\r\n\r\n"));
        assert_int_equal(ask(buf_span(&request), &reply), 431);
        buf_truncate(&request, request.len - 4);
        while (request.len < 900000) /* no end in sight; the answer still gets through */
                assert_null(buf_append_byte(&request, 'x'));
        assert_int_equal(ask(buf_span(&request), &reply), 431);
        httpd_stop(h, 1000);
}

static void full_queue(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int first = client();
        AUTO_CLOSE int second = client();

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN(HEAD("GET /hello") "\r\n")); /* waits in the queue, once the loop has read it */
        while (ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply) != 404)
                ;
        assert_int_equal(ask(SPAN(HEAD("GET /hello") "\r\n"), &reply), 503);
        assert_non_null(strstr(buf_str(&reply), "Retry-After: 1\r\n"));
        assert_non_null(strstr(buf_str(&reply), "QUEUE_FULL"));
        world_release();
        assert_int_equal(hear(first, false, &reply), 200);
        assert_int_equal(hear(second, false, &reply), 200);
        httpd_stop(h, 1000);
}

/* The client leaves while a worker has its request, and while it waits in the queue. */
static void client_leaves(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        int first = client(), second = client();

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404); /* the loop has seen all so far */
        close(first);
        close(second);
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404);
        world_release();
        world_wait(&world.done, 4);
        assert_int_equal(ask(SPAN(HEAD("GET /hello") "\r\n"), &reply), 200);
        httpd_stop(h, 1000);
}

static void too_many_connections(void **state)
{
        struct httpd *h = server_new(2, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        int first = client(), second = client(), third;

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN("GET /hello HT")); /* a request has begun */
        usleep(20000);
        third = client();
        assert_int_equal(hear(third, false, &reply), 0);
        close(third);
        world_release();
        assert_int_equal(hear(first, false, &reply), 200);
        close(first);
        while (ask(SPAN(HEAD("GET /hello") "\r\n"), &reply) != 200)
                ; /* until the server has seen the first one go */
        close(second);
        httpd_stop(h, 1000);
}

/* Silent connections can't lock anybody out: first goes who never asked, then who asked longest ago. */
static void a_newcomer_takes_a_silent_ones_place(void **state)
{
        struct httpd *h = server_new(3, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int old = client(), recent = client(), silent = -1, newcomer = -1, another = -1;

        (void) state;
        say(old, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(old, false, &reply), 200);
        say(recent, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(recent, false, &reply), 200);
        silent = client();
        newcomer = client();
        say(newcomer, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(newcomer, false, &reply), 200);
        assert_int_equal(hear(silent, false, &reply), 0);
        another = client();
        say(another, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(another, false, &reply), 200);
        assert_int_equal(hear(old, false, &reply), 0);
        say(recent, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(recent, false, &reply), 200);
        httpd_stop(h, 1000);
}

static void all_bodies_together_are_limited(void **state)
{
        struct httpd *h = server_new(16, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int half = client();

        (void) state;
        say(half, SPAN(HEAD("POST /echo") "Content-Length: 900\r\n\r\n"));
        for (int i = 0; i < 80; i++)
                say(half, SPAN("0123456789"));
        usleep(20000);
        assert_int_equal(ask(SPAN(HEAD("POST /echo") "Content-Length: 300\r\n\r\n" TEN TEN TEN), &reply), 503);
        assert_non_null(strstr(buf_str(&reply), "BODIES_FULL"));
        for (int i = 0; i < 10; i++)
                say(half, SPAN("0123456789"));
        assert_int_equal(hear(half, false, &reply), 200);
        assert_int_equal(ask(SPAN(HEAD("POST /echo") "Content-Length: 300\r\n\r\n" TEN TEN TEN), &reply), 200);
        httpd_stop(h, 1000);
}

/* A warm connection may be silent for long; a request may not take as long to arrive. */
static void slow_requests_end_before_idle_ones(void **state)
{
        struct httpd *h = server_with(16, PATIENCE_S * INT64_C(1000), 100);
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int warm = client(), slow = client();

        (void) state;
        say(warm, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(warm, false, &reply), 200);
        say(slow, SPAN(HEAD("POST /echo") "Content-Length: 5\r\n\r\nab"));
        assert_int_equal(hear(slow, false, &reply), 0);
        usleep(150000);
        say(warm, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(warm, false, &reply), 200);
        httpd_stop(h, 1000);
}

static void idle_connections(void **state)
{
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"says nothing", SPAN_NONE},
                {"half a head", SPAN("GET /hello HT")},
                {"half a body", SPAN(HEAD("POST /echo") "Content-Length: 5\r\n\r\nab")},
        };
        struct httpd *h = server_new(16, 30);
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_CLOSE int fd = client();

                print_message("row: %s\n", rows[i].name);
                say(fd, rows[i].bytes);
                assert_int_equal(hear(fd, false, &reply), 0);
        }
        httpd_stop(h, 1000);
}

/* ---- stopping ---- */

static void *stop_run(void *server)
{
        httpd_stop(server, PATIENCE_S * INT64_C(1000));
        return NULL;
}

static void stop_lets_handlers_finish(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int fd = client();
        AUTO_CLOSE int idle = client();
        struct stat st;
        pthread_t stopper;

        (void) state;
        say(fd, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        assert_int_equal(pthread_create(&stopper, NULL, stop_run, h), 0);
        while (stat(path, &st) == 0)
                ;
        assert_int_equal(hear(idle, false, &reply), 0);
        world_release();
        assert_int_equal(hear(fd, false, &reply), 200);
        assert_non_null(strstr(buf_str(&reply), "Connection: close"));
        pthread_join(stopper, NULL);
}

static void *release_run(void *arg)
{
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);

        assert_int_equal(hear(*(int *) arg, false, &reply), 0); /* hung up: the grace is over */
        world_release();
        return NULL;
}

static void stop_does_not_wait_for_ever(void **state)
{
        struct httpd *h = server_default();
        AUTO_CLOSE int fd = client();
        AUTO_CLOSE int queued = client();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        pthread_t releaser;

        (void) state;
        say(fd, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(queued, SPAN(HEAD("GET /hold") "\r\n"));
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404);
        assert_int_equal(pthread_create(&releaser, NULL, release_run, &fd), 0);
        httpd_stop(h, 10);
        pthread_join(releaser, NULL);
        assert_int_equal(world.entered, 1); /* what waited in the queue was not begun */
}

static void stop_unstarted(void **state)
{
        static const struct httpd_route none[1];
        struct httpd *h = NULL;
        struct stat st;

        (void) state;
        assert_null(httpd_new(&(struct httpd_options){.name = "http-test",
                                                      .routes = none,
                                                      .workers = 1,
                                                      .queue_max = 1,
                                                      .connections_max = 1,
                                                      .idle_timeout_ms = 1000,
                                                      .clock = &clock_system},
                              &h));
        assert_null(httpd_listen_unix(h, path, 0640));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        httpd_stop(h, 0);
        assert_int_equal(stat(path, &st), -1);
        httpd_stop(NULL, 0);
}

static int make_dir(void **state)
{
        (void) state;
        if (mkdtemp(dir) == NULL)
                return -1;
        (void) snprintf(path, sizeof path, "%s/s", dir);
        return 0;
}
static int remove_dir(void **state)
{
        (void) state;
        return rmdir(dir);
}

#define ROW(test) cmocka_unit_test_setup(test, world_reset)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(replies),
                ROW(one_connection_many_requests),
                ROW(large_head),
                ROW(full_queue),
                ROW(client_leaves),
                ROW(too_many_connections),
                ROW(a_newcomer_takes_a_silent_ones_place),
                ROW(all_bodies_together_are_limited),
                ROW(slow_requests_end_before_idle_ones),
                ROW(idle_connections),
                ROW(stop_lets_handlers_finish),
                ROW(stop_does_not_wait_for_ever),
                ROW(stop_unstarted),
        };
        return cmocka_run_group_tests_name("httpd", tests, make_dir, remove_dir);
}
