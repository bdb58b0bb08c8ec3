#include "lib/model/bundle.h"

#include "tests/fakes/golden.h"

static void reads_and_writes(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("bundle.json");
        AUTO(bundle) struct bundle b = {0};
        AUTO(buf) struct buf out = BUF(64 * 1024);
        expect_ok(bundle_read(span_str(text), &b));
        assert_int_equal(b.sequence, 7);
        assert_int_equal(b.refresh_hint_s, 300);
        assert_int_equal(b.root_count, 3);
        assert_int_equal(json_count(b.token_keys), 1);
        expect_ok(bundle_write(&b, &out));
        assert_string_equal(buf_str(&out), text);
}

static void gives_roots_as_pem(void **state UNUSED)
{
        static const char *const files[] = {"root-ec256.pem", "root-ec384.pem", "root-rsa.pem"};
        AUTO_STRING char *text = golden_read("bundle.json");
        AUTO(bundle) struct bundle b = {0};
        AUTO(buf) struct buf wanted = BUF(64 * 1024), pem = BUF(64 * 1024);
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO_STRING char *file = golden_read(files[i]);
                expect_ok(buf_printf(&wanted, "%s\n", file));
        }
        expect_ok(bundle_read(span_str(text), &b));
        expect_ok(bundle_roots_pem(&b, &pem));
        assert_string_equal(buf_str(&pem), buf_str(&wanted));
}

static void makes_the_best_of_others(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"a use that is not ours", "\"use\":\"wit-svid\"", "\"use\":\"jwt-svid\"", NULL},
                {"no refresh hint", "\"spiffe_refresh_hint\":300,", "", NULL},
                {"an unknown member", "\"spiffe_sequence\"", "\"other\":{},\"spiffe_sequence\"", NULL},
        };
        AUTO_STRING char *text = golden_read("bundle.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *other = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                AUTO(bundle) struct bundle b = {0};
                expect_ok(bundle_read(span_str(other), &b));
                assert_int_equal(b.refresh_hint_s, 300);
                assert_int_equal(b.root_count, 3);
        }
}

static void refuses(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"no JSON", "{", "", NULL},
                {"duplicate member", "\"spiffe_sequence\":7", "\"spiffe_sequence\":7,\"spiffe_sequence\":8", NULL},
                {"no sequence", "\"spiffe_sequence\"", "\"sequence\"", NULL},
                {"negative sequence", "\"spiffe_sequence\":7", "\"spiffe_sequence\":-7", NULL},
                {"refresh hint of nothing", "\"spiffe_refresh_hint\":300", "\"spiffe_refresh_hint\":0", NULL},
                {"refresh hint past a week", "\"spiffe_refresh_hint\":300", "\"spiffe_refresh_hint\":604801", NULL},
                {"no keys", "\"keys\":", "\"key\":", NULL},
                {"a key that is a text", "\"keys\":[", "\"keys\":[\"x\",", NULL},
                {"a key without use", "\"keys\":[", "\"keys\":[{},", NULL},
                {"a root without certificate", "\"x5c\":[", "\"x5c\":[],\"y5c\":[", NULL},
                {"a root with two certificates", "\"x5c\":[", "\"x5c\":[\"AQ==\",", NULL},
                {"a certificate that is a number", "\"x5c\":[\"", "\"x5c\":[1],\"y5c\":[\"", NULL},
                {"a certificate one byte long", "\"x5c\":[\"MII", "\"x5c\":[\"AAAAMII", NULL},
                {"a certificate in base64url", "\"x5c\":[\"MII", "\"x5c\":[\"__-_MII", NULL},
                {"a root that says another curve", "\"crv\":\"P-256\"", "\"crv\":\"P-384\"", NULL},
                {"a root that says no type", "\"kty\":\"EC\"", "\"ktz\":\"EC\"", NULL},
                {"a root that says another point", "\"x\":\"NB", "\"x\":\"NC", NULL},
                {"a root with a number too many", "\"use\":\"x509-svid\"", "\"n\":\"AQ\",\"use\":\"x509-svid\"", NULL},
                {"a root that says another modulus", "\"kty\":\"RSA\",\"n\":\"", "\"kty\":\"RSA\",\"n\":\"AAAA", NULL},
                {"a token key without kid", "\"kid\":", "\"kie\":", NULL},
                {"a token key with an empty kid", "\"wit-1\"", "\"\"", NULL},
                {"a private token key", "\"kid\":\"wit-1\"", "\"d\":\"AQ\",\"kid\":\"wit-1\"", NULL},
                {"a symmetric token key", "\"kid\":\"wit-1\"", "\"k\":\"AQ\",\"kid\":\"wit-1\"", NULL},
                {"two token keys with one kid", "\"keys\":[",
                 "\"keys\":[{\"kty\":\"EC\",\"kid\":\"wit-1\",\"use\":\"wit-svid\"},", NULL},
        };
        AUTO_STRING char *text = golden_read("bundle.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct bundle b = {.root_count = 77};
                expect_fault_row(bundle_read(span_str(bad), &b), FAULT_INVALID, "BAD_BUNDLE", rows[i].name);
                assert_int_equal(b.root_count, 77);
        }
        struct bundle b = {0};
        expect_fault(bundle_read(SPAN("{\"spiffe_sequence\":1,\"keys\":[]}"), &b), FAULT_INVALID, "BAD_BUNDLE");
}

