#include "cli/command.h"

#include "tests/fakes/expect.h"
#include "tests/fakes/unix_httpd.h"

static struct unix_httpd server;
static const char *fake_list; /* of the first page; NULL: none enrolled */

#define FIRST                                                                                                          \
        "{\"name\":\"000b01\",\"ek\":\"ee\",\"ek_issuer\":\"CN=maker\",\"cluster\":\"lab\",\"node\":\"n1\","           \
        "\"enrolled\":"                                                                                                \
        "1795456800}"

static struct fault *on_list(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        if (fake_list != NULL)
                return buf_append_str(&s->body, fake_list);
        if (strcmp(q->query, "") == 0)
                return buf_append_str(&s->body, "{\"attestation_keys\":[" FIRST "],\"next\":\"000b01\"}");
        assert_string_equal(q->query, "after=000b01");
        return buf_append_str(&s->body, "{\"attestation_keys\":[{\"name\":\"000b02\",\"node\":\"n\\u001b2\"}]}");
}

static struct fault *on_delete(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        const char *name = q->path + strlen("/v1/attestation-keys/");
        if (strcmp(name, "000b01") == 0)
                return buf_append_str(&s->body, FIRST);
        if (strcmp(name, "00ff") == 0)
                return fault(FAULT_DENIED, "admin.uid", "this user may not ask");
        if (strcmp(name, "00ee") == 0)
                return fault(FAULT_NOT_FOUND, "NO_ROUTE", "an older issuer");
        return fault(FAULT_NOT_FOUND, "NO_AK", "this attestation key is not enrolled");
}

static int start(void **state UNUSED)
{
        static const struct httpd_route routes[] = {
                {"GET", "/v1/attestation-keys", 0, on_list, NULL},
                {"DELETE", "/v1/attestation-keys/*", 0, on_delete, NULL},
        };
        unix_httpd_start(&server, routes, COUNT_OF(routes));
        return 0;
}

static int stop(void **state UNUSED)
{
        return unix_httpd_stop(&server);
}

static struct fault *run(const struct command *c, const char *word, struct json **ret, int *ret_exit)
{
        struct invocation in = {.clock = &clock_system, .word_count = word != NULL, .words = {word}, .flag_count = 1};
        in.flags[0].flag = &c->flags[0]; /* --socket */
        in.flags[0].value = server.path;
        *ret_exit = EXIT_FINE;
        return c->run(&in, ret, ret_exit);
}

static void all_pages_are_listed(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        fake_list = NULL;
        expect_ok(run(&command_keys_list, NULL, &j, &code));
        assert_int_equal(code, EXIT_FINE);
        assert_int_equal(json_count(json_get(j, "attestation_keys")), 2);
        expect_ok(command_keys_list.print(j, &text));
        assert_string_equal(buf_str(&text), "key          000b01\n"
                                            "node         n1\n"
                                            "cluster      lab\n"
                                            "ek           ee\n"
                                            "ek issuer    CN=maker\n"
                                            "enrolled     2026-11-23T18:00:00Z\n"
                                            "\n"
                                            "key          000b02\n"
                                            "node         n\\x1b2\n");
}

static void lists_that_are_none(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        fake_list = "{\"attestation_keys\":[]}";
        expect_ok(run(&command_keys_list, NULL, &j, &code));
        expect_ok(command_keys_list.print(j, &text));
        assert_string_equal(buf_str(&text), "no attestation key is enrolled\n");
        static const struct {
                const char *body, *token;
                enum fault_code code;
        } rows[] = {
                {"not json", "BAD_JSON", FAULT_INVALID},
                {"{}", "BAD_FIELD", FAULT_INVALID},
                {"{\"attestation_keys\":7}", "BAD_FIELD", FAULT_INVALID},
                {"{\"attestation_keys\":[],\"next\":7}", "BAD_FIELD", FAULT_INVALID},
                {"{\"attestation_keys\":[],\"next\":\"00\"}", "LIST_ENDLESS", FAULT_INTERNAL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct json *none = NULL;
                fake_list = rows[i].body;
                expect_fault_row(run(&command_keys_list, NULL, &none, &code), rows[i].code, rows[i].token,
                                 rows[i].body);
                assert_null(none);
        }
}

static void a_key_is_forgotten(void **state UNUSED)
{
        static const char *const forms[] = {"000b01", "000B01"};
        for (size_t i = 0; i < COUNT_OF(forms); i++) {
                AUTO(json) struct json *j = NULL;
                AUTO(buf) struct buf text = BUF(1 << 16);
                int code;
                expect_ok(run(&command_keys_forget, forms[i], &j, &code));
                assert_int_equal(code, EXIT_FINE);
                assert_string_equal(member_text(json_get(j, "forgotten"), "name", ""), "000b01");
                expect_ok(command_keys_forget.print(j, &text));
                assert_non_null(strstr(buf_str(&text), "node         n1\n"));
                assert_non_null(strstr(buf_str(&text), "forgotten    "));
        }
}

static void what_is_not_forgotten(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        expect_ok(run(&command_keys_forget, "0011", &j, &code));
        assert_int_equal(code, EXIT_NEGATIVE);
        assert_string_equal(member_text(j, "check", ""), "NO_AK");
        expect_ok(command_keys_forget.print(j, &text));
        assert_non_null(strstr(buf_str(&text), "not found    0011\n"));

        struct json *none = NULL;
        expect_fault(run(&command_keys_forget, "00ff", &none, &code), FAULT_DENIED, "admin.uid");
        expect_fault(run(&command_keys_forget, "00ee", &none, &code), FAULT_NOT_FOUND, "NO_ROUTE");
        char longest[131];
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        const char *const bad[] = {"", "0", "00zz", "../x", "00 1", "00/1", "00?a", longest};
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                expect_fault_row(run(&command_keys_forget, bad[i], &none, &code), FAULT_INVALID, "USAGE", bad[i]);
        assert_null(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_pages_are_listed),
                cmocka_unit_test(lists_that_are_none),
                cmocka_unit_test(a_key_is_forgotten),
                cmocka_unit_test(what_is_not_forgotten),
        };
        return cmocka_run_group_tests_name("cli_attestation_keys", tests, start, stop);
}
