#include "issuer/verifier/verifier.h"

#include "tests/fakes/tpm_quote.h"
#include "tests/fakes/vector.h"

#include "tests/fakes/expect.h"

#define NOW 1795456800
static const struct wall now = {NOW * 1000LL};

static struct fake_tpm tpm;
static struct key *root_key, *other_key, *rsa;
static struct cert_list roots;

static int set_up(void **state UNUSED)
{
        fake_tpm_init(&tpm);
        expect_ok(key_generate(KEY_P256, &root_key));
        expect_ok(key_generate(KEY_P256, &other_key));
        expect_ok(key_generate(KEY_RSA, &rsa));
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct fake_ek_certificate ca = fake_ek_ca("maker", root_key, NOW);
        fake_ek_certificate_write(&ca, &der);
        expect_ok(cert_from_der(buf_span(&der), &roots.certs[0]));
        roots.count = 1;
        return 0;
}

static int tear_down(void **state UNUSED)
{
        cert_list_clear(&roots);
        key_free(root_key);
        key_free(other_key);
        key_free(rsa);
        fake_tpm_clear(&tpm);
        return 0;
}

/* Everything that an enrolment shows; a row makes one part wrong. */
struct enrolment {
        struct fake_ek_certificate certificate;
        struct fake_public ek, ak;
        struct wall now;
        bool no_certificate, broken_certificate, too_many, cut_ek, cut_ak;
};

static struct fault *enrol(const struct enrolment *e, struct ak_record **ret)
{
        struct buf certificates[CHAIN_MAX + 1];
        for (size_t i = 0; i < COUNT_OF(certificates); i++) {
                certificates[i] = BUF(CERT_MAX);
                fake_ek_certificate_write(&e->certificate, &certificates[i]);
        }
        if (e->broken_certificate)
                buf_truncate(&certificates[0], certificates[0].len - 1);
        AUTO(buf) struct buf ek = BUF(1024), ak = BUF(1024);
        fake_public_write(&e->ek, &ek);
        fake_public_write(&e->ak, &ak);
        buf_truncate(&ek, ek.len - e->cut_ek);
        buf_truncate(&ak, ak.len - e->cut_ak);
        size_t count = e->no_certificate ? 0 : e->too_many ? COUNT_OF(certificates) : 1;
        struct fault *f =
                verifier_check_enrolment(certificates, count, buf_span(&ek), buf_span(&ak), &roots, e->now, ret);
        for (size_t i = 0; i < COUNT_OF(certificates); i++)
                buf_clear(&certificates[i]);
        return f;
}

static struct enrolment good(void)
{
        return (struct enrolment){.certificate = fake_ek_certificate(tpm.ek, "maker", root_key, NOW),
                                  .ek = fake_ek(tpm.ek),
                                  .ak = fake_ak(tpm.ak),
                                  .now = now};
}

static void a_good_enrolment_becomes_a_record(void **state UNUSED)
{
        struct enrolment e = good();
        AUTO(ak_record) struct ak_record *r = NULL;
        expect_ok(enrol(&e, &r));
        assert_true(span_eq(buf_span(&r->name), buf_span(&tpm.ak_name)));
        assert_true(span_eq(buf_span(&r->public_area), buf_span(&tpm.ak_public)));
        uint8_t digest[SHA256_LEN];
        key_spki_sha256(tpm.ek, digest);
        assert_memory_equal(r->ek_digest, digest, SHA256_LEN);
        assert_string_equal(r->ek_issuer, "CN=maker");
        assert_int_equal(r->ek_not_after_unix_s, NOW + 365LL * 86400);
        assert_null(r->node);
        assert_null(r->cluster);
        assert_false(r->has_clock);
}

static void an_rsa_attestation_key_is_fine(void **state UNUSED)
{
        struct enrolment e = good();
        e.ak = fake_ak(rsa);
        AUTO(ak_record) struct ak_record *r = NULL;
        expect_ok(enrol(&e, &r));
}

/* ---- one part wrong ---- */

