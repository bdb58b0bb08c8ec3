#include "lib/crypt/tpm.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/crypt/ossl.h"

/* What the TPM does with a credential, written a second time over OpenSSL's own KDFs (KBKDF is the standard's KDFa, SSKDF its
 * KDFe). tpm_activate_test.c asks a TPM. */

static void kdfa(struct span key, const char *label, struct span context, size_t len, uint8_t *ret)
{
        EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
        EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
        char digest[] = "SHA256", mac[] = "HMAC";
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, mac, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) key.data, key.len),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *) label, strlen(label)),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *) context.data, context.len),
                OSSL_PARAM_construct_end(),
        };

        assert_int_equal(EVP_KDF_derive(ctx, ret, len, params), 1);
        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(kdf);
}

static void kdfe(struct span z, struct span u, struct span v, uint8_t ret[32])
{
        AUTO(buf) struct buf info = BUF(256);
        EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
        EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
        char digest[] = "SHA256";

        expect_ok(buf_append(&info, SPAN("IDENTITY\0")));
        expect_ok(buf_append(&info, u));
        expect_ok(buf_append(&info, v));
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) z.data, z.len),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data, info.len),
                OSSL_PARAM_construct_end(),
        };
        assert_int_equal(EVP_KDF_derive(ctx, ret, 32, params), 1);
        EVP_KDF_CTX_free(ctx);
        EVP_KDF_free(kdf);
}

static void open_rsa(const struct key *ek, struct span sealed, uint8_t ret_seed[32])
{
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(ek), NULL);
        uint8_t plain[512];
        size_t len = sizeof plain;

        assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA256", NULL), 1);
        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup("IDENTITY", 9), 9), 1);
        assert_int_equal(EVP_PKEY_decrypt(ctx, plain, &len, sealed.data, sealed.len), 1);
        assert_int_equal(len, 32);
        memcpy(ret_seed, plain, 32);
}

static void open_ecc(const struct key *ek, struct span point, uint8_t ret_seed[32])
{
        struct reader r = READER(point);
        struct span x, y;
        AUTO(key) struct key *ephemeral = NULL;
        AUTO(secret) struct secret *z = NULL;
        AUTO(buf) struct buf own_x = BUF(64), own_y = BUF(64);

        expect_ok(reader_sized16be(&r, 32, &x));
        expect_ok(reader_sized16be(&r, 32, &y));
        expect_ok(reader_end(&r));
        assert_int_equal(x.len, 32);
        assert_int_equal(y.len, 32);
        expect_ok(key_from_ec_point(KEY_P256, x, y, &ephemeral));
        expect_ok(key_ecdh(ek, ephemeral, &z));
        expect_ok(key_ec_point(ek, &own_x, &own_y));
        kdfe(secret_span(z), x, buf_span(&own_x), ret_seed);
}

/* TPM2_ActivateCredential: what is inside, or false when the integrity value doesn't fit the name. */
static bool activate(const struct key *ek, struct span name, struct span id_object, struct span encrypted_secret,
                     struct buf *ret_secret)
{
        struct reader outer = READER(id_object), sealed = READER(encrypted_secret);
        struct span body, mac, shared;
        uint8_t seed[32], mac_key[32], aes_key[16], wanted[32], plain[64];
        AUTO(buf) struct buf covered = BUF(256);
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0;

        expect_ok(reader_sized16be(&sealed, 512, &shared));
        expect_ok(reader_end(&sealed));
        if (key_kind(ek) == KEY_RSA)
                open_rsa(ek, shared, seed);
        else
                open_ecc(ek, shared, seed);

        expect_ok(reader_sized16be(&outer, 256, &body));
        expect_ok(reader_end(&outer));
        struct reader r = READER(body);
        expect_ok(reader_sized16be(&r, 32, &mac));
        expect_ok(buf_append(&covered, reader_rest(&r)));
        expect_ok(buf_append(&covered, name));
        kdfa(SPAN_OF(seed), "INTEGRITY", SPAN_NONE, 32, mac_key);
        hmac_sha256(SPAN_OF(mac_key), buf_span(&covered), wanted);
        if (!span_eq(mac, SPAN_OF(wanted)))
                return false;

