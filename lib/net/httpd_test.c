#include "lib/net/httpd.h"

#include "tests/fakes/httpd_world.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(replies),
                ROW(one_connection_many_requests),
                ROW(large_head),
        };
        return cmocka_run_group_tests_name("httpd", tests, make_dir, remove_dir);
}
