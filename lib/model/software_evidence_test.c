#include "lib/model/software_evidence.h"

#include "tests/fakes/expect.h"

static const struct span transcript = {(const uint8_t *) "transcript", 10};

static struct software_evidence signed_sample(void)
{
        struct software_evidence e = software_evidence_new();
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P256, &k));
        expect_ok(software_evidence_claim(&e, SPAN("region"), SPAN("eu-1")));
        expect_ok(software_evidence_claim(&e, SPAN("app"), SPAN("billing")));
        expect_ok(software_evidence_sign(&e, k, transcript));
        return e;
}

static void goes_round_and_verifies(void **state)
{
        (void) state;
        AUTO(software_evidence) struct software_evidence e = signed_sample();
        AUTO(software_evidence) struct software_evidence back = {0};
        AUTO(buf) struct buf text = BUF(4096), again = BUF(4096);
        expect_ok(software_evidence_write(&e, &text));
        expect_ok(software_evidence_read(buf_span(&text), &back));
        expect_ok(software_evidence_write(&back, &again));
        assert_string_equal(buf_str(&text), buf_str(&again));
        assert_int_equal(back.claim_count, 2);
        assert_string_equal(back.claims[0].name, "app");
        assert_string_equal(back.claims[1].value, "eu-1");
        expect_ok(software_evidence_verify(&back, transcript));
}

static void refuses_what_was_changed(void **state)
{
        (void) state;
        AUTO(software_evidence) struct software_evidence e = signed_sample();
        expect_fault(software_evidence_verify(&e, SPAN("transcripT")), FAULT_DENIED, "software.signature");
        expect_fault(software_evidence_verify(&e, SPAN("transcript\0")), FAULT_DENIED, "software.signature");

        e.claims[1].value[3] = '2';
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
        e.claims[1].value[3] = '1';
        expect_ok(software_evidence_verify(&e, transcript));
        e.claim_count = 1;
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
        e.claim_count = 2;

        e.signature.data[10] ^= 1;
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
        e.signature.data[10] ^= 1;
        buf_truncate(&e.signature, e.signature.len - 1);
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
        buf_truncate(&e.spki, e.spki.len - 1);
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
}

static void refuses_another_kind_of_key(void **state)
{
        (void) state;
        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P384, &k));
        expect_ok(software_evidence_sign(&e, k, transcript));
        expect_fault(software_evidence_verify(&e, transcript), FAULT_DENIED, "software.signature");
}

#define WITH_CLAIMS(claims) "{\"claims\":" claims ",\"signature\":\"cw\",\"spki\":\"cA\"}"

static void refuses(void **state)
{
        (void) state;
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"no JSON", "", "BAD_JSON"},
                {"text", "\"x\"", "BAD_FIELD"},
                {"no claims", "{\"signature\":\"cw\",\"spki\":\"cA\"}", "BAD_FIELD"},
                {"claims are a list", WITH_CLAIMS("[]"), "BAD_FIELD"},
                {"one member too many", "{\"claims\":{},\"signature\":\"cw\",\"spki\":\"cA\",\"x\":1}",
                 "UNKNOWN_FIELD"},
                {"a claim that is a number", WITH_CLAIMS("{\"a\":1}"), "BAD_FIELD"},
                {"a claim twice", WITH_CLAIMS("{\"a\":\"1\",\"a\":\"1\"}"), "BAD_JSON"},
                {"a claim without a name", WITH_CLAIMS("{\"\":\"1\"}"), "SOFTWARE_EVIDENCE"},
                {"a claim in capitals", WITH_CLAIMS("{\"A\":\"1\"}"), "SOFTWARE_EVIDENCE"},
                {"a claim with NUL", WITH_CLAIMS("{\"a\":\"1\\u0000\"}"), "BAD_JSON"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(software_evidence) struct software_evidence e = software_evidence_new();
                expect_fault_row(software_evidence_read(span_str(rows[i].text), &e), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
        }
}

static void claims_are_bounded(void **state)
{
        (void) state;
        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        char text[SOFTWARE_CLAIM_VALUE_MAX + 1];
        memset(text, 'a', sizeof text);
        expect_ok(software_evidence_claim(&e, span_make(text, SOFTWARE_CLAIM_NAME_MAX), SPAN_NONE));
        expect_fault(software_evidence_claim(&e, span_make(text, SOFTWARE_CLAIM_NAME_MAX + 1), SPAN_NONE),
                     FAULT_INVALID, "SOFTWARE_EVIDENCE");
        expect_ok(software_evidence_claim(&e, SPAN("b"), span_make(text, SOFTWARE_CLAIM_VALUE_MAX)));
        expect_fault(software_evidence_claim(&e, SPAN("c"), SPAN_OF(text)), FAULT_INVALID, "SOFTWARE_EVIDENCE");
        expect_fault(software_evidence_claim(&e, SPAN("c"), SPAN("\xff")), FAULT_INVALID, "SOFTWARE_EVIDENCE");
        expect_fault(software_evidence_claim(&e, SPAN("b"), SPAN("x")), FAULT_INVALID, "SOFTWARE_EVIDENCE");
        for (size_t i = e.claim_count; i < SOFTWARE_CLAIMS_MAX; i++)
                expect_ok(software_evidence_claim(&e, span_make((char[]){'z', (char) ('a' + i)}, 2), SPAN("x")));
        expect_fault(software_evidence_claim(&e, SPAN("one-too-many"), SPAN("x")), FAULT_INVALID, "SOFTWARE_EVIDENCE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(goes_round_and_verifies),     cmocka_unit_test(refuses_what_was_changed),
                cmocka_unit_test(refuses_another_kind_of_key), cmocka_unit_test(refuses),
                cmocka_unit_test(claims_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