/* A bundle of our own making with these bytes as its only roots. */
static struct fault *write_and_read(struct span der, size_t count)
{
        struct bundle b = {.sequence = 1, .refresh_hint_s = 300}, back = {0};
        for (; b.root_count < count; b.root_count++) {
                b.roots[b.root_count] = BUF(CERT_MAX);
                expect_ok(buf_append(&b.roots[b.root_count], der));
        }
        AUTO(buf) struct buf out = BUF(256 * 1024);
        struct fault *f = bundle_write(&b, &out);
        if (f == NULL)
                f = bundle_read(buf_span(&out), &back);
        bundle_clear(&b);
        bundle_clear(&back);
        return f;
}

static void roots_are_ca_certificates(void **state UNUSED)
{
        AUTO_STRING char *leaf_pem = golden_read("no-ca.pem"), *root_pem = golden_read("root-ec256.pem");
        AUTO(cert_list) struct cert_list leaf = {0}, root = {0};
        expect_ok(cert_list_from_pem(span_str(leaf_pem), &leaf));
        expect_ok(cert_list_from_pem(span_str(root_pem), &root));
        expect_ok(write_and_read(cert_der(root.certs[0]), 1));
        expect_ok(write_and_read(cert_der(root.certs[0]), BUNDLE_ROOTS_MAX));
        expect_fault(write_and_read(cert_der(leaf.certs[0]), 1), FAULT_INVALID, "BAD_BUNDLE");
        expect_fault(write_and_read(SPAN("\x30\x00"), 1), FAULT_INVALID, "BAD_CERTIFICATE");
        expect_fault(write_and_read(SPAN_NONE, 0), FAULT_INVALID, "BAD_BUNDLE");
}

static void for_verifying(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("bundle.json");
        AUTO(bundle) struct bundle b = {0};
        AUTO(jwk_set) struct jwk_set *keys = NULL, *none = NULL;
        char trust_domain[TRUST_DOMAIN_MAX + 1];
        const struct bundle empty = {0};
        expect_ok(bundle_read(span_str(text), &b));
        expect_fault(bundle_token_key_set(&b, &keys), FAULT_INVALID,
                     "BAD_JWK"); /* the example's is no point of the curve */
        AUTO(key) struct key *key = NULL;
        expect_ok(key_generate(KEY_P256, &key));
        json_free(b.token_keys);
        b.token_keys = json_new_array();
        json_push(b.token_keys, jwk_published(key, "k1", "wit-svid"));
        json_push(b.token_keys, jwk_published(key, "k2", "another-use"));
        expect_ok(bundle_token_key_set(&b, &keys));
        assert_int_equal(jwk_set_count(keys), 1);
        expect_ok(bundle_token_key_set(&empty, &none));
        assert_int_equal(jwk_set_count(none), 0);
        expect_ok(bundle_trust_domain(&b, trust_domain));
        assert_string_equal(trust_domain, "example.org");
        expect_fault(bundle_trust_domain(&empty, trust_domain), FAULT_INVALID, "BAD_BUNDLE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes),          cmocka_unit_test(gives_roots_as_pem),
                cmocka_unit_test(makes_the_best_of_others),  cmocka_unit_test(refuses),
                cmocka_unit_test(roots_are_ca_certificates), cmocka_unit_test(for_verifying),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
