#include "lib/model/facts.h"

#include "tests/fakes/expect.h"

/* A decision: an `any` that held over a failed branch, then the check that failed. */
static struct check *decision(void)
{
        struct check *root = check_new("decision", false);
        struct check *any = check_add(root, "platform", true, NULL, NULL, -1);
        check_add(any, "tpm.ek", false, "in set a", "12ab", ORIGIN_HW);
        check_add(any, "tpm.ek", true, "in set b", "12ab", ORIGIN_HW);
        struct check *rule = check_new("workload/api", false);
        check_add(rule, "k8s.namespace", true, "payroll", "payroll", ORIGIN_K8S);
        struct check *pcr = check_add(rule, "tpm.pcr.sha256.7", false, "00", "ff", ORIGIN_MEASURED);
        check_set_owner(pcr, "platform-team");
        check_adopt(root, rule);
        return root;
}

#define PRINTED                                                                                                        \
        "FAIL decision\n"                                                                                              \
        "  ok   platform\n"                                                                                            \
        "    FAIL tpm.ek  wanted in set a  got 12ab  (hw)\n"                                                           \
        "    ok   tpm.ek  wanted in set b  got 12ab  (hw)\n"                                                           \
        "  FAIL workload/api\n"                                                                                        \
        "    ok   k8s.namespace  wanted payroll  got payroll  (k8s)\n"                                                 \
        "    FAIL tpm.pcr.sha256.7  wanted 00  got ff  (measured, platform-team)\n"

static void expect_printed(const struct check *c, const char *wanted)
{
        AUTO(buf) struct buf out = BUF(4096);
        expect_ok(check_print(c, &out));
        assert_string_equal(buf_str(&out), wanted);
}

static void prints(void **state UNUSED)
{
        AUTO(check) struct check *c = decision();
        expect_printed(c, PRINTED);
}

static void finds_the_reason(void **state UNUSED)
{
        AUTO(check) struct check *c = decision(), *held = check_new("x", true), *no = check_new("not", false);
        assert_string_equal(check_first_failure(c)->name, "tpm.pcr.sha256.7");
        check_add(held, "y", false, NULL, NULL, -1);
        assert_null(check_first_failure(held));
        check_add(no, "y", true, NULL, NULL, -1); /* a `not` fails because what is below it held */
        assert_ptr_equal(check_first_failure(no), no);
        assert_null(check_first_failure(NULL));
}

static void goes_through_json(void **state UNUSED)
{
        AUTO(check) struct check *c = decision(), *back = NULL;
        AUTO(json) struct json *j = check_to_json(c), *parsed = NULL;
        AUTO(buf) struct buf out = BUF(4096);
        assert_int_equal(json_count(j), 7);
        expect_ok(json_write(json_at(j, 6), &out));
        assert_string_equal(
                buf_str(&out),
                "{\"depth\":2,\"got\":\"ff\",\"name\":\"tpm.pcr.sha256.7\",\"ok\":false,\"origin\":\"measured\","
                "\"owner\":\"platform-team\",\"wanted\":\"00\"}");
        buf_truncate(&out, 0);
        expect_ok(json_write(j, &out));
        expect_ok(json_parse(buf_span(&out), &parsed));
        expect_ok(check_from_json(parsed, &back));
        expect_printed(back, PRINTED);
}

static void texts_are_made_harmless(void **state UNUSED)
{
        AUTO(check) struct check *c = check_new("a\nb\x1b", false);
        assert_string_equal(c->name, "a\\x0ab\\x1b");
        struct check *child = check_add(c, "n", false, "\xff\xc3\xb6\xe2\x80\xa8", NULL, -1);
        assert_string_equal(child->wanted, "\\xff\xc3\xb6\\xe2\\x80\\xa8");
        assert_null(child->got);

        char text[600];
        memset(text, 'x', sizeof text);
        text[512] = '\0';
        check_set_owner(child, text);
        assert_string_equal(child->owner, text);
        text[512] = 'x';
        text[513] = '\0';
        check_set_owner(child, text);
        assert_int_equal(strlen(child->owner), 512);
        assert_string_equal(child->owner + 508, "x...");
        memset(text, '\n', sizeof text);
        text[599] = '\0';
        check_set_owner(child, text);
        assert_int_equal(strlen(child->owner), 511);
        assert_string_equal(child->owner + 500, "\\x0a\\x0a...");

        AUTO(json) struct json *j = check_to_json(c);
        AUTO(check) struct check *back = NULL;
        expect_ok(check_from_json(j, &back));
        assert_string_equal(back->children[0]->owner, child->owner);
}

static void deep_trees_need_no_stack(void **state UNUSED)
{
        AUTO(check) struct check *c = check_new("root", false);
        struct check *at = c;
        for (int i = 0; i < 200000; i++)
                at = check_add(at, "n", false, NULL, NULL, -1);
        assert_ptr_equal(check_first_failure(c), at);
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"an object", "{}", "BAD_FIELD"},
                {"no check", "[]", "BAD_FIELD"},
                {"a text", "[\"x\"]", "BAD_FIELD"},
                {"no depth", "[{\"name\":\"a\",\"ok\":true}]", "BAD_FIELD"},
                {"a root below another", "[{\"depth\":1,\"name\":\"a\",\"ok\":true}]", "BAD_FIELD"},
                {"two roots", "[{\"depth\":0,\"name\":\"a\",\"ok\":true},{\"depth\":0,\"name\":\"a\",\"ok\":true}]",
                 "BAD_FIELD"},
                {"a level left out",
                 "[{\"depth\":0,\"name\":\"a\",\"ok\":true},{\"depth\":2,\"name\":\"a\",\"ok\":true}]", "BAD_FIELD"},
                {"no name", "[{\"depth\":0,\"ok\":true}]", "BAD_FIELD"},
                {"no result", "[{\"depth\":0,\"name\":\"a\"}]", "BAD_FIELD"},
                {"result a text", "[{\"depth\":0,\"name\":\"a\",\"ok\":\"true\"}]", "BAD_FIELD"},
                {"an origin that is none", "[{\"depth\":0,\"name\":\"a\",\"ok\":true,\"origin\":\"x\"}]", "BAD_FIELD"},
                {"an unknown member", "[{\"depth\":0,\"name\":\"a\",\"ok\":true,\"x\":1}]", "UNKNOWN_FIELD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL;
                struct check *c = NULL;
                expect_ok(json_parse(span_str(rows[i].text), &j));
                expect_fault_row(check_from_json(j, &c), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_null(c);
        }
        for (int levels = 32; levels <= 33; levels++) {
                AUTO(check) struct check *c = check_new("root", true), *back = NULL;
                struct check *at = c;
                for (int i = 1; i < levels; i++)
                        at = check_add(at, "n", true, NULL, NULL, -1);
                AUTO(json) struct json *j = check_to_json(c);
                if (levels == 32)
                        expect_ok(check_from_json(j, &back));
                else
                        expect_fault(check_from_json(j, &back), FAULT_INVALID, "BAD_FIELD");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(prints),
                cmocka_unit_test(finds_the_reason),
                cmocka_unit_test(goes_through_json),
                cmocka_unit_test(texts_are_made_harmless),
                cmocka_unit_test(deep_trees_need_no_stack),
                cmocka_unit_test(refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