static void no_certificate(struct enrolment *e)
{
        e->no_certificate = true;
}
static void broken_certificate(struct enrolment *e)
{
        e->broken_certificate = true;
}
static void too_many(struct enrolment *e)
{
        e->too_many = true;
}
static void other_root(struct enrolment *e)
{
        e->certificate.issuer_key = other_key; /* of the same name */
}
static void unknown_maker(struct enrolment *e)
{
        e->certificate.issuer_name = "somebody";
}
static void self_made(struct enrolment *e)
{
        e->certificate.issuer_key = tpm.ek;
}
static void a_second_late(struct enrolment *e)
{
        e->certificate.not_after_unix_s = NOW - 1;
}
static void a_second_early(struct enrolment *e)
{
        e->certificate.not_before_unix_s = NOW + 1;
}
static void signing_certificate(struct enrolment *e)
{
        e->certificate.key_usage = "critical,digitalSignature";
}
static void server_certificate(struct enrolment *e)
{
        e->certificate.extended_usage = "serverAuth";
}
static void ca_certificate(struct enrolment *e)
{
        e->certificate.basic = "critical,CA:TRUE";
}
static void odd_extension(struct enrolment *e)
{
        e->certificate.odd_critical = "1.2.3.4.5";
}
static void other_ek(struct enrolment *e)
{
        e->ek.key = other_key;
}
static void cut_ek(struct enrolment *e)
{
        e->cut_ek = true;
}
static void loose_ek(struct enrolment *e)
{
        e->ek.attributes |= TPMA_USER_WITH_AUTH;
}
static void signing_ek(struct enrolment *e)
{
        e->ek.attributes |= TPMA_SIGN;
}
static void ek_without_policy(struct enrolment *e)
{
        e->ek.policy = SPAN_NONE;
}
static void cut_ak(struct enrolment *e)
{
        e->cut_ak = true;
}
static void not_fixed_tpm(struct enrolment *e)
{
        e->ak.attributes &= ~TPMA_FIXED_TPM;
}
static void not_fixed_parent(struct enrolment *e)
{
        e->ak.attributes &= ~TPMA_FIXED_PARENT;
}
static void imported(struct enrolment *e)
{
        e->ak.attributes &= ~TPMA_SENSITIVE_DATA_ORIGIN;
}
static void unrestricted(struct enrolment *e)
{
        e->ak.attributes &= ~TPMA_RESTRICTED;
}
static void not_signing(struct enrolment *e)
{
        e->ak.attributes &= ~TPMA_SIGN;
}
static void decrypting(struct enrolment *e)
{
        e->ak.attributes |= TPMA_DECRYPT;
}
static void sha384_scheme(struct enrolment *e)
{
        e->ak.scheme_hash = 0x000c;
}
static void sha1_scheme(struct enrolment *e)
{
        e->ak.scheme_hash = 0x0004;
}
static void no_scheme(struct enrolment *e)
{
        e->ak.scheme = 0x0010;
}
static void sha384_name(struct enrolment *e)
{
        e->ak.name_alg = 0x000c;
}

static void refuses_each_wrong_part(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*mutate)(struct enrolment *e);
                const char *token;
        } rows[] = {
                {"no certificate", no_certificate, "ek.missing"},
                {"a certificate a byte short", broken_certificate, "ek.certificate"},
                {"too many certificates", too_many, "ek.chain"},
                {"a root of the same name", other_root, "ek.signature"},
                {"a maker that isn't configured", unknown_maker, "ek.chain"},
                {"signed by itself", self_made, "ek.signature"},
                {"expired by a second", a_second_late, "ek.expired"},
                {"valid in a second", a_second_early, "ek.not_yet_valid"},
                {"a signing key's certificate", signing_certificate, "ek.purpose"},
                {"a server's certificate", server_certificate, "ek.purpose"},
                {"a CA's certificate", ca_certificate, "ek.purpose"},
                {"a critical extension that nobody knows", odd_extension, "ek.chain"},
                {"another key's certificate", other_ek, "ek.key"},
                {"public area of the EK a byte short", cut_ek, "ek.public"},
                {"an EK that a password opens", loose_ek, "ek.template"},
                {"an EK that signs", signing_ek, "ek.template"},
                {"an EK without policy", ek_without_policy, "ek.template"},
                {"public area of the AK a byte short", cut_ak, "ak.public"},
                {"not fixedTPM", not_fixed_tpm, "ak.attributes"},
                {"not fixedParent", not_fixed_parent, "ak.attributes"},
                {"made outside", imported, "ak.attributes"},
                {"not restricted", unrestricted, "ak.attributes"},
                {"not signing", not_signing, "ak.attributes"},
                {"decrypting", decrypting, "ak.attributes"},
                {"P-256 with SHA-384", sha384_scheme, "ak.algorithm"},
                {"a SHA-1 scheme", sha1_scheme, "ak.public"},
                {"no scheme", no_scheme, "ak.algorithm"},
                {"a name by SHA-384", sha384_name, "ak.algorithm"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct enrolment e = good();
                rows[i].mutate(&e);
                struct ak_record *none = NULL;
                expect_fault_row(enrol(&e, &none), FAULT_DENIED, rows[i].token, rows[i].name);
                assert_null(none);
        }
}

