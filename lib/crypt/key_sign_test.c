#include "lib/crypt/key.h"

#include <openssl/rsa.h>
#include <pthread.h>

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/crypt/ossl.h"

#define MESSAGE SPAN("what was signed")
#define P256_N  "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define P384_N  "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"

static void refuse(const struct key *k, enum hash_alg alg, enum signature_form form, struct span signature,
                   const char *name)
{
        expect_fault_row(key_verify(k, alg, form, MESSAGE, signature), FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", name);
}

enum change { R_ZERO, S_ZERO, R_ORDER, S_ORDER, R_ALL_ONES, S_ALL_ONES, SWAPPED, R_BIT, S_BIT, CHANGE_COUNT };

static void change(uint8_t *raw, size_t width, struct span order, enum change what)
{
        uint8_t kept[48];

        switch (what) {
        case R_ZERO:
        case S_ZERO:
                memset(raw + (what == S_ZERO ? width : 0), 0, width);
                break;
        case R_ORDER:
        case S_ORDER:
                memcpy(raw + (what == S_ORDER ? width : 0), order.data, width);
                break;
        case R_ALL_ONES:
        case S_ALL_ONES:
                memset(raw + (what == S_ALL_ONES ? width : 0), 0xff, width);
                break;
        case SWAPPED:
                memcpy(kept, raw, width);
                memcpy(raw, raw + width, width);
                memcpy(raw + width, kept, width);
                break;
        default:
                raw[what == S_BIT ? 2 * width - 1 : width - 1] ^= 1;
        }
}

static void ec_near_misses(void **state UNUSED)
{
        static const char *const names[] = {"r = 0",      "s = 0",        "r = n",    "s = n",   "r all ones",
                                            "s all ones", "r, s swapped", "bit of r", "bit of s"};
        _Static_assert(COUNT_OF(names) == CHANGE_COUNT, "a name for each");

        for (enum key_kind kind = KEY_P256; kind <= KEY_P384; kind++) {
                AUTO(key)
                struct key *k = test_key(kind), *other = test_key(kind),
                           *elsewhere = test_key(kind == KEY_P256 ? KEY_P384 : KEY_P256);
                AUTO(buf) struct buf order = BUF(48), raw = BUF(128), der = BUF(128);
                enum hash_alg alg = kind == KEY_P256 ? HASH_SHA256 : HASH_SHA384;

                expect_ok(hex_decode(kind == KEY_P256 ? SPAN(P256_N) : SPAN(P384_N), &order));
                expect_ok(key_sign(k, alg, SIGNATURE_RAW, MESSAGE, &raw));
                assert_int_equal(raw.len, 2 * order.len);
                expect_ok(key_verify(k, alg, SIGNATURE_RAW, MESSAGE, buf_span(&raw)));
                for (enum change what = 0; what < CHANGE_COUNT; what++) {
                        uint8_t changed[96];
                        memcpy(changed, raw.data, raw.len);
                        change(changed, order.len, buf_span(&order), what);
                        refuse(k, alg, SIGNATURE_RAW, span_make(changed, raw.len), names[what]);
                }
                refuse(other, alg, SIGNATURE_RAW, buf_span(&raw), "other key");
                refuse(elsewhere, alg, SIGNATURE_RAW, buf_span(&raw), "key on another curve");
                refuse(k, HASH_SHA512, SIGNATURE_RAW, buf_span(&raw), "other hash");
                refuse(k, alg, SIGNATURE_DER, buf_span(&raw), "raw as DER");
                refuse(k, alg, SIGNATURE_RSASSA, buf_span(&raw), "RSA form");
                refuse(k, alg, SIGNATURE_RAW, SPAN_NONE, "nothing");
                refuse(k, alg, SIGNATURE_RAW, span_make(raw.data, raw.len - 1), "short");
                expect_fault(key_verify(k, alg, SIGNATURE_RAW, SPAN("what was signee"), buf_span(&raw)),
                             FAULT_UNAUTHENTICATED, "BAD_SIGNATURE");
                expect_ok(buf_append_byte(&raw, 0));
                refuse(k, alg, SIGNATURE_RAW, buf_span(&raw), "long");

                expect_ok(key_sign(k, alg, SIGNATURE_DER, MESSAGE, &der));
                expect_ok(key_verify(k, alg, SIGNATURE_DER, MESSAGE, buf_span(&der)));
                refuse(k, alg, SIGNATURE_RAW, buf_span(&der), "DER as raw");
                for (size_t len = 0; len < der.len; len++)
                        refuse(k, alg, SIGNATURE_DER, span_make(der.data, len), "DER cut");
                expect_ok(buf_append_byte(&der, 0));
                refuse(k, alg, SIGNATURE_DER, buf_span(&der), "DER with a byte more");
        }
}

/* BER forms of a good signature: a longer length, a superfluous zero, an indefinite length. */
static void der_is_strict(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(buf) struct buf der = BUF(128), longer = BUF(128), zero = BUF(128), indefinite = BUF(128);

        expect_ok(key_sign(k, HASH_SHA256, SIGNATURE_DER, MESSAGE, &der));
        struct span body = span_slice(buf_span(&der), 2, der.len - 2);
        expect_ok(buf_append(&longer, SPAN("\x30\x81")));
        expect_ok(buf_append_byte(&longer, (uint8_t) body.len));
        expect_ok(buf_append(&longer, body));
        refuse(k, HASH_SHA256, SIGNATURE_DER, buf_span(&longer), "length not minimal");
        expect_ok(buf_append_byte(&zero, 0x30));
        expect_ok(buf_append_byte(&zero, (uint8_t) (body.len + 1)));
        expect_ok(buf_append_byte(&zero, 0x02));
        expect_ok(buf_append_byte(&zero, (uint8_t) (body.data[1] + 1)));
        expect_ok(buf_append_byte(&zero, 0));
        expect_ok(buf_append(&zero, span_slice(body, 2, body.len - 2)));
        refuse(k, HASH_SHA256, SIGNATURE_DER, buf_span(&zero), "number not minimal");
        expect_ok(buf_append(&indefinite, SPAN("\x30\x80")));
        expect_ok(buf_append(&indefinite, body));
        expect_ok(buf_append(&indefinite, SPAN("\0\0")));
        refuse(k, HASH_SHA256, SIGNATURE_DER, buf_span(&indefinite), "indefinite length");
}

/* What we would never sign: PSS with parameters of the test's choice. */
static struct buf sign_pss(const struct key *k, int salt, const char *mgf, const char *digest)
{
        struct buf out = BUF(SIGNATURE_MAX);
        uint8_t bytes[SIGNATURE_MAX];
        size_t len = sizeof bytes;
        EVP_PKEY_CTX *p = NULL;
        AUTO(ossl_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        struct span message = MESSAGE;

        assert_int_equal(EVP_DigestSignInit_ex(ctx, &p, digest, NULL, NULL, key_pkey(k), NULL), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(p, mgf, NULL), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, salt), 1);
        assert_int_equal(EVP_DigestSign(ctx, bytes, &len, message.data, message.len), 1);
        expect_ok(buf_append(&out, span_make(bytes, len)));
        return out;
}

static void pss_parameters(void **state UNUSED)
{
        static const struct {
                const char *name;
                int salt;
                const char *mgf, *digest;
                bool fixed, any; /* accepted by SIGNATURE_RSAPSS, by SIGNATURE_RSAPSS_ANY_SALT */
        } rows[] = {
                {"as it should be", 32, "SHA256", "SHA256", true, true},
                {"no salt", 0, "SHA256", "SHA256", false, true},
                {"salt one short", 31, "SHA256", "SHA256", false, true},
                {"salt one long", 33, "SHA256", "SHA256", false, true},
                {"largest salt, as a TPM does", RSA_PSS_SALTLEN_MAX, "SHA256", "SHA256", false, true},
                {"MGF with SHA-1", 32, "SHA1", "SHA256", false, false},
                {"MGF with SHA-384", 32, "SHA384", "SHA256", false, false},
                {"SHA-384 throughout", 48, "SHA384", "SHA384", false, false},
                {"SHA-1 throughout", 20, "SHA1", "SHA1", false, false},
        };
        AUTO(key) struct key *k = test_key(KEY_RSA);

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf s = sign_pss(k, rows[i].salt, rows[i].mgf, rows[i].digest);
                AUTO(fault) struct fault *fixed = key_verify(k, HASH_SHA256, SIGNATURE_RSAPSS, MESSAGE, buf_span(&s));
                AUTO(fault)
                struct fault *any = key_verify(k, HASH_SHA256, SIGNATURE_RSAPSS_ANY_SALT, MESSAGE, buf_span(&s));
                if ((fixed == NULL) != rows[i].fixed || (any == NULL) != rows[i].any)
                        fail_msg("%s", rows[i].name);
                refuse(k, HASH_SHA256, SIGNATURE_RSASSA, buf_span(&s), "PSS as PKCS#1");
        }
}

