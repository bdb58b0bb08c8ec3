#include "lib/crypt/key.h"

#include <openssl/pem.h>

#include "tests/fakes/pki.h"

/* What OpenSSL itself writes of the same key, byte by byte. */
static void assert_written_as_by_openssl(struct span pem)
{
        BIO *in = BIO_new_mem_buf(pem.data, (int) pem.len), *out = BIO_new(BIO_s_mem());
        EVP_PKEY *pkey = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
        char *text = NULL;

        assert_non_null(pkey);
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, pkey, NULL, NULL, 0, NULL, NULL), 1);
        long len = BIO_get_mem_data(out, &text);
        assert_true(span_eq(pem, span_make(text, (size_t) len)));
        EVP_PKEY_free(pkey);
        BIO_free(in);
        BIO_free(out);
}

/* Through every form that a key travels in, the SPKI stays the same. */
static void travels(void **state UNUSED)
{
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = NULL, *spki = NULL, *pem = NULL, *numbers = NULL;
                AUTO(secret) struct secret *text = NULL;
                AUTO(buf) struct buf x = BUF(512), y = BUF(64), signature = BUF(SIGNATURE_MAX);
                enum signature_form form = kind == KEY_RSA ? SIGNATURE_RSAPSS : SIGNATURE_RAW;

                expect_ok(key_generate(kind, &k));
                assert_int_equal(key_kind(k), kind);
                assert_true(key_is_private(k));
                expect_ok(key_from_spki(key_spki(k), &spki));
                assert_int_equal(key_kind(spki), kind);
                assert_false(key_is_private(spki));
                assert_true(span_eq(key_spki(spki), key_spki(k)));

                expect_ok(key_to_pem_private(k, &text));
                assert_true(span_starts_with(secret_span(text), SPAN("-----BEGIN PRIVATE KEY-----\n")));
                assert_written_as_by_openssl(secret_span(text));
                expect_ok(key_from_pem_private(secret_span(text), &pem));
                assert_true(key_is_private(pem));
                assert_true(span_eq(key_spki(pem), key_spki(k)));
                expect_ok(key_sign(pem, HASH_SHA256, form, SPAN("m"), &signature));
                expect_ok(key_verify(spki, HASH_SHA256, form, SPAN("m"), buf_span(&signature)));

                if (kind == KEY_RSA) {
                        expect_ok(key_rsa_modulus(k, &x));
                        assert_int_equal(x.len, 384);
                        expect_ok(key_from_rsa(buf_span(&x), SPAN("\x01\x00\x01"), &numbers));
                        expect_fault(key_ec_point(k, &x, &y), FAULT_INVALID, "KEY_KIND");
                } else {
                        expect_ok(key_ec_point(k, &x, &y));
                        assert_int_equal(x.len, kind == KEY_P256 ? 32 : 48);
                        expect_ok(key_from_ec_point(kind, buf_span(&x), buf_span(&y), &numbers));
                        expect_fault(key_rsa_modulus(k, &x), FAULT_INVALID, "KEY_KIND");
                }
                assert_true(span_eq(key_spki(numbers), key_spki(k)));

                AUTO(secret) struct secret *none = NULL;
                expect_fault(key_to_pem_private(spki, &none), FAULT_INVALID, "KEY_KIND");
        }
}

static void private_pem(void **state UNUSED)
{
        static const struct {
                const char *name, *token;
        } files[] = {
                {"sec1", NULL}, /* after EC PARAMETERS, as `openssl ecparam -genkey` has it */
                {"encrypted", "KEY_ENCODING"},
                {"mismatch", "KEY_ENCODING"},
                {"ed25519", "KEY_KIND"},
                {"secp256k1", "KEY_KIND"},
                {"p521", "KEY_KIND"},
                {"rsa1024", "KEY_KIND"},
                {"rsa-e3", "KEY_KIND"},
                {"explicit", "KEY_KIND"},
        };
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO_STRING char *path = alloc_printf("keys/%s.pem", files[i].name);
                AUTO(buf) struct buf pem = vector_read(path);
                AUTO(key) struct key *k = NULL;
                struct fault *f = key_from_pem_private(buf_span(&pem), &k);
                if (files[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, files[i].token, files[i].name);
        }

        static const char *const texts[] = {
                "",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
                "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        };
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                AUTO(key) struct key *k = NULL;
                expect_fault_row(key_from_pem_private(span_str(texts[i]), &k), FAULT_INVALID, "KEY_ENCODING", texts[i]);
        }
}

static void public_pem(void **state UNUSED)
{
        AUTO(buf)
        struct buf pem = vector_read("tpm/parsec-certify/ak.pub.pem"), rsa = vector_read("tpm/keylime-sim/ak.pub.pem");
        AUTO(key) struct key *k = NULL, *r = NULL, *none = NULL;

        expect_ok(key_from_pem_public(buf_span(&pem), &k));
        assert_int_equal(key_kind(k), KEY_P256);
        expect_ok(key_from_pem_public(buf_span(&rsa), &r));
        assert_int_equal(key_kind(r), KEY_RSA);
        AUTO(buf) struct buf secret = vector_read("keys/sec1.pem");
        expect_fault(key_from_pem_public(buf_span(&secret), &none), FAULT_INVALID, "KEY_ENCODING");
        expect_fault(key_from_pem_public(SPAN_NONE, &none), FAULT_INVALID, "KEY_ENCODING");
}

