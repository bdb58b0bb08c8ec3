/* An enclave's documents: what they are over, how they travel, and what is not passed on. Behind the device: a module of the test PKI. */
#include "attester/evidence/nitro.h"

#include "attester/evidence/nsm.h"
#include "attester/evidence/uapi.h"
#include "lib/crypt/cose.h"
#include "lib/model/evidence_parts.h"
#include "lib/wire/cbor.h"
#include "tests/emulators/device.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/nitro_pki.h"

#define NOW_S 1795456800LL /* 2026-11-23T18:00:00Z */
#define THERE "NITRO_TEST" /* an environment variable: the device is there */

/* ---- the module: answers with a document that is over what the test says */

static struct buf response;

static int answer(void *argument)
{
        struct nsm_raw *raw = argument;
        raw->response.len = response.len;
        void *room = (void *) (uintptr_t) raw->response.addr; /* NOLINT(performance-no-int-to-ptr): the kernel's way */
        memcpy(room, response.data, response.len);
        return 0;
}

const struct emulated_device emulated_device = {
        .path = NSM_DEVICE, .variable = THERE, .request = NSM_IOCTL_RAW, .answer = answer};

static void will_answer(struct span document)
{
        response = BUF(NSM_RESPONSE_MAX);
        expect_ok(cbor_write_head(&response, CBOR_MAP, 1));
        expect_ok(cbor_write_text(&response, "Attestation"));
        expect_ok(cbor_write_head(&response, CBOR_MAP, 1));
        expect_ok(cbor_write_text(&response, "document"));
        expect_ok(cbor_write_bytes(&response, document));
}

/* ---- what it should be over */

static struct binding a_binding(void)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static struct {
        uint8_t report_data[SHA512_LEN], nonce[SHA256_LEN];
} wanted;

static void make_wanted(void)
{
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct binding b = a_binding();
        expect_ok(binding_write(&b, &t));
        binding_report_data(buf_span(&t), wanted.report_data);
        binding_extra_data(buf_span(&t), wanted.nonce);
}

static struct fault *collect(const struct nitro_pki_document *from, struct cmw *ret)
{
        AUTO(nitro_pki) struct nitro_pki *pki = nitro_pki_new(wall_from_unix_s(NOW_S), NITRO_PKI_SOUND);
        AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
        const struct binding b = a_binding();
        struct evidence_source s;
        nitro_pki_sign(pki, from, &document);
        will_answer(buf_span(&document));
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_NITRO}, &s));
        assert_string_equal(s.kind, EVIDENCE_NITRO);
        assert_false(s.needs_enrolment || s.insecure_development);
        struct fault *f = s.collect(s.self, &b, NULL, ret);
        s.close(s.self);
        buf_clear(&response);
        return f;
}

static void document_binds_the_transcript(void **state)
{
        (void) state;
        for (int is_indefinite = 0; is_indefinite < 2; is_indefinite++) {
                struct nitro_pki_document from = nitro_pki_document(wall_from_unix_s(NOW_S));
                AUTO(cmw) struct cmw c = {0};
                AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
                struct cose_sign1 outer;
                from.d.user_data = SPAN_OF(wanted.report_data);
                from.d.nonce = SPAN_OF(wanted.nonce);
                from.is_indefinite = is_indefinite != 0;
                expect_ok(collect(&from, &c));
                assert_int_equal(c.count, 1);
                assert_string_equal(c.items[0].type, CMW_NITRO);
                assert_int_equal(c.items[0].indicator, CMW_IND_EVIDENCE);
                expect_ok(evidence_parts_read(buf_span(&c.items[0].value), NULL, &e));
                assert_int_equal(e.count, 0);
                expect_ok(cose_sign1_read(buf_span(&e.evidence), &outer));
                assert_non_null(memmem(outer.payload.data, outer.payload.len, wanted.report_data, SHA512_LEN));
        }
}

