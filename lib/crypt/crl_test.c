#include "lib/crypt/crl.h"

#include "lib/base/parse.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/pki.h"

/* Intel's, of collateral that was good when it was recorded, under the certificates that came with it. */
static void recorded_lists(void **state UNUSED)
{
        static const struct {
                const char *name;
                int64_t from, until;
                size_t issuer, count; /* issuer: in the chain file */
        } rows[] = {
                {"tdx/v4-uptodate/collateral/root_crl.der", 1742469717, 1775215317, 1, 0},
                {"tdx/v4-uptodate/collateral/pck_crl.der", 1750327235, 1752919235, 0, 44},
        };
        AUTO(buf) struct buf pem = vector_read("tdx/v4-uptodate/collateral/pck_crl_issuer_chain.pem");
        AUTO(cert_list) struct cert_list chain = {0};
        expect_ok(cert_list_read(buf_span(&pem), &chain));

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf bytes = vector_read(rows[i].name);
                AUTO(crl) struct crl *c = NULL;
                const struct cert *issuer = chain.certs[rows[i].issuer], *other = chain.certs[1 - rows[i].issuer];
                struct wall at = wall_from_unix_s(rows[i].until);
                expect_ok(crl_read(buf_span(&bytes), &c));
                assert_true(span_eq(crl_der(c), buf_span(&bytes)));
                assert_true(span_eq(crl_issuer_der(c), cert_subject_der(issuer)));
                assert_int_equal(wall_unix_s(crl_this_update(c)), rows[i].from);
                assert_int_equal(wall_unix_s(crl_next_update(c)), rows[i].until);
                expect_ok(crl_verify(c, issuer, CERT_SIGNATURE_ECDSA_SHA256, at));
                expect_fault(crl_verify(c, other, CERT_SIGNATURE_ECDSA_SHA256, at), FAULT_DENIED, "x509.crl_issuer");
                expect_fault(crl_verify(c, issuer, CERT_SIGNATURE_PSS_SHA384, at), FAULT_DENIED, "x509.crl_signature");
                assert_false(crl_lists(c, cert_serial(chain.certs[0])));
                for (size_t len = 0; len < bytes.len; len += 1 + bytes.len / 50) {
                        AUTO(crl) struct crl *cut = NULL;
                        expect_fault(crl_read(span_slice(buf_span(&bytes), 0, len), &cut), FAULT_INVALID, "BAD_CRL");
                }
        }
}

static struct cert *ark_of(const struct amd_authority *a)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);

        amd_authority_write(a, &der);
        return test_cert(buf_span(&der));
}

static struct crl *list_of(const struct amd_list *l)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct crl *c = NULL;

        amd_list_write(l, &der);
        expect_ok(crl_read(buf_span(&der), &c));
        return c;
}

static void numbers_are_found(void **state UNUSED)
{
        struct amd_list l = amd_list(SNP_MILAN, TEST_NOW);

        l.count = 5;
        memcpy(l.serials, (uint32_t[]){0x80, 7, 0x10001, 0xffffffff, 0}, 5 * sizeof(uint32_t));
        AUTO(crl) struct crl *c = list_of(&l);
        assert_true(crl_lists(c, SPAN("\x80")));
        assert_true(crl_lists(c, SPAN("\x00\x80"))); /* however it is written */
        assert_true(crl_lists(c, SPAN("\x07")));
        assert_true(crl_lists(c, SPAN("\x01\x00\x01")));
        assert_true(crl_lists(c, SPAN("\xff\xff\xff\xff")));
        assert_true(crl_lists(c, SPAN("\x00")));
        assert_false(crl_lists(c, SPAN("\x08")));
        assert_false(crl_lists(c, SPAN("\x80\x00")));
        assert_false(crl_lists(c, SPAN("\x01\x00")));
        l.count = 0;
        AUTO(crl) struct crl *none = list_of(&l);
        assert_false(crl_lists(none, SPAN("\x07")));
}