        static const uint8_t iv[16];
        kdfa(SPAN_OF(seed), "STORAGE", name, 16, aes_key);
        struct span hidden = reader_rest(&r);
        assert_true(hidden.len <= sizeof plain);
        assert_int_equal(EVP_DecryptInit_ex2(ctx, EVP_aes_128_cfb128(), aes_key, iv, NULL), 1);
        assert_int_equal(EVP_DecryptUpdate(ctx, plain, &n, hidden.data, (int) hidden.len), 1);
        struct reader inner = READER(span_make(plain, hidden.len));
        struct span secret;
        expect_ok(reader_sized16be(&inner, 32, &secret));
        expect_ok(reader_end(&inner));
        expect_ok(buf_append(ret_secret, secret));
        return true;
}

static void activates(void **state UNUSED)
{
        static const enum key_kind kinds[] = {KEY_RSA, KEY_P256};
        AUTO(buf)
        struct buf ak = vector_read("tpm/gce-cos85-nonce9009/ak.tpmt_public"),
                   other = vector_read("tpm/parsec-certify/appkey.tpmt_public"), name = BUF(64), other_name = BUF(64);
        uint8_t secret[32];

        expect_ok(tpm_name(buf_span(&ak), &name));
        expect_ok(tpm_name(buf_span(&other), &other_name));
        for (size_t i = 0; i < sizeof secret; i++)
                secret[i] = (uint8_t) (i + 1);
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
                AUTO(key) struct key *ek = test_key(kinds[k]);
                for (size_t len = 1; len <= sizeof secret; len += 31) {
                        AUTO(buf) struct buf id_object = BUF(256), sealed = BUF(1024), back = BUF(64);
                        struct span hidden = span_make(secret, len);
                        expect_ok(tpm_make_credential(ek, buf_span(&name), hidden, &id_object, &sealed));
                        assert_true(activate(ek, buf_span(&name), buf_span(&id_object), buf_span(&sealed), &back));
                        assert_true(span_eq(buf_span(&back), hidden));
                        assert_false(
                                activate(ek, buf_span(&other_name), buf_span(&id_object), buf_span(&sealed), &back));
                        id_object.data[id_object.len - 1] ^= 1;
                        assert_false(activate(ek, buf_span(&name), buf_span(&id_object), buf_span(&sealed), &back));
                }
        }
}

static void refuses(void **state UNUSED)
{
        AUTO(key) struct key *p384 = NULL, *p256 = NULL;
        AUTO(buf) struct buf id_object = BUF(256), sealed = BUF(1024);
        uint8_t name[67] = {0};

        expect_ok(key_generate(KEY_P384, &p384));
        expect_ok(key_generate(KEY_P256, &p256));
        expect_fault(tpm_make_credential(p384, span_make(name, 34), SPAN("x"), &id_object, &sealed), FAULT_INVALID,
                     "TPM_ALGORITHM");
        expect_fault(tpm_make_credential(p256, span_make(name, 33), SPAN("x"), &id_object, &sealed), FAULT_INVALID,
                     "TPM_STRUCTURE");
        expect_fault(tpm_make_credential(p256, span_make(name, 67), SPAN("x"), &id_object, &sealed), FAULT_INVALID,
                     "TPM_STRUCTURE");
        expect_fault(tpm_make_credential(p256, SPAN_NONE, SPAN("x"), &id_object, &sealed), FAULT_INVALID,
                     "TPM_STRUCTURE");
        assert_int_equal(id_object.len + sealed.len, 0);
}

