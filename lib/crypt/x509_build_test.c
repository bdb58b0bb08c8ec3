#include "lib/crypt/x509_build.h"

#include "tests/fakes/pki.h"

#include "lib/crypt/ossl.h"

/* A second opinion: OpenSSL's strict checks of RFC 5280's form. */
static void is_strict(const struct cert *leaf, const struct cert *ca)
{
        AUTO(ossl_store) X509_STORE *store = X509_STORE_new();
        AUTO(ossl_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

        assert_int_equal(X509_STORE_add_cert(store, cert_x509(ca)), 1);
        assert_int_equal(X509_STORE_CTX_init(ctx, store, cert_x509(leaf), NULL), 1);
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
        X509_VERIFY_PARAM_set_time(param, TEST_NOW_S);
        if (X509_verify_cert(ctx) != 1)
                fail_msg("%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

static bool is_critical(const struct cert *c, int nid)
{
        X509_EXTENSION *e = X509_get_ext(cert_x509(c), X509_get_ext_by_NID(cert_x509(c), nid, -1));

        assert_non_null(e);
        return X509_EXTENSION_get_critical(e) != 0;
}

static void leaf_has_its_form(void **state UNUSED)
{
        static const char *const dns[] = {"one.example", "two.example"};
        static const struct cert_extra extra[] = {{"1.3.6.1.5.5.7.1.35", SPAN("\x0c\x02{}")},
                                                  {"2.25.329800735698586629295641978511506172918", SPAN("\x05\x00")}};
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *ca_key = test_key(kind), *k = test_key(KEY_P256);
                AUTO(cert) struct cert *ca = test_ca("ca 1", ca_key, NULL, NULL, TEST_FROM, TEST_UNTIL);
                struct leaf_spec spec = test_leaf_spec(ca, ca_key, k);
                spec.dns = dns;
                spec.dns_count = COUNT_OF(dns);
                spec.extra = extra;
                spec.extra_count = COUNT_OF(extra);
                AUTO(cert) struct cert *leaf = test_leaf(&spec, ca_key);
                struct span value;
                uint8_t id[20];

                is_strict(ca, ca);
                is_strict(leaf, ca);
                assert_int_equal(X509_get_version(cert_x509(leaf)), 2);
                assert_true(span_eq(cert_serial(leaf), SPAN_OF(spec.serial)));
                assert_true(span_eq(cert_subject_der(leaf), SPAN("\x30\x00")));
                assert_true(span_eq(cert_issuer_der(leaf), cert_subject_der(ca)));
                assert_true(span_eq(key_spki(cert_key(leaf)), key_spki(k)));
                assert_int_equal(cert_not_before(leaf).unix_ms, TEST_FROM.unix_ms);
                assert_int_equal(cert_not_after(leaf).unix_ms, TEST_UNTIL.unix_ms);
                assert_int_equal(cert_key_usage(leaf), KU_DIGITAL_SIGNATURE);
                assert_true(cert_has_eku(leaf, "1.3.6.1.5.5.7.3.1") && cert_has_eku(leaf, "1.3.6.1.5.5.7.3.2"));
                assert_int_equal(cert_uri_count(leaf), 1);
                assert_string_equal(cert_uri(leaf, 0), spec.uri);
                assert_int_equal(cert_dns_count(leaf), 2);
                assert_true(is_critical(leaf, NID_basic_constraints) && is_critical(leaf, NID_key_usage) &&
                            is_critical(leaf, NID_subject_alt_name));
                assert_false(is_critical(leaf, NID_ext_key_usage));
                assert_false(cert_is_ca(leaf));
                key_id(k, id);
                expect_ok(cert_extension(leaf, "2.5.29.14", &value));
                assert_true(span_eq(span_slice(value, 2, 20), SPAN_OF(id)));
                expect_ok(cert_extension(leaf, "2.5.29.35", &value));
                assert_true(span_eq(span_slice(value, 4, 20), SPAN_OF(spec.issuer_key_id)));
                for (size_t i = 0; i < COUNT_OF(extra); i++) {
                        expect_ok(cert_extension(leaf, extra[i].oid, &value));
                        assert_true(span_eq(value, extra[i].der));
                }
                assert_int_equal(X509_get_ext_count(cert_x509(leaf)), 6 + 2);
        }
}

static void leaf_certifies_every_kind(void **state UNUSED)
{
        AUTO(key) struct key *ca_key = test_key(KEY_P256);
        AUTO(cert) struct cert *ca = test_ca("ca 1", ca_key, NULL, NULL, TEST_FROM, TEST_UNTIL);

        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = test_key(kind);
                struct leaf_spec spec = test_leaf_spec(ca, ca_key, k);
                AUTO(cert) struct cert *leaf = test_leaf(&spec, ca_key);
                struct cert_list roots = {1, {ca}};
                expect_ok(cert_verify(leaf, NULL, &roots, CERT_PURPOSE_WORKLOAD, TEST_NOW));
                assert_true(span_eq(key_spki(cert_key(leaf)), key_spki(k)));
        }
}

static void refuses_leaves(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *public = NULL;
        AUTO(cert) struct cert *ca = test_ca("ca 1", k, NULL, NULL, TEST_FROM, TEST_UNTIL);
        AUTO(buf) struct buf out = BUF(CERT_MAX), long_uri = BUF(4096);
        static const char *const bad_dns[] = {"a b"};
        static const char *many_dns[65];
        static const struct cert_extra bad_oid[] = {{"not.an.oid", SPAN("\x05\x00")}};
        struct cert_extra many[9];
        enum { COUNT = 15 };
        struct leaf_spec rows[COUNT];
        const char *names[COUNT], *tokens[COUNT];
        size_t n = 0;

        for (size_t i = 0; i < COUNT; i++)
                rows[i] = test_leaf_spec(ca, k, k);
        for (size_t i = 0; i < COUNT_OF(many_dns); i++)
                many_dns[i] = "a";
        for (size_t i = 0; i < COUNT_OF(many); i++)
                many[i] = (struct cert_extra){"1.2.3", SPAN("\x05\x00")};
        while (long_uri.len < 2049)
                expect_ok(buf_append_byte(&long_uri, 'a'));
#define ROW(what, wanted, change) (names[n] = (what), tokens[n] = (wanted), rows[n].change, n++)
        ROW("serial zero", "BAD_SERIAL", serial[0] = rows[n].serial[1] = 0);
        ROW("serial negative", "BAD_SERIAL", serial[0] = 0x80);
        ROW("ends before it begins", "BAD_VALIDITY", not_after = wall_from_unix_s(TEST_NOW_S - 3601));
        ROW("year 1949", "BAD_TIME", not_before = wall_from_unix_s(-631152001));
        ROW("year 10000", "BAD_TIME", not_after = wall_from_unix_s(253402300800));
        ROW("no URI", "BAD_NAME", uri = "");
        ROW("URI with a blank", "BAD_NAME", uri = "spiffe://td/a b");
        ROW("URI with a newline", "BAD_NAME", uri = "spiffe://td/a\n");
        ROW("URI not ASCII", "BAD_NAME", uri = "spiffe://td/\xc3\xa4");
        ROW("URI too long", "BAD_NAME", uri = buf_str(&long_uri));
        rows[n].dns_count = 1;
        ROW("DNS name with a blank", "BAD_NAME", dns = bad_dns);
        rows[n].dns_count = COUNT_OF(many_dns);
        ROW("too many DNS names", "BAD_NAME", dns = many_dns);
        rows[n].extra_count = COUNT_OF(many);
        ROW("too many extensions", "BAD_NAME", extra = many);
        rows[n].extra_count = 1;
        ROW("extension without an OID", "BAD_OID", extra = bad_oid);
        ROW("no SPKI", "KEY_ENCODING", spki = SPAN("\x30\x00\x00"));
#undef ROW
        assert_int_equal(n, COUNT);
        for (size_t i = 0; i < n; i++)
                expect_fault_row(leaf_build(&rows[i], k, &out), FAULT_INVALID, tokens[i], names[i]);
        struct leaf_spec good = test_leaf_spec(ca, k, k);
        expect_ok(key_from_spki(key_spki(k), &public));
        expect_fault(leaf_build(&good, public, &out), FAULT_INVALID, "KEY_KIND");
        assert_int_equal(out.len, 0);
}

static void cas(void **state UNUSED)
{
        AUTO(key) struct key *root_key = test_key(KEY_P384), *k = test_key(KEY_P256);
        AUTO(cert) struct cert *root = test_ca("r\xc3\xb6\xc3\xb6t", root_key, NULL, NULL, TEST_FROM, TEST_UNTIL);
        AUTO(buf) struct buf der = BUF(CERT_MAX), none = BUF(CERT_MAX);
        struct ca_spec spec = {"ca 7", "spiffe://td.example", {7}, TEST_FROM, TEST_UNTIL, k, 0};
        struct span value, root_id;

        expect_ok(ca_build(&spec, root, root_key, &der));
        AUTO(cert) struct cert *ca = test_cert(buf_span(&der));
        is_strict(ca, root);
        assert_true(cert_is_ca(ca));
        assert_int_equal(cert_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
        assert_string_equal(cert_subject(ca), "CN=ca 7");
        assert_string_equal(cert_issuer(ca), "CN=r\\C3\\B6\\C3\\B6t");
        assert_int_equal(cert_uri_count(ca), 1);
        assert_string_equal(cert_uri(ca, 0), "spiffe://td.example");
        assert_true(is_critical(ca, NID_basic_constraints) && is_critical(ca, NID_key_usage));
        expect_ok(cert_extension(ca, "2.5.29.19", &value));
        assert_true(span_eq(value, SPAN("\x30\x06\x01\x01\xff\x02\x01\x00")));
        expect_ok(cert_extension(root, "2.5.29.14", &root_id));
        expect_ok(cert_extension(ca, "2.5.29.35", &value));
        assert_true(span_eq(span_slice(value, 4, 20), span_slice(root_id, 2, 20)));

        expect_fault(ca_build(&spec, root, k, &none), FAULT_INVALID, "KEY_MISMATCH");
        spec.common_name = "";
        expect_fault(ca_build(&spec, root, root_key, &none), FAULT_INVALID, "BAD_NAME");
        spec.common_name = "sixty-five characters sixty-five characters sixty-five characters";
        expect_fault(ca_build(&spec, root, root_key, &none), FAULT_INVALID, "BAD_NAME");
        spec.common_name = "ca \xff";
        expect_fault(ca_build(&spec, root, root_key, &none), FAULT_INVALID, "BAD_NAME");
        spec.common_name = "ca 7";
        spec.uri = "";
        expect_fault(ca_build(&spec, root, root_key, &none), FAULT_INVALID, "BAD_NAME");
        assert_int_equal(none.len, 0);
}

static void tls_certificates(void **state UNUSED)
{
        static const char *const dns[] = {"issuer.example", "localhost", NULL},
                                 *const ip[] = {"127.0.0.1", "::1", NULL}, *const bad_ip[] = {"127.0.0", NULL},
                                 *const bad_dns[] = {"a b", NULL};
        AUTO(key) struct key *ca_key = test_key(KEY_P256), *k = test_key(KEY_P256);
        AUTO(cert) struct cert *ca = test_ca("TLS CA", ca_key, NULL, NULL, TEST_FROM, TEST_UNTIL);
        AUTO(buf) struct buf der = BUF(CERT_MAX), self = BUF(CERT_MAX), none = BUF(CERT_MAX);
        struct tls_cert_spec spec = {"issuer", dns, ip, {7}, TEST_FROM, TEST_UNTIL, k};
        struct span value;

        expect_ok(tls_cert_build(&spec, ca, ca_key, &der));
        AUTO(cert) struct cert *server = test_cert(buf_span(&der));
        is_strict(server, ca);
        assert_int_equal(cert_dns_count(server), 2);
        assert_int_equal(cert_uri_count(server), 0);
        assert_int_equal(X509_check_ip_asc(cert_x509(server), "127.0.0.1", 0), 1);
        assert_int_equal(X509_check_ip_asc(cert_x509(server), "::1", 0), 1);
        assert_int_equal(X509_check_host(cert_x509(server), "localhost", 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(cert_x509(server), "localhosu", 0, 0, NULL), 0);

        spec.dns = spec.ip = NULL;
        expect_ok(tls_cert_build(&spec, NULL, NULL, &self));
        AUTO(cert) struct cert *client = test_cert(buf_span(&self));
        assert_string_equal(cert_subject(client), cert_issuer(client));
        expect_fault(cert_extension(client, "2.5.29.17", &value), FAULT_NOT_FOUND, "NO_EXTENSION");
        assert_int_equal(X509_self_signed(cert_x509(client), 1), 1);

        spec.ip = bad_ip;
        expect_fault(tls_cert_build(&spec, ca, ca_key, &none), FAULT_INVALID, "BAD_NAME");
        spec.ip = NULL;
        spec.dns = bad_dns;
        expect_fault(tls_cert_build(&spec, ca, ca_key, &none), FAULT_INVALID, "BAD_NAME");
        spec.dns = NULL;
        expect_fault(tls_cert_build(&spec, ca, k, &none), FAULT_INVALID, "KEY_MISMATCH");
        spec.serial[0] = 0;
        expect_fault(tls_cert_build(&spec, ca, ca_key, &none), FAULT_INVALID, "BAD_SERIAL");
        assert_int_equal(none.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(leaf_has_its_form), cmocka_unit_test(leaf_certifies_every_kind),
                cmocka_unit_test(refuses_leaves),    cmocka_unit_test(cas),
                cmocka_unit_test(tls_certificates),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
