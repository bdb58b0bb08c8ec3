#include "cli/command.h"

#include "tests/fakes/expect.h"
#include "tests/fakes/unix_httpd.h"

static struct unix_httpd server;
static char asked[4096]; /* by the last request: method, path, query and body */

#define KEY                                                                                                            \
        "{\"name\":\"api\",\"owner\":\"team\",\"identity\":\"spiffe://demo.example/"                                   \
        "a\",\"algorithm\":\"p256\",\"newest\":2,"                                                                     \
        "\"key_release\":\"api\",\"versions\":[{\"version\":2,\"created\":1795456800,\"spki_sha256\":\"ab\","          \
        "\"serial\":\"0a\",\"not_after\":1795460400},{\"version\":1,\"created\":1795456800,\"spki_sha256\":\"cd\"}]}"

static struct fault *on_any(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        (void) snprintf(asked, sizeof asked, "%s %s%s%s %.*s", q->method, q->path, q->query[0] != '\0' ? "?" : "",
                        q->query, (int) q->body.len, (const char *) q->body.data);
        if (strstr(q->path, "refused") != NULL)
                return fault(FAULT_DENIED, "keys.owner", "not yours");
        if (strstr(q->path, "broken") != NULL)
                return fault(FAULT_UNAVAILABLE, "STORE", "the disk");
        if (strcmp(q->path, "/v1/keystore/rewrap") == 0)
                return buf_append_str(&s->body, "{\"rewrapped\":3}");
        if (strcmp(q->method, "DELETE") == 0)
                return buf_append_str(&s->body, "{\"name\":\"api\",\"version\":1,\"destroyed\":true}");
        if (strcmp(q->method, "GET") != 0 || strcmp(q->path, "/v1/keys") != 0)
                return buf_append_str(&s->body, KEY);
        if (q->query[0] == '\0')
                return buf_append_str(&s->body,
                                      "{\"keys\":[{\"name\":\"api\",\"owner\":\"te\\u001bam\"}],\"next\":\"api\"}");
        return buf_append_str(&s->body, "{\"keys\":[{\"name\":\"big\"}]}");
}

static int start(void **state UNUSED)
{
        static const struct httpd_route routes[] = {
                {"GET", "/v1/keys", 0, on_any, NULL},      {"POST", "/v1/keys", 8192, on_any, NULL},
                {"GET", "/v1/keys/*", 0, on_any, NULL},    {"POST", "/v1/keys/*", 8192, on_any, NULL},
                {"DELETE", "/v1/keys/*", 0, on_any, NULL}, {"POST", "/v1/keystore/rewrap", 8192, on_any, NULL},
        };
        unix_httpd_start(&server, routes, COUNT_OF(routes));
        return 0;
}

static int stop(void **state UNUSED)
{
        return unix_httpd_stop(&server);
}

struct given {
        const char *flag, *value;
};
static struct fault *run(const struct command *c, const char *word, const struct given *given, struct json **ret,
                         int *ret_exit)
{
        struct invocation in = {.clock = &clock_system, .word_count = word != NULL, .words = {word}};
        const struct given socket = {"socket", server.path};
        for (size_t i = 0; i < 4; i++) {
                const struct given *g = i == 0 ? &socket : &given[i - 1];
                for (const struct flag *f = c->flags; g->flag != NULL && f->name != NULL; f++)
                        if (strcmp(f->name, g->flag) == 0) {
                                in.flags[in.flag_count].flag = f;
                                in.flags[in.flag_count++].value = g->value;
                        }
        }
        *ret_exit = EXIT_FINE;
        return c->run(&in, ret, ret_exit);
}

#define ID                                                                                                             \
        {                                                                                                              \
                "identity", "spiffe://demo.example/a"                                                                  \
        }

static void what_is_asked(void **state UNUSED)
{
        static const struct {
                const char *name;
                const struct command *command;
                const char *word;
                struct given given[3];
                const char *asked, *says;
        } rows[] = {
                {"create",
                 &command_stored_create,
                 "api",
                 {ID},
                 "POST /v1/keys {\"algorithm\":\"p256\",\"identity\":\"spiffe://demo.example/a\",\"name\":\"api\"}",
                 "certificate 0a until"},
                {"create large",
                 &command_stored_create,
                 "api",
                 {ID, {"algorithm", "rsa3072"}},
                 "POST /v1/keys {\"algorithm\":\"rsa3072\",\"identity\":\"spiffe://demo.example/a\",\"name\":\"api\"}",
                 "released by  api\n"},
                {"show", &command_stored_show, "api", {{NULL, NULL}}, "GET /v1/keys/api ", "without a certificate"},
                {"rotate",
                 &command_stored_rotate,
                 "api",
                 {{NULL, NULL}},
                 "POST /v1/keys/api/rotate {}",
                 "newest       2\n"},
                {"destroy a version",
                 &command_stored_destroy,
                 "api",
                 {{"key-version", "1"}},
                 "DELETE /v1/keys/api?version=1 ",
                 "destroyed    api, version 1\n"},
                {"destroy all", &command_stored_destroy, "api", {{"all", ""}}, "DELETE /v1/keys/api ", "destroyed"},
                {"list",
                 &command_stored_list,
                 NULL,
                 {{NULL, NULL}},
                 "GET /v1/keys?after=api ",
                 "owner        te\\x1bam\n"},
                {"rewrap", &command_stored_rewrap, NULL, {{NULL, NULL}}, "POST /v1/keystore/rewrap {}", "3 versions"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL;
                AUTO(buf) struct buf text = BUF(1 << 16);
                int code;
                expect_ok(run(rows[i].command, rows[i].word, rows[i].given, &j, &code));
                expect_ok(rows[i].command->print(j, &text));
                if (code != EXIT_FINE || strcmp(asked, rows[i].asked) != 0 ||
                    strstr(buf_str(&text), rows[i].says) == NULL)
                        fail_msg("%s: %s\n%s", rows[i].name, asked, buf_str(&text));
        }
}

static void a_refusal_is_an_answer(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL, *none = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        expect_ok(run(&command_stored_show, "refused", (struct given[3]){{NULL, NULL}}, &j, &code));
        assert_int_equal(code, EXIT_NEGATIVE);
        expect_ok(command_stored_show.print(j, &text));
        assert_non_null(strstr(buf_str(&text), "keys.owner"));
        expect_fault(run(&command_stored_show, "broken", (struct given[3]){{NULL, NULL}}, &none, &code),
                     FAULT_UNAVAILABLE, "STORE");
}

static void usage(void **state UNUSED)
{
        static const struct {
                const char *name;
                const struct command *command;
                const char *word;
                struct given given[3];
        } rows[] = {
                {"no identity", &command_stored_create, "api", {{NULL, NULL}}},
                {"nothing to import", &command_stored_import, "api", {ID}},
                {"neither a version nor all", &command_stored_destroy, "api", {{NULL, NULL}}},
                {"both", &command_stored_destroy, "api", {{"key-version", "1"}, {"all", ""}}},
                {"a version that is no number", &command_stored_destroy, "api", {{"key-version", "1&x"}}},
                {"a path for a name", &command_stored_show, "../records", {{NULL, NULL}}},
                {"a query in a name", &command_stored_show, "api?x", {{NULL, NULL}}},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct json *none = NULL;
                int code;
                expect_fault_row(run(rows[i].command, rows[i].word, rows[i].given, &none, &code), FAULT_INVALID,
                                 "USAGE", rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_asked, start, stop),
                cmocka_unit_test_setup_teardown(a_refusal_is_an_answer, start, stop),
                cmocka_unit_test_setup_teardown(usage, start, stop),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