/* ---- a real one ---- */

/* An STMicroelectronics TPM's certificate as recorded, through its maker's chain. */
static void a_recorded_certificate(void **state UNUSED)
{
        static const char *const names[] = {"tpm/ek-stm-rsa/STM_RSA_05I.pem", "tpm/ek-stm-rsa/STM_RSA_RT.pem"};
        struct buf certificates[3] = {BUF(CERT_MAX), BUF(CERT_MAX), BUF(CERT_MAX)};
        AUTO(buf) struct buf nv = vector_read("tpm/ek-stm-rsa/ek.nvpadded.der");
        expect_ok(buf_append(&certificates[0], span_slice(buf_span(&nv), 0, 1169)));
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                AUTO(buf) struct buf pem = vector_read(names[i]);
                AUTO(cert_list) struct cert_list list = {0};
                expect_ok(cert_list_from_pem(buf_span(&pem), &list));
                expect_ok(buf_append(&certificates[i + 1], cert_der(list.certs[0])));
        }
        AUTO(buf) struct buf root_pem = vector_read("tpm/ek-stm-rsa/GS_TPM_RT.pem");
        AUTO(cert_list) struct cert_list makers = {0};
        expect_ok(cert_list_from_pem(buf_span(&root_pem), &makers));

        AUTO(cert) struct cert *leaf = NULL;
        expect_ok(cert_from_der(buf_span(&certificates[0]), &leaf));
        struct fake_public ek_public = fake_ek(cert_key(leaf)), ak_public = fake_ak(tpm.ak);
        AUTO(buf) struct buf ek = BUF(1024), ak = BUF(1024);
        fake_public_write(&ek_public, &ek);
        fake_public_write(&ak_public, &ak);
        AUTO(ak_record) struct ak_record *r = NULL;
        expect_ok(verifier_check_enrolment(certificates, 3, buf_span(&ek), buf_span(&ak), &makers, now, &r));
        assert_string_equal(r->ek_issuer, "CN=STM TPM EK Intermediate CA 05,O=STMicroelectronics NV,C=CH");

        struct ak_record *none = NULL;
        expect_fault(verifier_check_enrolment(certificates, 1, buf_span(&ek), buf_span(&ak), &makers, now, &none),
                     FAULT_DENIED, "ek.chain"); /* the intermediates are missing */
        expect_fault(verifier_check_enrolment(certificates, 3, buf_span(&ek), buf_span(&ak), &makers,
                                              wall_from_unix_s(1846886401), &none),
                     FAULT_DENIED, "ek.expired");
        const struct cert_list nobody = {0};
        expect_fault(verifier_check_enrolment(certificates, 3, buf_span(&ek), buf_span(&ak), &nobody, now, &none),
                     FAULT_DENIED, "ek.chain");
        for (size_t i = 0; i < COUNT_OF(certificates); i++)
                buf_clear(&certificates[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_good_enrolment_becomes_a_record),
                cmocka_unit_test(an_rsa_attestation_key_is_fine),
                cmocka_unit_test(refuses_each_wrong_part),
                cmocka_unit_test(a_recorded_certificate),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
