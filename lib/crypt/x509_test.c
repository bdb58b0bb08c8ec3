#include "lib/crypt/x509.h"

#include "tests/fakes/pki.h"

static void recorded_certificates(void **state UNUSED)
{
        AUTO(buf) struct buf nv = vector_read("tpm/ek-stm-rsa/ek.nvpadded.der");
        AUTO(buf) struct buf pem = vector_read("tpm/gce-certs/uca_tpm_ecc_enc_cert.pem");
        AUTO(cert) struct cert *ek = NULL;
        AUTO(cert_list) struct cert_list list = {0};
        struct span der, value;
        uint8_t digest[SHA256_LEN];

        expect_fault(cert_from_der(buf_span(&nv), &ek), FAULT_INVALID, "BAD_CERTIFICATE"); /* padded */
        expect_ok(cert_trim(buf_span(&nv), &der));
        assert_int_equal(der.len, 1169);
        expect_ok(cert_from_der(der, &ek));
        assert_true(span_eq(cert_der(ek), der));
        assert_string_equal(cert_subject(ek), "");
        assert_string_equal(cert_issuer(ek), "CN=STM TPM EK Intermediate CA 05,O=STMicroelectronics NV,C=CH");
        assert_int_equal(key_kind(cert_key(ek)), KEY_RSA);
        assert_int_equal(wall_unix_s(cert_not_before(ek)), 1531267200); /* 2018-07-11 */
        assert_int_equal(wall_unix_s(cert_not_after(ek)), 1846886400);  /* 2028-07-11 */
        assert_false(cert_is_ca(ek));
        assert_int_equal(cert_key_usage(ek), KU_KEY_ENCIPHERMENT);
        assert_true(cert_has_eku(ek, "2.23.133.8.1"));
        assert_false(cert_has_eku(ek, "2.23.133.8.2"));
        assert_int_equal(cert_serial(ek).len, 20);
        cert_sha256(ek, digest);

        expect_ok(cert_list_from_pem(buf_span(&pem), &list));
        assert_int_equal(list.count, 1);
        assert_int_equal(key_kind(cert_key(list.certs[0])), KEY_P256);
        expect_ok(cert_extension(list.certs[0], "1.3.6.1.4.1.11129.2.1.21", &value)); /* GCE instance info */
        assert_int_equal(value.data[0], 0x30);
        expect_fault(cert_extension(list.certs[0], "1.2.3", &value), FAULT_NOT_FOUND, "NO_EXTENSION");
}

/* A vendor's root whose name isn't DER: what OpenSSL reads of it is taken, and its bytes stay as they are. */
static void badly_encoded_root(void **state UNUSED)
{
        AUTO(buf) struct buf der = vector_read("tpm/ek-nuvoton-root-badder/nuvoton-root-2110.der");
        AUTO(cert) struct cert *c = NULL;

        expect_ok(cert_from_der(buf_span(&der), &c));
        assert_true(cert_is_ca(c));
        assert_true(span_eq(cert_der(c), buf_span(&der)));
        assert_string_equal(cert_subject(c), "C=TW+O=Nuvoton Technology Corporation+CN=Nuvoton TPM Root CA 2110");
        struct cert_list roots = {1, {c}};
        expect_ok(cert_verify(c, NULL, &roots, CERT_PURPOSE_ANY, cert_not_before(c)));
}

static void refuses_bytes(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(cert) struct cert *ca = test_ca("ca", k, NULL, NULL, TEST_FROM, TEST_UNTIL), *back = NULL;
        AUTO(buf) struct buf der = BUF(2 * CERT_MAX);
        struct span trimmed;

        for (size_t len = 0; len < cert_der(ca).len; len++) {
                expect_fault(cert_from_der(span_make(cert_der(ca).data, len), &back), FAULT_INVALID, "BAD_CERTIFICATE");
                expect_fault(cert_trim(span_make(cert_der(ca).data, len), &trimmed), FAULT_INVALID, "BAD_CERTIFICATE");
        }
        expect_ok(buf_append(&der, cert_der(ca)));
        expect_ok(buf_append_byte(&der, 0));
        expect_fault(cert_from_der(buf_span(&der), &back), FAULT_INVALID, "BAD_CERTIFICATE");

        /* the outermost length in three octets where two do */
        buf_truncate(&der, 0);
        expect_ok(buf_append(&der, SPAN("\x30\x83\x00")));
        expect_ok(buf_append(&der, span_slice(cert_der(ca), 2, cert_der(ca).len - 2)));
        expect_fault(cert_from_der(buf_span(&der), &back), FAULT_INVALID, "BAD_CERTIFICATE");

        uint8_t *where;
        buf_truncate(&der, 0);
        expect_ok(buf_grow(&der, CERT_MAX + 1, &where));
        memset(where, 0x30, CERT_MAX + 1);
        expect_fault(cert_from_der(buf_span(&der), &back), FAULT_INVALID, "BAD_CERTIFICATE");
}

