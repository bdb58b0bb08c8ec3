#include "lib/crypt/x509.h"

#include "tests/fakes/amd_pki.h"
#include "tests/fakes/pki.h"

static struct cert *authority(const struct amd_authority *a)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);

        amd_authority_write(a, &der);
        return test_cert(buf_span(&der));
}

static void every_parameter_is_compared(void **state UNUSED)
{
        static const struct {
                const char *name;
                enum amd_algorithm algorithm;
                const char *token; /* NULL: it holds */
        } rows[] = {
                {"as AMD signs", AMD_PSS_SHA384, NULL},
                {"trailer said", AMD_PSS_EXPLICIT_TRAILER, NULL},
                {"hashes without NULL", AMD_PSS_NO_NULL, NULL},
                {"salt of 32", AMD_PSS_SALT_32, "x509.algorithm"},
                {"MGF1 with SHA-256", AMD_PSS_MGF_SHA256, "x509.algorithm"},
                {"SHA-256", AMD_PSS_SHA256, "x509.algorithm"},
                {"trailer 2", AMD_PSS_TRAILER_2, "x509.algorithm"},
                {"defaults", AMD_PSS_DEFAULTS, "x509.algorithm"},
                {"PKCS#1", AMD_PKCS1_SHA384, "x509.algorithm"},
                {"inner differs", AMD_INNER_DIFFERS, "x509.algorithm"},
                {"flipped bit", AMD_BAD_SIGNATURE, "x509.signature"},
        };
        _Static_assert(COUNT_OF(rows) == AMD_ALGORITHM_COUNT, "every way");
        struct amd_authority ark = amd_ark(SNP_MILAN, TEST_NOW), ask = amd_ask(SNP_MILAN, TEST_NOW);
        AUTO(cert) struct cert *root = authority(&ark);

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                ask.algorithm = rows[i].algorithm;
                AUTO(cert) struct cert *c = authority(&ask);
                struct fault *f = cert_check_signature(c, cert_key(root), CERT_SIGNATURE_PSS_SHA384);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, rows[i].token, rows[i].name);
        }
        ask.algorithm = AMD_PSS_SHA384;
        AUTO(cert) struct cert *c = authority(&ask);
        expect_fault(cert_check_signature(c, cert_key(c), CERT_SIGNATURE_PSS_SHA384), FAULT_DENIED, "x509.signature");
        expect_fault(cert_check_signature(c, cert_key(root), CERT_SIGNATURE_ECDSA_SHA384), FAULT_DENIED,
                     "x509.algorithm");
}

static void ecdsa(void **state UNUSED)
{
        AUTO(buf) struct buf pem = vector_read("tdx/v4-uptodate/collateral/pck_crl_issuer_chain.pem");
        AUTO(cert_list) struct cert_list chain = {0};

        expect_ok(cert_list_read(buf_span(&pem), &chain));
        assert_int_equal(chain.count, 2);
        const struct key *root = cert_key(chain.certs[1]);
        expect_ok(cert_check_signature(chain.certs[0], root, CERT_SIGNATURE_ECDSA_SHA256));
        expect_ok(cert_check_signature(chain.certs[1], root, CERT_SIGNATURE_ECDSA_SHA256));
        expect_fault(cert_check_signature(chain.certs[1], cert_key(chain.certs[0]), CERT_SIGNATURE_ECDSA_SHA256),
                     FAULT_DENIED, "x509.signature");
        expect_fault(cert_check_signature(chain.certs[0], root, CERT_SIGNATURE_ECDSA_SHA384), FAULT_DENIED,
                     "x509.algorithm");
        expect_fault(cert_check_signature(chain.certs[0], root, CERT_SIGNATURE_PSS_SHA384), FAULT_DENIED,
                     "x509.algorithm");
}

static void dates_to_the_second(void **state UNUSED)
{
        struct amd_authority ark = amd_ark(SNP_MILAN, TEST_NOW);
        AUTO(cert) struct cert *c = authority(&ark);
        struct wall from = cert_not_before(c), until = cert_not_after(c);

        expect_ok(cert_check_dates(c, from));
        expect_ok(cert_check_dates(c, until));
        expect_fault(cert_check_dates(c, wall_from_unix_s(wall_unix_s(from) - 1)), FAULT_DENIED, "x509.not_yet_valid");
        expect_fault(cert_check_dates(c, wall_from_unix_s(wall_unix_s(until) + 1)), FAULT_DENIED, "x509.expired");
}

static void critical_extensions(void **state UNUSED)
{
        struct amd_authority ark = amd_ark(SNP_MILAN, TEST_NOW), odd = ark;

        odd.has_unknown_critical = true;
        AUTO(cert) struct cert *usual = authority(&ark), *unusual = authority(&odd);
        assert_false(cert_has_unknown_critical(usual));
        assert_true(cert_has_unknown_critical(unusual));
}

static void files_in_either_form(void **state UNUSED)
{
        struct amd_authority ark = amd_ark(SNP_MILAN, TEST_NOW), ask = amd_ask(SNP_MILAN, TEST_NOW);
        AUTO(buf) struct buf der = BUF(CERT_MAX), pem = BUF(CERT_MAX);
        AUTO(cert_list) struct cert_list list = {0}, text = {0}, none = {0};

        amd_authority_write(&ask, &der);
        size_t first = der.len;
        amd_authority_write(&ark, &der);
        expect_ok(cert_list_read(buf_span(&der), &list));
        assert_int_equal(list.count, 2);
        assert_true(span_eq(cert_der(list.certs[0]), span_slice(buf_span(&der), 0, first)));
        for (size_t i = 0; i < 2; i++)
                expect_ok(cert_to_pem(list.certs[i], &pem));
        expect_ok(cert_list_read(buf_span(&pem), &text));
        assert_int_equal(text.count, 2);
        expect_fault(cert_list_read(span_slice(buf_span(&der), 0, der.len - 1), &none), FAULT_INVALID,
                     "BAD_CERTIFICATE");
        expect_ok(buf_append_byte(&der, 0));
        expect_fault(cert_list_read(buf_span(&der), &none), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(cert_list_read(SPAN_NONE, &none), FAULT_INVALID, "NO_CERTIFICATE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_parameter_is_compared), cmocka_unit_test(ecdsa),
                cmocka_unit_test(dates_to_the_second),         cmocka_unit_test(critical_extensions),
                cmocka_unit_test(files_in_either_form),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
