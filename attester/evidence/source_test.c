/* What needs no TPM: the table of kinds, options, and the development kind. */
#include "attester/evidence/source.h"

#include "lib/model/software_evidence.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

static void refuses_options(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct evidence_options options;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"no kind", {0}, FAULT_INVALID, "evidence.kind"},
                {"unknown kind", {.kind = "sgx"}, FAULT_INVALID, "evidence.kind"},
                {"kind in capitals", {.kind = "TPM"}, FAULT_INVALID, "evidence.kind"},
                {"software, unsaid", {.kind = "software"}, FAULT_DENIED, "evidence.insecure_development"},
                {"software through the reader",
                 {.kind = "software", .reader_socket = "/run/r.sock", .insecure_development = true},
                 FAULT_INVALID,
                 "evidence.kind"},
                {"a claim without =",
                 {.kind = "software", .insecure_development = true, .software_claims = "a=b,c"},
                 FAULT_INVALID,
                 "evidence.claims"},
                {"a claim twice",
                 {.kind = "software", .insecure_development = true, .software_claims = "a=b,a=c"},
                 FAULT_INVALID,
                 "evidence.claims"},
                {"no TCTI", {.kind = "tpm", .state_dir = "/tmp"}, FAULT_INVALID, "evidence.tcti"},
                {"no state directory",
                 {.kind = "tpm", .tpm_tcti = "device:/dev/x"},
                 FAULT_INVALID,
                 "evidence.state_dir"},
                {"bad PCRs",
                 {.kind = "tpm", .tpm_tcti = "device:/dev/x", .state_dir = "/tmp", .tpm_pcrs = "sha1:0"},
                 FAULT_INVALID,
                 "evidence.pcrs"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct evidence_source s;
                expect_fault_row(evidence_open(&rows[i].options, &s), rows[i].code, rows[i].token, rows[i].name);
        }
}

static void software_signs_the_transcript(void **state)
{
        (void) state;
        struct evidence_source s;
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX), other = BUF(BINDING_T_MAX);
        AUTO(cmw) struct cmw c = {0};
        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_SOFTWARE,
                                                           .insecure_development = true,
                                                           .software_claims = "app=billing,zone=eu"},
                                &s));
        assert_true(s.insecure_development);
        assert_false(s.needs_enrolment);
        expect_ok(s.collect(s.self, &b, NULL, &c));
        assert_string_equal(c.items[0].type, CMW_SOFTWARE);
        expect_ok(software_evidence_read(buf_span(&c.items[0].value), &e));
        assert_int_equal(e.claim_count, 2);
        expect_ok(binding_write(&b, &t));
        expect_ok(software_evidence_verify(&e, buf_span(&t)));
        b.nonce = SPAN("nonc3");
        expect_ok(binding_write(&b, &other));
        expect_fault(software_evidence_verify(&e, buf_span(&other)), FAULT_DENIED, "software.signature");
        s.close(s.self);
}

static void software_has_nothing_to_enrol(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(secret) struct secret *secret = NULL;
        expect_ok(
                evidence_open(&(struct evidence_options){.kind = EVIDENCE_SOFTWARE, .insecure_development = true}, &s));
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_UNIMPLEMENTED, "evidence.no_enrolment");
        expect_fault(s.activate(s.self, SPAN("x"), SPAN("x"), NULL, &secret), FAULT_UNIMPLEMENTED,
                     "evidence.no_enrolment");
        s.close(s.self);
}

static void software_honours_cancel(void **state)
{
        (void) state;
        struct evidence_source s;
        struct fake_clock time;
        struct cancel cancel;
        AUTO(cmw) struct cmw c = {0};
        const struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        fake_clock_init(&time, 0, 1000);
        cancel_init(&cancel, &time.clock, (struct boot){1000});
        expect_ok(
                evidence_open(&(struct evidence_options){.kind = EVIDENCE_SOFTWARE, .insecure_development = true}, &s));
        expect_fault(s.collect(s.self, &b, &cancel, &c), FAULT_DEADLINE, "DEADLINE");
        s.close(s.self);
        cancel_clear(&cancel);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_options),
                cmocka_unit_test(software_signs_the_transcript),
                cmocka_unit_test(software_has_nothing_to_enrol),
                cmocka_unit_test(software_honours_cancel),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