/* Bends a certificate of ours: replaces `from` by `to` of the same length, wherever it is first. */
static struct fault *bent(const struct cert *c, struct span from, struct span to)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        AUTO(cert) struct cert *back = NULL;

        expect_ok(buf_append(&der, cert_der(c)));
        uint8_t *at = memmem(der.data, der.len, from.data, from.len);
        assert_non_null(at);
        assert_int_equal(from.len, to.len);
        memcpy(at, to.data, to.len);
        return cert_from_der(buf_span(&der), &back);
}

static void refuses_contents(void **state UNUSED)
{
        static const char *const dns[] = {"one.example", "two.example"};
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(cert) struct cert *ca = test_ca("ca", k, NULL, NULL, TEST_FROM, TEST_UNTIL);
        struct cert_extra twins[] = {{"1.2.3.4", SPAN("\x05\x00")}, {"1.2.3.5", SPAN("\x05\x00")}};
        struct leaf_spec spec = test_leaf_spec(ca, k, k);
        spec.dns = dns;
        spec.dns_count = 2;
        spec.extra = twins;
        spec.extra_count = 2;
        AUTO(cert) struct cert *leaf = test_leaf(&spec, k);

        assert_int_equal(cert_uri_count(leaf), 1);
        assert_string_equal(cert_uri(leaf, 0), "spiffe://td.example/ns/a/sa/b");
        assert_int_equal(cert_dns_count(leaf), 2);
        assert_string_equal(cert_dns(leaf, 1), "two.example");
        expect_ok(bent(leaf, SPAN("sa/b"), SPAN("sa/c"))); /* a signature isn't looked at here */
        expect_fault(bent(leaf, SPAN("ns/a"), SPAN("ns\0a")), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(bent(leaf, SPAN("ns/a"), SPAN("ns\na")), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(bent(leaf, SPAN("ns/a"), SPAN("ns a")), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(bent(leaf, SPAN("two.ex"),
                          SPAN("two\xff"
                               "ex")),
                     FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(bent(leaf, SPAN("two.ex"), SPAN("two\0ex")), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(bent(leaf, SPAN("\x06\x03\x2a\x03\x05"), SPAN("\x06\x03\x2a\x03\x04")), FAULT_INVALID,
                     "DUPLICATE_EXTENSION");
        expect_fault(bent(leaf, SPAN("\x02\x10\x7f\x09"), SPAN("\x02\x10\xff\x09")), FAULT_INVALID, "BAD_CERTIFICATE");
        /* a key on no curve is a certificate that can't be used, not one that can't be read */
        expect_ok(bent(leaf, SPAN("\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42"),
                       SPAN("\x2a\x86\x48\xce\x3d\x03\x01\x06\x03\x42")));
}

static void pem_lists(void **state UNUSED)
{
        AUTO(buf)
        struct buf a = vector_read("tpm/ek-stm-rsa/STM_RSA_05I.pem"), b = vector_read("tpm/ek-stm-rsa/STM_RSA_RT.pem"),
                   key = vector_read("keys/sec1.pem"), all = BUF(VECTOR_MAX), back = BUF(VECTOR_MAX);
        AUTO(cert_list) struct cert_list list = {0}, again = {0}, none = {0};

        assert_int_not_equal(a.data[a.len - 1], '\n');
        expect_ok(buf_append(&all, buf_span(&key)));
        expect_ok(buf_append(&all, buf_span(&a)));
        expect_ok(buf_append(&all, buf_span(&b))); /* without a newline between them */
        expect_ok(cert_list_from_pem(buf_span(&all), &list));
        assert_int_equal(list.count, 2);
        assert_string_equal(cert_issuer(list.certs[0]), cert_subject(list.certs[1]));
        expect_ok(cert_to_pem(list.certs[0], &back));
        expect_ok(cert_to_pem(list.certs[1], &back));
        expect_ok(cert_list_from_pem(buf_span(&back), &again));
        assert_int_equal(again.count, 2);
        assert_true(span_eq(cert_der(again.certs[1]), cert_der(list.certs[1])));

        expect_fault(cert_list_from_pem(SPAN_NONE, &none), FAULT_INVALID, "NO_CERTIFICATE");
        expect_fault(cert_list_from_pem(buf_span(&key), &none), FAULT_INVALID, "NO_CERTIFICATE");
        static const char *const rows[] = {
                "-----BEGIN CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\nAAAA=\n-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(cert_list_from_pem(span_str(rows[i]), &none), FAULT_INVALID, "BAD_CERTIFICATE",
                                 rows[i]);
        a.data[200] = 0; /* a NUL inside */
        expect_fault(cert_list_from_pem(buf_span(&a), &none), FAULT_INVALID, "BAD_CERTIFICATE");

        buf_truncate(&all, 0);
        for (int i = 0; i < 33; i++)
                expect_ok(cert_to_pem(list.certs[0], &all));
        expect_fault(cert_list_from_pem(buf_span(&all), &none), FAULT_INVALID, "BAD_CERTIFICATE");
        assert_int_equal(none.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_certificates),
                cmocka_unit_test(badly_encoded_root),
                cmocka_unit_test(refuses_bytes),
                cmocka_unit_test(refuses_contents),
                cmocka_unit_test(pem_lists),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
