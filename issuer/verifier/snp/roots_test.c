#include "issuer/verifier/snp/roots.h"

#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

/* SHA-256 of the roots' SubjectPublicKeyInfo: what the program trusts. */
static const char *const pins[SNP_PRODUCT_COUNT] = {
        [SNP_MILAN] = "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9",
        [SNP_GENOA] = "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831",
        [SNP_TURIN] = "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08",
};

static void roots_are_the_pinned_keys(void **state UNUSED)
{
        const struct cert_list *roots = snp_amd_roots();

        assert_int_equal(roots->count, SNP_PRODUCT_COUNT);
        for (size_t i = 0; i < roots->count; i++) {
                const struct cert *root = roots->certs[i];
                uint8_t digest[SHA256_LEN];
                char text[2 * SHA256_LEN + 1];
                AUTO_STRING char *name = alloc_printf("CN=ARK-%s,", snp_product_name((enum snp_product) i));
                key_spki_sha256(cert_key(root), digest);
                hex_string(SPAN_OF(digest), text);
                assert_string_equal(text, pins[i]);
                assert_int_equal(strncmp(cert_subject(root), name, strlen(name)), 0);
                expect_ok(cert_check_signature(root, cert_key(root), CERT_SIGNATURE_PSS_SHA384));
        }
}

static void signers_are_of_the_roots(void **state UNUSED)
{
        const struct cert_list *roots = snp_amd_roots(), *signers = snp_amd_signers();

        assert_int_equal(signers->count, 2 * roots->count);
        for (size_t i = 0; i < signers->count; i++) {
                expect_ok(cert_check_signature(signers->certs[i], cert_key(roots->certs[i / 2]),
                                               CERT_SIGNATURE_PSS_SHA384));
                assert_true(cert_is_ca(signers->certs[i]));
                for (size_t j = 0; j < roots->count; j++) {
                        if (j != i / 2)
                                expect_fault(cert_check_signature(signers->certs[i], cert_key(roots->certs[j]),
                                                                  CERT_SIGNATURE_PSS_SHA384),
                                             FAULT_DENIED, "x509.signature");
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(roots_are_the_pinned_keys),
                cmocka_unit_test(signers_are_of_the_roots),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
