/* EK certificates as bytes, and endorsement keys of TPMs with ECC certificate, chain in NV, and none at all. */
#include "attester/evidence/tpm_ek.h"

#include <stdio.h>

#include "lib/crypt/tpm.h"
#include "lib/crypt/x509_build.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"

static void first_der(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span in;
                size_t wanted; /* 0: refused */
        } rows[] = {
                {"short form", SPAN("\x30\x02\x05\x00"), 4},
                {"padded with 0xff", SPAN("\x30\x02\x05\x00\xff\xff\xff"), 4},
                {"padded with zeros", SPAN("\x30\x02\x05\x00\x00\x00"), 4},
                {"another one follows", SPAN("\x30\x00\x30\x00"), 2},
                {"one byte short", SPAN("\x30\x02\x05"), 0},
                {"empty", {NULL, 0}, 0},
                {"tag only", SPAN("\x30"), 0},
                {"all padding", SPAN("\xff\xff\xff\xff"), 0},
                {"a SET", SPAN("\x31\x02\x05\x00"), 0},
                {"indefinite length", SPAN("\x30\x80\x05\x00\x00\x00"), 0},
                {"length of three bytes", SPAN("\x30\x83\x00\x00\x01\x00"), 0},
                {"long form for a short length", SPAN("\x30\x81\x02\x05\x00"), 0},
                {"two bytes for one", SPAN("\x30\x82\x00\x80\x05\x00"), 0},
                {"length cut off", SPAN("\x30\x82\x01"), 0},
                {"longer than what is there", SPAN("\x30\x82\xff\xff\x05\x00"), 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span got = SPAN_NONE;
                struct fault *f = der_first(rows[i].in, &got);
                if (rows[i].wanted == 0) {
                        expect_fault_row(f, FAULT_INVALID, "BAD_CERTIFICATE", rows[i].name);
                        continue;
                }
                expect_ok(f);
                assert_int_equal(got.len, rows[i].wanted);
                assert_ptr_equal(got.data, rows[i].in.data);
        }
        uint8_t big[4 + 300] = {0x30, 0x82, 0x01, 0x28};
        struct span got;
        expect_ok(der_first(SPAN_OF(big), &got));
        assert_int_equal(got.len, 4 + 0x128);
}

/* ---- with a TPM */

static struct swtpm tpm;

static void open_source(struct evidence_source *ret)
{
        static char state_dir[128];
        snprintf(state_dir, sizeof state_dir, "%s/attester", tpm.folder);
        expect_ok(evidence_open(
                &(struct evidence_options){.kind = EVIDENCE_TPM, .tpm_tcti = tpm.tcti, .state_dir = state_dir}, ret));
}

/* TPM2_NV_DefineSpace by the owner (authwrite, authread, ownerread, no_da), then TPM2_NV_Write. */
static void define_nv(uint32_t index, struct span data)
{
        AUTO(buf) struct buf define = BUF(256), write = BUF(2048);
        expect_ok(buf_append_u16be(&define, 0x8002));
        expect_ok(buf_append_u32be(&define, 10 + 4 + 4 + 9 + 2 + 2 + 14));
        expect_ok(buf_append_u32be(&define, 0x12a));
        expect_ok(buf_append_u32be(&define, 0x40000001));
        expect_ok(buf_append_u32be(&define, 9));
        expect_ok(buf_append(&define, SPAN("\x40\0\0\x09\0\0\0\0\0")));
        expect_ok(buf_append_u16be(&define, 0));
        expect_ok(buf_append_u16be(&define, 14));
        expect_ok(buf_append_u32be(&define, index));
        expect_ok(buf_append_u16be(&define, 0x000b));
        expect_ok(buf_append_u32be(&define, 1u << 2 | 1u << 17 | 1u << 18 | 1u << 25));
        expect_ok(buf_append_u16be(&define, 0));
        expect_ok(buf_append_u16be(&define, (uint16_t) data.len));
        expect_ok(swtpm_command(&tpm, buf_span(&define), NULL));

        for (size_t at = 0; at < data.len;) {
                size_t len = data.len - at < 512 ? data.len - at : 512;
                buf_truncate(&write, 0);
                expect_ok(buf_append_u16be(&write, 0x8002));
                expect_ok(buf_append_u32be(&write, (uint32_t) (10 + 8 + 4 + 9 + 2 + len + 2)));
                expect_ok(buf_append_u32be(&write, 0x137));
                expect_ok(buf_append_u32be(&write, index));
                expect_ok(buf_append_u32be(&write, index));
                expect_ok(buf_append_u32be(&write, 9));
                expect_ok(buf_append(&write, SPAN("\x40\0\0\x09\0\0\0\0\0")));
                expect_ok(buf_append_u16be(&write, (uint16_t) len));
                expect_ok(buf_append(&write, span_slice(data, at, len)));
                expect_ok(buf_append_u16be(&write, (uint16_t) at));
                expect_ok(swtpm_command(&tpm, buf_span(&write), NULL));
                at += len;
        }
}