static void what_is_over_something_else_stays(void **state)
{
        (void) state;
        static uint8_t longer[SHA512_LEN + 1];
        memcpy(longer, wanted.report_data, SHA512_LEN);
        const struct {
                const char *name;
                struct span user_data, nonce;
        } rows[] = {
                {"another nonce", SPAN_OF(wanted.report_data), SPAN("another")},
                {"no nonce", SPAN_OF(wanted.report_data), SPAN_NONE},
                {"another user_data", SPAN("another"), SPAN_OF(wanted.nonce)},
                {"no user_data", SPAN_NONE, SPAN_OF(wanted.nonce)},
                {"a byte more", SPAN_OF(longer), SPAN_OF(wanted.nonce)},
                {"a byte less", span_make(longer, SHA512_LEN - 1), SPAN_OF(wanted.nonce)},
                {"one in place of the other", SPAN_OF(wanted.nonce), SPAN_OF(wanted.report_data)},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct nitro_pki_document from = nitro_pki_document(wall_from_unix_s(NOW_S));
                AUTO(cmw) struct cmw none = {0};
                from.d.user_data = rows[i].user_data;
                from.d.nonce = rows[i].nonce;
                expect_fault_row(collect(&from, &none), FAULT_INTERNAL, "tee.report_data", rows[i].name);
        }
}

static void what_is_no_document_stays(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"no CBOR", SPAN("document")},
                {"an array of three", SPAN("\x83\x40\xa0\x40")},
                {"a payload that is no map", SPAN("\x84\x44\xa1\x01\x38\x22\xa0\x41\x01\x40")},
                {"a payload that ends early", SPAN("\x84\x44\xa1\x01\x38\x22\xa0\x43\xa1\x65n\x40")},
        };
        const struct binding b = a_binding();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw none = {0};
                struct evidence_source s;
                will_answer(rows[i].bytes);
                expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_NITRO}, &s));
                expect_fault_row(s.collect(s.self, &b, NULL, &none), FAULT_UNAVAILABLE, "tee.blob", rows[i].name);
                s.close(s.self);
                buf_clear(&response);
        }
}

static void options_and_enrolment(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(secret) struct secret *secret = NULL;
        AUTO(cmw) struct cmw none = {0};
        const struct binding b = a_binding(), bad = {.purpose = BINDING_ISSUE};
        expect_fault(evidence_open(&(struct evidence_options){.kind = EVIDENCE_NITRO, .has_privilege_level = true}, &s),
                     FAULT_INVALID, "evidence.privilege_level");
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_NITRO}, &s));
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_UNIMPLEMENTED, "evidence.no_enrolment");
        expect_fault(s.activate(s.self, SPAN_NONE, SPAN_NONE, NULL, &secret), FAULT_UNIMPLEMENTED,
                     "evidence.no_enrolment");
        expect_fault(s.collect(s.self, &bad, NULL, &none), FAULT_INVALID, "BINDING_FIELD");
        device_set(THERE, NULL);
        if (access(NSM_DEVICE, F_OK) != 0)
                expect_fault(s.collect(s.self, &b, NULL, &none), FAULT_PRECONDITION, "tee.missing");
        device_set(THERE, "1");
        s.close(s.self);
}

/* Before a TPM, which a host may emulate. */
static void auto_takes_an_enclave(void **state)
{
        (void) state;
        AUTO(evidence_findings) struct evidence_findings found = {0};
        size_t nitro = 0, tpm = 0;
        evidence_probe(&(struct evidence_options){.kind = EVIDENCE_AUTO, .tsm_base = "/nonexistent", .tpm_tcti = ""},
                       &found);
        assert_string_equal(found.choice, EVIDENCE_NITRO);
        for (size_t i = 0; i < found.count; i++) {
                nitro = strcmp(found.items[i].kind, EVIDENCE_NITRO) == 0 ? i : nitro;
                tpm = strcmp(found.items[i].kind, EVIDENCE_TPM) == 0 ? i : tpm;
        }
        assert_true(nitro < tpm);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(document_binds_the_transcript), cmocka_unit_test(what_is_over_something_else_stays),
                cmocka_unit_test(what_is_no_document_stays),     cmocka_unit_test(options_and_enrolment),
                cmocka_unit_test(auto_takes_an_enclave),
        };
        device_set(THERE, "1");
        make_wanted();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
