#include "lib/crypt/pkcs12.h"

#include "tests/fakes/pki.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "lib/crypt/ossl.h"

static const char password[] = "correct-horse";

struct world {
        struct key *ca_key, *key;
        struct cert *ca, *leaf;
        struct secret *password;
};

static void world_clear(struct world *w)
{
        key_free(w->ca_key);
        key_free(w->key);
        cert_free(w->ca);
        cert_free(w->leaf);
        secret_free(w->password);
}
DEFINE_AUTO_VALUE(world)

static struct world world_new(enum key_kind kind)
{
        struct world w = {
                .ca_key = test_key(KEY_P256), .key = test_key(kind), .password = secret_copy(span_str(password))};
        w.ca = test_ca("root", w.ca_key, NULL, NULL, TEST_FROM, TEST_UNTIL);
        struct leaf_spec spec = test_leaf_spec(w.ca, w.ca_key, w.key);
        w.leaf = test_leaf(&spec, w.ca_key);
        return w;
}

/* The only way back: what OpenSSL reads. */
static PKCS12 *parse(struct span der)
{
        const uint8_t *at = der.data;
        PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long) der.len);

        assert_non_null(p12);
        assert_ptr_equal(at, der.data + der.len);
        return p12;
}

static void key_stores(void **state UNUSED)
{
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(world) struct world w = world_new(kind);
                AUTO(buf) struct buf out = BUF(PKCS12_MAX);
                const struct cert *const chain[] = {w.leaf, w.ca};
                EVP_PKEY *pkey = NULL;
                X509 *leaf = NULL;
                STACK_OF(X509) *others = NULL;
                const ASN1_INTEGER *iterations = NULL;
                const X509_ALGOR *mac = NULL;
                const ASN1_OBJECT *digest = NULL;

                expect_ok(pkcs12_key_store(w.key, chain, 2, "workload", w.password, &out));
                PKCS12 *p12 = parse(buf_span(&out));
                assert_int_equal(PKCS12_verify_mac(p12, "wrong", -1), 0);
                assert_int_equal(PKCS12_parse(p12, password, &pkey, &leaf, &others), 1);
                assert_int_equal(EVP_PKEY_eq(pkey, key_pkey(w.key)), 1);
                assert_int_equal(X509_cmp(leaf, cert_x509(w.leaf)), 0);
                assert_int_equal(sk_X509_num(others), 1);
                assert_int_equal(X509_cmp(sk_X509_value(others, 0), cert_x509(w.ca)), 0);
                PKCS12_get0_mac(NULL, &mac, NULL, &iterations, p12);
                X509_ALGOR_get0(&digest, NULL, NULL, mac);
                assert_int_equal(OBJ_obj2nid(digest), NID_sha256);
                assert_int_equal(ASN1_INTEGER_get(iterations), PKCS12_ITERATIONS);
                EVP_PKEY_free(pkey);
                X509_free(leaf);
                sk_X509_pop_free(others, X509_free);
                PKCS12_free(p12);
                ERR_clear_error();
        }
}

static void trust_stores(void **state UNUSED)
{
        AUTO(world) struct world w = world_new(KEY_P256);
        AUTO(buf) struct buf out = BUF(PKCS12_MAX), none = BUF(PKCS12_MAX);
        struct cert_list roots = {1, {w.ca}}, empty = {0};
        EVP_PKEY *pkey = NULL;
        X509 *leaf = NULL;
        STACK_OF(X509) *others = NULL;

        expect_ok(pkcs12_trust_store(&roots, "root", w.password, &out));
        PKCS12 *p12 = parse(buf_span(&out));
        assert_int_equal(PKCS12_parse(p12, password, &pkey, &leaf, &others), 1);
        assert_null(pkey);
        assert_int_equal(sk_X509_num(others), 1);
        X509_free(leaf);
        sk_X509_pop_free(others, X509_free);
        PKCS12_free(p12);
        expect_fault(pkcs12_trust_store(&empty, "root", w.password, &none), FAULT_INVALID, "PKCS12_EMPTY");
}

static void refuses(void **state UNUSED)
{
        AUTO(world) struct world w = world_new(KEY_P256), other = world_new(KEY_P256);
        AUTO(buf) struct buf out = BUF(PKCS12_MAX), small = BUF(100);
        AUTO(secret)
        struct secret *blank = secret_copy(SPAN("a b")), *zero = secret_copy(SPAN("a\0b")),
                      *longer = secret_new(PKCS12_PASSWORD_MAX + 1);
        AUTO(key) struct key *public = NULL;
        const struct cert *const chain[] = {w.leaf, w.ca};

        memset(secret_bytes(longer), 'a', secret_len(longer));
        expect_ok(key_from_spki(key_spki(w.key), &public));
        expect_fault(pkcs12_key_store(other.key, chain, 2, "a", w.password, &out), FAULT_INVALID, "PKCS12_KEY");
        expect_fault(pkcs12_key_store(public, chain, 2, "a", w.password, &out), FAULT_INVALID, "PKCS12_KEY");
        expect_fault(pkcs12_key_store(w.key, chain, 0, "a", w.password, &out), FAULT_INVALID, "PKCS12_KEY");
        expect_fault(pkcs12_key_store(w.key, chain, 2, "a", blank, &out), FAULT_INVALID, "PKCS12_PASSWORD");
        expect_fault(pkcs12_key_store(w.key, chain, 2, "a", zero, &out), FAULT_INVALID, "PKCS12_PASSWORD");
        expect_fault(pkcs12_key_store(w.key, chain, 2, "a", longer, &out), FAULT_INVALID, "PKCS12_PASSWORD");
        expect_fault(pkcs12_key_store(w.key, chain, 2, "a", w.password, &small), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(out.len + small.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(key_stores), cmocka_unit_test(trust_stores),
                                           cmocka_unit_test(refuses)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