static void undefine_nv(uint32_t index)
{
        AUTO(buf) struct buf b = BUF(256);
        expect_ok(buf_append_u16be(&b, 0x8002));
        expect_ok(buf_append_u32be(&b, 10 + 8 + 4 + 9));
        expect_ok(buf_append_u32be(&b, 0x122));
        expect_ok(buf_append_u32be(&b, 0x40000001));
        expect_ok(buf_append_u32be(&b, index));
        expect_ok(buf_append_u32be(&b, 9));
        expect_ok(buf_append(&b, SPAN("\x40\0\0\x09\0\0\0\0\0")));
        expect_ok(swtpm_command(&tpm, buf_span(&b), NULL));
}

/* Any certificate will do: who signed it is the issuer's to judge. */
static struct fault *certificate_for(const struct key *k, struct buf *ret_der)
{
        AUTO(key) struct key *ca = NULL;
        TRY(key_generate(KEY_P256, &ca));
        const struct leaf_spec spec = {.serial = {1},
                                       .issuer_name_der = SPAN("\x30\x00"),
                                       .not_before = wall_from_unix_s(1700000000),
                                       .not_after = wall_from_unix_s(1900000000),
                                       .spki = key_spki(k),
                                       .uri = "spiffe://maker/ek"};
        return leaf_build(&spec, ca, ret_der);
}

static void activates(const struct evidence_source *s, const struct enrolment_material *m)
{
        AUTO(tpm_public) struct tpm_public ek = {0};
        AUTO(buf) struct buf name = BUF(80), id_object = BUF(1024), encrypted = BUF(1024);
        AUTO(secret) struct secret *secret = NULL;
        expect_ok(tpm_public_read(buf_span(&m->ek_public), &ek));
        assert_true(tpm_is_ek_template(&ek));
        assert_int_equal(key_kind(ek.key), KEY_P256);
        expect_ok(tpm_name(buf_span(&m->ak_public), &name));
        expect_ok(tpm_make_credential(ek.key, buf_span(&name), SPAN("a secret"), &id_object, &encrypted));
        expect_ok(s->activate(s->self, buf_span(&id_object), buf_span(&encrypted), NULL, &secret));
        assert_true(span_eq(secret_span(secret), SPAN("a secret")));
}

static void no_certificate_means_the_ecc_key(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material m = {0};
        open_source(&s);
        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 0);
        activates(&s, &m);
        s.close(s.self);
}

static void ecc_certificate_and_chain_are_read(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material bare = {0}, m = {0};
        AUTO(tpm_public) struct tpm_public ek = {0};
        AUTO(buf) struct buf leaf = BUF(2048), padded = BUF(2048), chain = BUF(2048);
        open_source(&s);
        expect_ok(s.enrolment(s.self, NULL, &bare));
        expect_ok(tpm_public_read(buf_span(&bare.ek_public), &ek));
        expect_ok(certificate_for(ek.key, &leaf));
        expect_ok(buf_append(&padded, buf_span(&leaf)));
        while (padded.len < 1024)
                expect_ok(buf_append_byte(&padded, 0xff));
        expect_ok(
                buf_append(&chain, SPAN("\x30\x03\x01\x01\xff\x30\x00\xff\xff"))); /* two that look like certificates */
        define_nv(EK_NV_ECC, buf_span(&padded));
        define_nv(EK_NV_CHAIN_FIRST, span_slice(buf_span(&chain), 0, 3)); /* the first one goes over the edge */
        define_nv(EK_NV_CHAIN_FIRST + 1, span_slice(buf_span(&chain), 3, chain.len - 3));

        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 3);
        assert_true(span_eq(buf_span(&m.certificates[0]), buf_span(&leaf)));
        assert_true(span_eq(buf_span(&m.certificates[1]), SPAN("\x30\x03\x01\x01\xff")));
        assert_true(span_eq(buf_span(&m.certificates[2]), SPAN("\x30\x00")));
        activates(&s, &m);
        s.close(s.self);
        undefine_nv(EK_NV_ECC);
        undefine_nv(EK_NV_CHAIN_FIRST);
        undefine_nv(EK_NV_CHAIN_FIRST + 1);
}

static void foreign_certificate_is_refused(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(key) struct key *other = NULL;
        AUTO(buf) struct buf leaf = BUF(2048);
        expect_ok(key_generate(KEY_P256, &other));
        expect_ok(certificate_for(other, &leaf));
        define_nv(EK_NV_ECC, buf_span(&leaf));
        open_source(&s);
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_INTERNAL, "tee.fault");
        undefine_nv(EK_NV_ECC);
        define_nv(EK_NV_ECC, SPAN("\x30\x02\x05\x00"));
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_INTERNAL, "tee.fault");
        undefine_nv(EK_NV_ECC);
        define_nv(EK_NV_ECC, SPAN("\xff\xff\xff\xff")); /* blank: as if there were none */
        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 0);
        s.close(s.self);
        undefine_nv(EK_NV_ECC);
}

static int make_tpm(void **state)
{
        (void) state;
        expect_ok(swtpm_make(&tpm, SWTPM_PLAIN));
        expect_ok(swtpm_start(&tpm));
        return 0;
}

static int clear_tpm(void **state)
{
        (void) state;
        swtpm_clear(&tpm);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_der),
                cmocka_unit_test(no_certificate_means_the_ecc_key),
                cmocka_unit_test(ecc_certificate_and_chain_are_read),
                cmocka_unit_test(foreign_certificate_is_refused),
        };
        return cmocka_run_group_tests(tests, make_tpm, clear_tpm);
}
