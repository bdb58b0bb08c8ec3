#include "sign/arguments.h"

#include "tests/fakes/expect.h"

#define ARGS_MAX 12

static struct fault *read_words(const char *line, const char *dir_default, struct arguments *ret, char **ret_copy)
{
        char *argv[ARGS_MAX] = {NULL}, *copy = alloc_string(line), *rest = copy;
        int argc = 0;

        *ret_copy = copy;
        for (char *word; (word = strsep(&rest, "|")) != NULL && argc < ARGS_MAX;)
                argv[argc++] = word;
        return arguments_read(argc, argv, dir_default, ret);
}

static void refuses(void **state UNUSED)
{
        static const char *const lines[] = {
                "x",
                "x|sign",
                "x|wpt",
                "x|wpt|https://a/|https://b/|c",
                "x|wpt|https://a/|https://b/",
                "x|http|https://a/",
                "x|http|GET",
                "x|http|GET|https://a/|b",
                "x|http|G ET|https://a/",
                "x|wpt|--nothing|https://a/",
                "x|wpt|--body|f|https://a/",
                "x|wpt|--by-path|https://a/",
                "x|http|--token|GET|https://a/",
                "x|http|--access-token|f|GET|https://a/",
                "x|wpt|--token=yes|https://a/",
                "x|wpt|https://a/|--ttl",
                "x|wpt|--ttl|0s|https://a/",
                "x|wpt|--ttl|301s|https://a/",
                "x|wpt|--ttl|60|https://a/",
                "x|wpt|--field|X|https://a/",
                "x|wpt|--field|: y|https://a/",
                "x|wpt|--field|X Y: z|https://a/",
                "x|wpt|--token|--authorization|https://a/",
        };
        for (size_t i = 0; i < COUNT_OF(lines); i++) {
                AUTO(arguments) struct arguments a = {0};
                AUTO_STRING char *copy = NULL;
                expect_fault_row(read_words(lines[i], "/v", &a, &copy), FAULT_INVALID, "USAGE", lines[i]);
        }
        AUTO(arguments) struct arguments a = {0};
        AUTO_STRING char *copy = NULL;
        expect_fault(read_words("x|wpt|https://a/", NULL, &a, &copy), FAULT_INVALID, "USAGE");
}

static void takes(void **state UNUSED)
{
        AUTO(arguments) struct arguments wpt = {0}, http = {0}, help = {0}, late = {0}, version = {0};
        AUTO_STRING char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL;

        expect_ok(read_words("x|wpt|--ttl=5m|--dir|/w|--field|X-User:  alice|--token|https://a/", "/v", &wpt, &a));
        assert_int_equal(wpt.command, SIGN_WPT);
        assert_int_equal(wpt.ttl_s, 300);
        assert_string_equal(wpt.dir, "/w");
        assert_string_equal(wpt.url, "https://a/");
        assert_string_equal(wpt.parsed[0].name, "X-User");
        assert_true(span_eq_str(wpt.parsed[0].value, "alice"));
        assert_true(wpt.token_only);
        expect_ok(read_words("x|http|POST|https://a/|--body|-|--by-path|--audience|urn:x", "/v", &http, &b));
        assert_int_equal(http.command, SIGN_HTTP);
        assert_string_equal(http.method, "POST");
        assert_string_equal(http.dir, "/v");
        assert_string_equal(http.body_file, "-");
        assert_string_equal(http.audience, "urn:x");
        assert_int_equal(http.ttl_s, TTL_DEFAULT_S);
        assert_true(http.by_path);
        expect_ok(read_words("x|--help", NULL, &help, &c));
        assert_int_equal(help.command, SIGN_HELP);
        expect_ok(read_words("x|wpt|--help", NULL, &late, &d));
        assert_int_equal(late.command, SIGN_HELP);
        expect_ok(read_words("x|--version", NULL, &version, &e));
        assert_int_equal(version.command, SIGN_VERSION);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(refuses), cmocka_unit_test(takes)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