/* The default templates (TCG EK Credential Profile, L-1 and L-2), and each of their fields changed. */
#define POLICY_A                                                                                                       \
        "\x83\x71\x97\x67\x44\x84\xb3\xf8\x1a\x90\xcc\x8d\x46\xa5\xd7\x24\xfd\x52\xd7\x6e\x06\x52\x0b\x64\xf2\xa1"     \
        "\xda\x1b\x33\x14\x69\xaa"
static void write_template(enum key_kind kind, const struct key *k, struct buf *out)
{
        AUTO(buf) struct buf x = BUF(512), y = BUF(64);
        bool is_rsa = kind == KEY_RSA;

        buf_truncate(out, 0);
        expect_ok(buf_append(out, is_rsa ? SPAN("\x00\x01") : SPAN("\x00\x23")));
        expect_ok(
                buf_append(out, SPAN("\x00\x0b\x00\x03\x00\xb2\x00\x20" POLICY_A "\x00\x06\x00\x80\x00\x43\x00\x10")));
        if (is_rsa) {
                expect_ok(key_rsa_modulus(k, &x));
                expect_ok(buf_append(out, SPAN("\x08\x00\x00\x00\x00\x00")));
        } else {
                expect_ok(key_ec_point(k, &x, &y));
                expect_ok(buf_append(out, SPAN("\x00\x03\x00\x10")));
        }
        expect_ok(buf_append_u16be(out, (uint16_t) x.len));
        expect_ok(buf_append(out, buf_span(&x)));
        if (!is_rsa) {
                expect_ok(buf_append_u16be(out, (uint16_t) y.len));
                expect_ok(buf_append(out, buf_span(&y)));
        }
}

static void templates(void **state UNUSED)
{
        static const struct {
                const char *name;
                size_t at;
                uint8_t value;
                bool is_template;
        } rows[] = {
                {"as it is", 0, 0x00, true},        {"signing too", 5, 0x07, false},
                {"not restricted", 5, 0x02, false}, {"user with auth", 7, 0xf2, false},
                {"not fixedTPM", 7, 0xb0, false},   {"not fixedParent", 7, 0xa2, false},
                {"noDA", 6, 0x04, false},           {"another policy", 41, 0xab, false},
                {"AES-256", 44, 0x01, false}, /* 0x0180 is no AES: reading fails */
                {"a scheme", 49, 0x15, false},
        };
        AUTO(buf) struct buf pem = vector_read("tpm/keylime-sim/ek.pub.pem"), bytes = BUF(1024);
        AUTO(key) struct key *rsa = NULL, *ec = NULL;

        expect_ok(key_from_pem_public(buf_span(&pem), &rsa));
        expect_ok(key_generate(KEY_P256, &ec));
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < COUNT_OF(rows); i++) {
                        AUTO(tpm_public) struct tpm_public p = {0};
                        write_template(round == 0 ? KEY_RSA : KEY_P256, round == 0 ? rsa : ec, &bytes);
                        bytes.data[rows[i].at] = rows[i].value;
                        AUTO(fault) struct fault *f = tpm_public_read(buf_span(&bytes), &p);
                        if ((f == NULL && tpm_is_ek_template(&p)) != rows[i].is_template)
                                fail_msg("%s: %s", rows[i].name, f != NULL ? fault_text(f) : "");
                }
        }
        /* no policy, and a key of 3072 bits */
        AUTO(key) struct key *large = test_key(KEY_RSA);
        AUTO(tpm_public) struct tpm_public p = {0}, q = {0};
        write_template(KEY_RSA, large, &bytes);
        bytes.data[50] = 0x0c;
        expect_ok(tpm_public_read(buf_span(&bytes), &p));
        assert_false(tpm_is_ek_template(&p));
        write_template(KEY_P256, ec, &bytes);
        memmove(bytes.data + 10, bytes.data + 42, bytes.len - 42);
        bytes.data[9] = 0;
        expect_ok(tpm_public_read(span_make(bytes.data, bytes.len - 32), &q));
        assert_false(tpm_is_ek_template(&q));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(activates),
                cmocka_unit_test(refuses),
                cmocka_unit_test(templates),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
