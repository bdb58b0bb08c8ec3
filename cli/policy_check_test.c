#include "cli/command.h"

#include "tests/fakes/expect.h"

static struct json *check(const char *path, int *ret_exit, struct buf *ret_text)
{
        struct invocation in = {.clock = &clock_system, .word_count = 1, .words = {path}};
        struct json *j = NULL;
        *ret_exit = EXIT_FINE;
        expect_ok(command_policy_check.run(&in, &j, ret_exit));
        expect_ok(command_policy_check.print(j, ret_text));
        return j;
}

static void a_good_policy_has_a_digest(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        AUTO(json) struct json *j = check("docs/examples/policy", &code, &text);
        assert_int_equal(code, EXIT_FINE);
        assert_true(json_bool(json_get(j, "ok")));
        assert_int_equal(json_int(json_get(j, "documents")), 9);
        assert_int_equal(json_int(json_get(j, "revision")), 7);
        assert_non_null(strstr(buf_str(&text), "digest       sha256:"));
        assert_non_null(strstr(buf_str(&text), "revision     7\n"));
}

static void a_refused_one_has_a_place(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        AUTO(json) struct json *j = check("docs/examples/policy-development/all.yaml", &code, &text);
        assert_int_equal(code, EXIT_NEGATIVE);
        assert_string_equal(member_text(j, "check", ""), "POLICY_DEVELOPMENT");
        assert_non_null(strstr(buf_str(&text), "refused      docs/examples/policy-development/all.yaml:"));
}

static void a_missing_file_is_trouble(void **state)
{
        (void) state;
        struct invocation in = {.clock = &clock_system, .word_count = 1, .words = {"docs/examples/none.yaml"}};
        struct json *j = NULL;
        int code = EXIT_FINE;
        expect_fault(command_policy_check.run(&in, &j, &code), FAULT_NOT_FOUND, "NO_FILE");
        assert_null(j);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_good_policy_has_a_digest),
                cmocka_unit_test(a_refused_one_has_a_place),
                cmocka_unit_test(a_missing_file_is_trouble),
        };
        return cmocka_run_group_tests_name("cli_policy_check", tests, NULL, NULL);
}
