#include "lib/net/http_unix.h"

#include "tests/fakes/expect.h"
#include "tests/fakes/unix_httpd.h"

static struct unix_httpd server;

static struct fault *on_record(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        s->status = 200;
        return buf_printf(&s->body, "{\"path\":\"%s\",\"remote\":\"%s\"}", q->path, q->remote);
}

static struct fault *on_delete(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        s->status = 200;
        return buf_printf(&s->body, "{\"method\":\"%s\",\"body\":%zu}", q->method, q->body.len);
}

static struct fault *on_missing(void *self UNUSED, const struct httpd_request *q UNUSED,
                                struct httpd_response *s UNUSED)
{
        return fault(FAULT_NOT_FOUND, "NO_RECORD", "no record");
}

static int start(void **state UNUSED)
{
        static const struct httpd_route routes[] = {
                {"GET", "/v1/records/*", 1024, on_record, NULL},
                {"GET", "/v1/missing", 1024, on_missing, NULL},
                {"DELETE", "/v1/things/*", 0, on_delete, NULL},
        };
        unix_httpd_start(&server, routes, COUNT_OF(routes));
        return 0;
}

static int stop(void **state UNUSED)
{
        return unix_httpd_stop(&server);
}

static void a_reply_comes_whole(void **state UNUSED)
{
        AUTO(http_reply) struct http_reply r = {0};
        expect_ok(http_unix_get(server.path, "/v1/records/0a1b", NULL, &r));
        assert_int_equal(r.status, 200);
        assert_string_equal(buf_str(&r.body), "{\"path\":\"/v1/records/0a1b\",\"remote\":\"unix\"}");
        assert_non_null(strstr(r.content_type, "application/json"));
}

static void a_problem_is_a_reply(void **state UNUSED)
{
        AUTO(http_reply) struct http_reply r = {0};
        expect_ok(http_unix_get(server.path, "/v1/missing", NULL, &r));
        assert_int_equal(r.status, 404);
        assert_non_null(strstr(buf_str(&r.body), "NO_RECORD"));
}

static void deletes_without_a_body(void **state UNUSED)
{
        AUTO(http_reply) struct http_reply r = {0}, refused = {0}, none = {0};
        expect_ok(http_unix_delete(server.path, "/v1/things/7", NULL, &r));
        assert_int_equal(r.status, 200);
        assert_string_equal(buf_str(&r.body), "{\"method\":\"DELETE\",\"body\":0}");
        expect_ok(http_unix_delete(server.path, "/v1/records/0a1b", NULL, &refused));
        assert_int_equal(refused.status, 405);
        expect_fault(http_unix_delete(server.path, "/a b", NULL, &none), FAULT_INVALID, "BAD_PATH");
}

static void what_cannot_be_asked(void **state UNUSED)
{
        AUTO(http_reply) struct http_reply r = {0};
        AUTO_STRING char *gone = alloc_printf("%s/gone.sock", server.dir);
        expect_fault(http_unix_get(gone, "/", NULL, &r), FAULT_UNAVAILABLE, "CONNECT");
        char longest[200] = {0};
        memset(longest, 'a', sizeof longest - 1);
        expect_fault(http_unix_get(longest, "/", NULL, &r), FAULT_INVALID, "BAD_PATH");
        static const char *const paths[] = {"", "v1", "/a b", "/a\r\nHost: b", "/a#b", "/\xff"};
        for (size_t i = 0; i < COUNT_OF(paths); i++)
                expect_fault_row(http_unix_get(server.path, paths[i], NULL, &r), FAULT_INVALID, "BAD_PATH", paths[i]);
        struct cancel cancel;
        cancel_init(&cancel, &clock_system, CANCEL_NO_DEADLINE);
        cancel_trip(&cancel);
        expect_fault(http_unix_get(server.path, "/v1/records/1", &cancel, &r), FAULT_CANCELLED, "CANCELLED");
        cancel_clear(&cancel);
        assert_int_equal(r.status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reply_comes_whole),
                cmocka_unit_test(a_problem_is_a_reply),
                cmocka_unit_test(deletes_without_a_body),
                cmocka_unit_test(what_cannot_be_asked),
        };
        return cmocka_run_group_tests_name("http_unix", tests, start, stop);
}
