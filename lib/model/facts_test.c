#include "lib/model/facts.h"

#include "tests/fakes/expect.h"

static void fill(struct facts *f)
{
        facts_set_text(f, "k8s.namespace", ORIGIN_K8S, SPAN("payroll"));
        facts_set_number(f, "tpm.reset_count", ORIGIN_HW, 7);
        facts_set_number(f, "tpm.clock", ORIGIN_HW, UINT64_MAX);
        facts_set_flag(f, "tpm.safe", ORIGIN_HW, true);
        facts_set_bytes(f, "tpm.pcr.sha256.7", ORIGIN_MEASURED, SPAN("\xab\x01"));
        facts_set_text(f, "node.name", ORIGIN_NODE, SPAN_NONE);
}

#define AS_JSON                                                                                                        \
        "{\"k8s.namespace\":{\"origin\":\"k8s\",\"value\":\"payroll\"},\"node.name\":{\"origin\":\"node\",\"value\":"  \
        "\"\"},"                                                                                                       \
        "\"tpm.clock\":{\"kind\":\"number\",\"origin\":\"hw\",\"value\":\"18446744073709551615\"},"                    \
        "\"tpm.pcr.sha256.7\":{\"kind\":\"bytes\",\"origin\":\"measured\",\"value\":\"ab01\"},"                        \
        "\"tpm.reset_count\":{\"origin\":\"hw\",\"value\":7},\"tpm.safe\":{\"origin\":\"hw\",\"value\":true}}"

static void expect_json(const struct facts *f, const char *wanted)
{
        AUTO(json) struct json *j = facts_to_json(f);
        AUTO(buf) struct buf out = BUF(4096);
        expect_ok(json_write(j, &out));
        assert_string_equal(buf_str(&out), wanted);
}

static void finds_and_prints(void **state UNUSED)
{
        static const struct {
                const char *name, *text;
        } rows[] = {{"k8s.namespace", "payroll"}, {"tpm.reset_count", "7"},     {"tpm.clock", "18446744073709551615"},
                    {"tpm.safe", "true"},         {"tpm.pcr.sha256.7", "ab01"}, {"node.name", ""}};
        AUTO(facts) struct facts f = {0};
        fill(&f);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf out = BUF(64);
                expect_ok(fact_text(facts_find(&f, rows[i].name), &out));
                assert_string_equal(buf_str(&out), rows[i].text);
        }
        assert_null(facts_find(&f, "tpm"));
        assert_int_equal(facts_find(&f, "tpm.pcr.sha256.7")->origin, ORIGIN_MEASURED);
}

static void goes_through_json(void **state UNUSED)
{
        AUTO(facts) struct facts f = {0}, back = {0}, merged = {0};
        AUTO(json) struct json *j = NULL;
        fill(&f);
        expect_json(&f, AS_JSON);
        expect_ok(json_parse(SPAN(AS_JSON), &j));
        expect_ok(facts_from_json(j, &back));
        expect_json(&back, AS_JSON);
        assert_int_equal(facts_find(&back, "tpm.pcr.sha256.7")->kind, FACT_BYTES);
        assert_true(facts_find(&back, "tpm.clock")->number == UINT64_MAX);

        facts_set_text(&merged, "other", ORIGIN_SELF, SPAN("x"));
        facts_merge(&merged, &f);
        assert_int_equal(merged.count, f.count + 1);
        assert_string_equal((const char *) facts_find(&merged, "k8s.namespace")->value.data, "payroll");
}

/* What stands on shared facts has them too: found, written and copied. */
static void stands_on_others(void **state UNUSED)
{
        AUTO(facts) struct facts shared = {0}, copy = {0};
        facts_set_text(&shared, "a", ORIGIN_HW, SPAN("1"));
        AUTO(facts) struct facts own = {.base = &shared};
        facts_set_text(&own, "b", ORIGIN_SELF, SPAN("2"));
        assert_string_equal((const char *) facts_find(&own, "a")->value.data, "1");
        assert_string_equal((const char *) facts_find(&own, "b")->value.data, "2");
        assert_null(facts_find(&shared, "b"));
        expect_json(&own, "{\"a\":{\"origin\":\"hw\",\"value\":\"1\"},\"b\":{\"origin\":\"self\",\"value\":\"2\"}}");
        facts_merge(&copy, &own);
        assert_int_equal(copy.count, 2);
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"an array", "[]", "BAD_FIELD"},
                {"a fact without origin", "{\"a\":{\"value\":1}}", "BAD_FIELD"},
                {"a fact without value", "{\"a\":{\"origin\":\"hw\"}}", "BAD_FIELD"},
                {"a bare value", "{\"a\":1}", "BAD_FIELD"},
                {"an origin that is none", "{\"a\":{\"origin\":\"god\",\"value\":1}}", "BAD_FIELD"},
                {"a negative number", "{\"a\":{\"origin\":\"hw\",\"value\":-1}}", "BAD_FIELD"},
                {"null", "{\"a\":{\"origin\":\"hw\",\"value\":null}}", "BAD_FIELD"},
                {"a list", "{\"a\":{\"origin\":\"hw\",\"value\":[]}}", "BAD_FIELD"},
                {"a kind that is none", "{\"a\":{\"origin\":\"hw\",\"value\":\"x\",\"kind\":\"text\"}}", "BAD_FIELD"},
                {"a kind that does not fit", "{\"a\":{\"origin\":\"hw\",\"value\":1,\"kind\":\"number\"}}",
                 "BAD_FIELD"},
                {"bytes that are no hex", "{\"a\":{\"origin\":\"hw\",\"value\":\"x\",\"kind\":\"bytes\"}}", "BAD_HEX"},
                {"a number that is none", "{\"a\":{\"origin\":\"hw\",\"value\":\"x\",\"kind\":\"number\"}}",
                 "BAD_NUMBER"},
                {"an unknown member", "{\"a\":{\"origin\":\"hw\",\"value\":1,\"x\":1}}", "UNKNOWN_FIELD"},
                {"an empty name", "{\"\":{\"origin\":\"hw\",\"value\":1}}", "BAD_FIELD"},
                {"a bad one after a good one", "{\"a\":{\"origin\":\"hw\",\"value\":\"x\"},\"b\":1}", "BAD_FIELD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL;
                struct facts f = {.count = 77};
                expect_ok(json_parse(span_str(rows[i].text), &j));
                expect_fault_row(facts_from_json(j, &f), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_int_equal(f.count, 77);
        }
}

static void bounds_the_count(void **state UNUSED)
{
        for (int over = 0; over < 2; over++) {
                AUTO(json) struct json *j = json_new_object();
                for (int i = 0; i < FACTS_MAX + over; i++) {
                        AUTO_STRING char *name = alloc_printf("f%d", i);
                        struct json *fact = json_new_object();
                        json_set_text(fact, "origin", "self");
                        json_set_int(fact, "value", i);
                        json_set(j, name, fact);
                }
                AUTO(facts) struct facts f = {0};
                if (over == 0)
                        expect_ok(facts_from_json(j, &f));
                else
                        expect_fault(facts_from_json(j, &f), FAULT_INVALID, "BAD_FIELD");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_and_prints), cmocka_unit_test(goes_through_json),
                cmocka_unit_test(stands_on_others), cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_the_count),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