static void rsa_near_misses(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_RSA), *other = test_key_of("keys/rsa3072-other.pem");
        static const enum signature_form forms[] = {SIGNATURE_RSASSA, SIGNATURE_RSAPSS};

        for (size_t i = 0; i < COUNT_OF(forms); i++) {
                AUTO(buf) struct buf s = BUF(SIGNATURE_MAX), n = BUF(SIGNATURE_MAX);
                expect_ok(key_sign(k, HASH_SHA256, forms[i], MESSAGE, &s));
                expect_ok(key_verify(k, HASH_SHA256, forms[i], MESSAGE, buf_span(&s)));
                refuse(other, HASH_SHA256, forms[i], buf_span(&s), "other key");
                refuse(k, HASH_SHA256, forms[1 - i], buf_span(&s), "other padding");
                refuse(k, HASH_SHA384, forms[i], buf_span(&s), "other hash");
                refuse(k, HASH_SHA256, SIGNATURE_RAW, buf_span(&s), "EC form");
                refuse(k, HASH_SHA256, forms[i], span_make(s.data, s.len - 1), "short");
                refuse(k, HASH_SHA256, forms[i], SPAN_NONE, "nothing");
                expect_ok(key_rsa_modulus(k, &n));
                refuse(k, HASH_SHA256, forms[i], buf_span(&n), "the modulus");
                memset(n.data, 0, n.len);
                refuse(k, HASH_SHA256, forms[i], buf_span(&n), "zero");
                s.data[0] ^= 1;
                refuse(k, HASH_SHA256, forms[i], buf_span(&s), "a bit");
                s.data[0] ^= 1;
                expect_ok(buf_append_byte(&s, 0));
                refuse(k, HASH_SHA256, forms[i], buf_span(&s), "long");
        }
}

