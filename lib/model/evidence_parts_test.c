#include "lib/model/evidence_parts.h"

#include "tests/fakes/expect.h"

static const char *const names[] = {"auxblob", "ccel", NULL};

static void what_is_written_is_read(void **state UNUSED)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new(), back = evidence_parts_new();
        expect_ok(buf_append(&e.evidence, SPAN("report")));
        expect_ok(evidence_parts_add(&e, "auxblob", SPAN("table")));
        expect_ok(evidence_parts_add(&e, "ccel", SPAN("")));
        AUTO(buf) struct buf text = BUF(1000);
        expect_ok(evidence_parts_write(&e, &text));
        assert_string_equal(buf_str(&text), "{\"evidence\":\"cmVwb3J0\",\"parts\":{\"auxblob\":\"dGFibGU\"}}");

        expect_ok(evidence_parts_read(buf_span(&text), names, &back));
        assert_true(span_eq_str(buf_span(&back.evidence), "report"));
        assert_int_equal(back.count, 1);
        assert_true(span_eq_str(evidence_parts_find(&back, "auxblob"), "table"));
        assert_int_equal(evidence_parts_find(&back, "ccel").len, 0);
}

static void evidence_alone_will_do(void **state UNUSED)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        expect_ok(evidence_parts_read(SPAN("{\"evidence\":\"cmVwb3J0\"}"), NULL, &e));
        assert_int_equal(e.count, 0);
        AUTO(buf) struct buf text = BUF(1000);
        expect_ok(evidence_parts_write(&e, &text));
        assert_string_equal(buf_str(&text), "{\"evidence\":\"cmVwb3J0\"}");
}

static void what_is_malformed_is_refused(void **state UNUSED)
{
        static const struct {
                const char *text, *token;
        } rows[] = {
                {"", "BAD_JSON"},
                {"{}", "BAD_FIELD"},
                {"{\"evidence\":1}", "BAD_FIELD"},
                {"{\"evidence\":\"\"}", "EVIDENCE_PARTS"},
                {"{\"evidence\":\"cmVwb3J0\",\"extra\":1}", "UNKNOWN_FIELD"},
                {"{\"evidence\":\"cmVwb3J0\",\"parts\":[]}", "BAD_FIELD"},
                {"{\"evidence\":\"cmVwb3J0\",\"parts\":{\"crl\":\"AA\"}}", "UNKNOWN_FIELD"},
                {"{\"evidence\":\"cmVwb3J0\",\"parts\":{\"ccel\":\"\"}}", "EVIDENCE_PARTS"},
                {"{\"evidence\":\"cmVwb3J0\",\"parts\":{\"ccel\":\"*\"}}", "BAD_FIELD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
                expect_fault(evidence_parts_read(span_str(rows[i].text), names, &e), FAULT_INVALID, rows[i].token);
        }
}

static void parts_are_few_and_named_once(void **state UNUSED)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        static const char *const given[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
        for (size_t i = 0; i < COUNT_OF(given); i++)
                expect_ok(evidence_parts_add(&e, given[i], SPAN("x")));
        expect_fault(evidence_parts_add(&e, "a", SPAN("x")), FAULT_INVALID, "EVIDENCE_PARTS");
        expect_fault(evidence_parts_add(&e, "i", SPAN("x")), FAULT_INVALID, "EVIDENCE_PARTS");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(evidence_alone_will_do),
                cmocka_unit_test(what_is_malformed_is_refused),
                cmocka_unit_test(parts_are_few_and_named_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