/* One encoding of each key: what is nearly it, isn't it. */
static void refuses_spki(void **state UNUSED)
{
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = test_key(kind), *back = NULL;
                AUTO(buf) struct buf der = BUF(SPKI_MAX + 1);
                struct span spki = key_spki(k);

                for (size_t len = 0; len < spki.len; len++)
                        expect_fault(key_from_spki(span_make(spki.data, len), &back), FAULT_INVALID, "KEY_ENCODING");
                expect_ok(buf_append(&der, spki));
                expect_ok(buf_append_byte(&der, 0));
                expect_fault(key_from_spki(buf_span(&der), &back), FAULT_INVALID, "KEY_ENCODING");
                buf_truncate(&der, spki.len);
                size_t frame = kind == KEY_RSA ? 32 : spki.len - (kind == KEY_P256 ? 64u : 96u);
                for (size_t at = 0; at < frame; at++) {
                        der.data[at] ^= 1;
                        AUTO(fault) struct fault *f = key_from_spki(buf_span(&der), &back);
                        if (f == NULL)
                                fail_msg("kind %d, frame byte %zu", kind, at);
                        der.data[at] ^= 1;
                }
                if (kind != KEY_RSA) { /* a point next to the curve */
                        der.data[der.len - 1] ^= 1;
                        expect_fault(key_from_spki(buf_span(&der), &back), FAULT_INVALID, "KEY_KIND");
                }
        }
}

static void refuses_encodings(void **state UNUSED)
{
        static const struct {
                const char *name, *token;
        } rows[] = {
                {"compressed", "KEY_KIND"}, {"hybrid", "KEY_KIND"},      {"explicit", "KEY_KIND"},
                {"ed25519", "KEY_KIND"},    {"rsa-no-null", "KEY_KIND"}, {"rsa-pss", "KEY_KIND"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *path = alloc_printf("keys/%s.spki.der", rows[i].name);
                AUTO(buf) struct buf der = vector_read(path);
                AUTO(key) struct key *k = NULL;
                expect_fault_row(key_from_spki(buf_span(&der), &k), FAULT_INVALID, rows[i].token, rows[i].name);
        }
}

static void refuses_numbers(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *back = NULL;
        AUTO(buf) struct buf x = BUF(64), y = BUF(64), n = BUF(600);
        uint8_t zeros[49] = {0}, ones[48];

        memset(ones, 0xff, sizeof ones);
        expect_ok(key_ec_point(k, &x, &y));
        expect_fault(key_from_ec_point(KEY_P256, SPAN_NONE, buf_span(&y), &back), FAULT_INVALID, "KEY_ENCODING");
        expect_fault(key_from_ec_point(KEY_P256, span_make(zeros, 33), buf_span(&y), &back), FAULT_INVALID,
                     "KEY_ENCODING");
        expect_fault(key_from_ec_point(KEY_P256, span_make(zeros, 32), span_make(zeros, 32), &back), FAULT_INVALID,
                     "KEY_KIND");
        expect_fault(key_from_ec_point(KEY_P256, span_make(ones, 32), buf_span(&y), &back), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_from_ec_point(KEY_P384, buf_span(&x), buf_span(&y), &back), FAULT_INVALID, "KEY_KIND");
        expect_fault(key_from_ec_point(KEY_P256, buf_span(&y), buf_span(&x), &back), FAULT_INVALID, "KEY_KIND");

        static const struct {
                const char *name;
                size_t bytes;
                uint8_t first, last;
                const char *exponent;
                size_t exponent_len;
                bool good;
        } rows[] = {
                {"2048 bits", 256, 0x80, 1, "\1\0\1", 3, true},
                {"2047 bits", 256, 0x40, 1, "\1\0\1", 3, false},
                {"4096 bits", 512, 0x80, 1, "\1\0\1", 3, true},
                {"4097 bits", 513, 0x01, 1, "\1\0\1", 3, false},
                {"leading zero", 257, 0x00, 1, "\1\0\1", 3, true},
                {"exponent with a leading zero", 256, 0x80, 1, "\0\1\0\1", 4, true},
                {"even modulus", 256, 0x80, 0, "\1\0\1", 3, false},
                {"exponent 3", 256, 0x80, 1, "\3", 1, false},
                {"no exponent", 256, 0x80, 1, "", 0, false},
                {"exponent too large", 256, 0x80, 1, "\1\0\0\0\1", 5, false},
                {"no modulus", 0, 0, 0, "\1\0\1", 3, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(key) struct key *rsa = NULL;
                uint8_t *where;
                buf_truncate(&n, 0);
                expect_ok(buf_grow(&n, rows[i].bytes, &where));
                memset(where, 0xff, rows[i].bytes);
                if (rows[i].bytes > 0) {
                        where[0] = rows[i].first;
                        where[rows[i].bytes - 1] = rows[i].last;
                }
                struct fault *f = key_from_rsa(buf_span(&n), span_make(rows[i].exponent, rows[i].exponent_len), &rsa);
                if (rows[i].good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "KEY_KIND", rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(travels),      cmocka_unit_test(private_pem),       cmocka_unit_test(public_pem),
                cmocka_unit_test(refuses_spki), cmocka_unit_test(refuses_encodings), cmocka_unit_test(refuses_numbers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