static void public_keys_dont_sign(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *public = NULL;
        AUTO(buf) struct buf out = BUF(SIGNATURE_MAX);

        expect_ok(key_from_spki(key_spki(k), &public));
        expect_fault(key_sign(public, HASH_SHA256, SIGNATURE_RAW, MESSAGE, &out), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_sign(k, HASH_SHA256, SIGNATURE_RSAPSS, MESSAGE, &out), FAULT_INVALID, "KEY_KIND");
        assert_int_equal(out.len, 0);
}

static void agreement(void **state UNUSED)
{
        AUTO(key)
        struct key *a = test_key(KEY_P256), *b = test_key(KEY_P256), *c = test_key(KEY_P384), *r = test_key(KEY_RSA),
                   *public = NULL;
        AUTO(secret) struct secret *ab = NULL, *ba = NULL, *none = NULL;
        AUTO(buf) struct buf sealed = BUF(SIGNATURE_MAX);
        uint8_t large[400] = {0};

        expect_ok(key_from_spki(key_spki(b), &public));
        expect_ok(key_ecdh(a, public, &ab));
        expect_ok(key_ecdh(b, a, &ba));
        assert_int_equal(secret_len(ab), 32);
        assert_true(secret_eq(ab, secret_span(ba)));
        expect_fault(key_ecdh(a, c, &none), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_ecdh(public, a, &none), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_ecdh(r, r, &none), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_rsa_oaep_encrypt(a, HASH_SHA256, SPAN_NONE, SPAN("x"), &sealed), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_rsa_oaep_encrypt(r, HASH_SHA256, SPAN_NONE, SPAN_OF(large), &sealed), FAULT_INVALID, "OAEP");
}

/* One key in several threads (run under TSan as well). */
static void *use(void *arg)
{
        const struct key *k = arg;

        for (int i = 0; i < 50; i++) {
                AUTO(buf) struct buf s = BUF(128);
                AUTO(key) struct key *again = NULL;
                AUTO(fault) struct fault *signing = key_sign(k, HASH_SHA256, SIGNATURE_RAW, MESSAGE, &s);
                AUTO(fault) struct fault *copying = key_from_spki(key_spki(k), &again);
                AUTO(fault)
                struct fault *verifying = signing == NULL && copying == NULL
                                                  ? key_verify(again, HASH_SHA256, SIGNATURE_RAW, MESSAGE, buf_span(&s))
                                                  : NULL;
                AUTO(fault)
                struct fault *shared =
                        signing == NULL ? key_verify(k, HASH_SHA256, SIGNATURE_RAW, MESSAGE, buf_span(&s)) : NULL;
                if (signing != NULL || copying != NULL || verifying != NULL || shared != NULL)
                        return arg;
        }
        return NULL;
}

static void threads_share_a_key(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        pthread_t threads[4];

        for (size_t i = 0; i < COUNT_OF(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, use, k), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
                void *failed;
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                assert_null(failed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ec_near_misses),      cmocka_unit_test(der_is_strict),
                cmocka_unit_test(pss_parameters),      cmocka_unit_test(rsa_near_misses),
                cmocka_unit_test(agreement),           cmocka_unit_test(public_keys_dont_sign),
                cmocka_unit_test(threads_share_a_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