static void trust_and_dates(void **state UNUSED)
{
        struct amd_authority ark = amd_ark(SNP_MILAN, TEST_NOW), other = amd_ark(SNP_GENOA, TEST_NOW);
        struct amd_authority mute = ark;
        struct amd_list l = amd_list(SNP_MILAN, TEST_NOW), by_other = l, weak = l;

        mute.may_not_sign = true;
        by_other.signer = AMD_KEY_ASK;
        weak.algorithm = AMD_PSS_SALT_32;
        AUTO(cert) struct cert *issuer = ark_of(&ark), *another = ark_of(&other), *unable = ark_of(&mute);
        AUTO(crl) struct crl *c = list_of(&l), *forged = list_of(&by_other), *salted = list_of(&weak);
        enum cert_signature pss = CERT_SIGNATURE_PSS_SHA384;

        expect_ok(crl_verify(c, issuer, pss, TEST_NOW));
        expect_ok(crl_verify(c, issuer, pss, l.from));
        expect_ok(crl_verify(c, issuer, pss, l.until));
        expect_fault(crl_verify(c, issuer, pss, wall_from_unix_s(wall_unix_s(l.from) - 1)), FAULT_DENIED,
                     "x509.crl_not_yet_valid");
        expect_fault(crl_verify(c, issuer, pss, wall_from_unix_s(wall_unix_s(l.until) + 1)), FAULT_DENIED,
                     "x509.crl_expired");
        expect_fault(crl_verify(c, another, pss, TEST_NOW), FAULT_DENIED, "x509.crl_issuer");
        expect_fault(crl_verify(c, unable, pss, TEST_NOW), FAULT_DENIED, "x509.crl_issuer");
        expect_fault(crl_verify(c, issuer, CERT_SIGNATURE_ECDSA_SHA256, TEST_NOW), FAULT_DENIED, "x509.crl_signature");
        expect_fault(crl_verify(forged, issuer, pss, TEST_NOW), FAULT_DENIED, "x509.crl_signature");
        expect_fault(crl_verify(salted, issuer, pss, TEST_NOW), FAULT_DENIED, "x509.crl_signature");
}

static void what_is_no_complete_list(void **state UNUSED)
{
        struct amd_list rows[5];

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                rows[i] = amd_list(SNP_MILAN, TEST_NOW);
        rows[0].is_delta = true;
        rows[1].has_unknown_critical = true;
        rows[2].is_version_1 = true;
        rows[3].has_no_end = true;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf der = BUF(CERT_MAX);
                AUTO(crl) struct crl *c = NULL;
                amd_list_write(&rows[i], &der);
                if (i == 4)
                        expect_ok(buf_append_byte(&der, 0)); /* and a byte */
                expect_fault(crl_read(buf_span(&der), &c), FAULT_INVALID, "BAD_CRL");
        }
}

static void pem(void **state UNUSED)
{
        struct amd_list l = amd_list(SNP_MILAN, TEST_NOW);
        AUTO(buf) struct buf der = BUF(CERT_MAX), text = BUF(CERT_MAX);
        AUTO(crl) struct crl *c = NULL, *twice = NULL, *open = NULL;

        amd_list_write(&l, &der);
        expect_ok(buf_append_str(&text, "a comment\n-----BEGIN X509 CRL-----\r\n"));
        expect_ok(base64_encode(buf_span(&der), &text));
        expect_fault(crl_read(buf_span(&text), &open), FAULT_INVALID, "BAD_CRL");
        expect_ok(buf_append_str(&text, "\r\n-----END X509 CRL-----"));
        expect_ok(crl_read(buf_span(&text), &c));
        assert_true(span_eq(crl_der(c), buf_span(&der)));
        expect_ok(buf_append_str(&text, "\n-----BEGIN X509 CRL-----"));
        expect_fault(crl_read(buf_span(&text), &twice), FAULT_INVALID, "BAD_CRL");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_lists),
                cmocka_unit_test(numbers_are_found),
                cmocka_unit_test(trust_and_dates),
                cmocka_unit_test(what_is_no_complete_list),
                cmocka_unit_test(pem),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
