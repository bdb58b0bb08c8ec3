#include "lib/crypt/aead.h"

#include <assert.h>

#include "lib/base/random.h"
#include "lib/crypt/ossl.h"

_Static_assert(AEAD_NONCE_LEN + AEAD_TAG_LEN == AEAD_OVERHEAD, "nonce and tag");
#define PART_MAX (1u << 30) /* OpenSSL counts in int */

void aead_encrypt(const struct secret *key, const uint8_t nonce[AEAD_NONCE_LEN], struct span aad, struct span plain,
                  uint8_t *ret_cipher, uint8_t ret_tag[AEAD_TAG_LEN])
{
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t rest;
        int n = 0;

        assert(secret_len(key) == AEAD_KEY_LEN && aad.len < PART_MAX && plain.len > 0 && plain.len < PART_MAX);
        ossl_must(ctx != NULL &&
                          EVP_EncryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_GCM), secret_span(key).data, nonce, NULL) ==
                                  1 &&
                          (aad.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int) aad.len) == 1) &&
                          EVP_EncryptUpdate(ctx, ret_cipher, &n, plain.data, (int) plain.len) == 1 &&
                          EVP_EncryptFinal_ex(ctx, &rest, &n) == 1 &&
                          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, ret_tag) == 1,
                  "AES-GCM");
}

struct fault *aead_decrypt(const struct secret *key, const uint8_t nonce[AEAD_NONCE_LEN], struct span aad,
                           struct span cipher, const uint8_t tag[AEAD_TAG_LEN], struct secret **ret_plain)
{
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t wanted[AEAD_TAG_LEN], rest;
        int n = 0;

        assert(secret_len(key) == AEAD_KEY_LEN && aad.len < PART_MAX);
        AUTO(secret) struct secret *plain = secret_new(cipher.len);
        memcpy(wanted, tag, sizeof wanted);
        ossl_must(ctx != NULL &&
                          EVP_DecryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_GCM), secret_span(key).data, nonce, NULL) ==
                                  1 &&
                          (aad.len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int) aad.len) == 1) &&
                          EVP_DecryptUpdate(ctx, secret_bytes(plain), &n, cipher.data, (int) cipher.len) == 1 &&
                          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof wanted, wanted) == 1,
                  "AES-GCM");
        if (EVP_DecryptFinal_ex(ctx, &rest, &n) != 1)
                return ossl_fault(FAULT_UNAUTHENTICATED, "BAD_SEAL", "not sealed by us, or for something else");
        *ret_plain = TAKE(plain);
        return NULL;
}

struct fault *aead_seal(const struct secret *key, struct span aad, struct span plain, struct buf *out)
{
        uint8_t *where;

        assert(plain.len > 0 && plain.len < PART_MAX);
        TRY(buf_grow(out, AEAD_OVERHEAD + plain.len, &where));
        random_bytes(where, AEAD_NONCE_LEN);
        uint8_t *body = where + AEAD_NONCE_LEN;
        aead_encrypt(key, where, aad, plain, body, body + plain.len);
        return NULL;
}

struct fault *aead_open(const struct secret *key, struct span aad, struct span sealed, struct secret **ret_plain)
{
        /* a secret has at least one byte, and we seal nothing empty */
        if (sealed.len <= AEAD_OVERHEAD || sealed.len - AEAD_OVERHEAD > SECRET_MAX)
                return fault(FAULT_UNAUTHENTICATED, "BAD_SEAL", "sealed blob of %zu bytes", sealed.len);

        struct span body = span_slice(sealed, AEAD_NONCE_LEN, sealed.len - AEAD_OVERHEAD);
        return aead_decrypt(key, sealed.data, aad, body, body.data + body.len, ret_plain);
}

static EVP_CIPHER_CTX *wrap_ctx(void)
{
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

        ossl_must(ctx != NULL, "AES-KW");
        EVP_CIPHER_CTX_set_flags(ctx,
                                 EVP_CIPHER_CTX_FLAG_WRAP_ALLOW); /* OpenSSL wants to be told that wrapping is meant */
        return ctx;
}

void key_wrap(const struct secret *with, const struct secret *key, uint8_t ret_wrapped[KEY_WRAP_LEN])
{
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = wrap_ctx();
        struct span in = secret_span(key);
        int n = 0;

        assert(secret_len(with) == AEAD_KEY_LEN && in.len == AEAD_KEY_LEN);
        ossl_must(EVP_EncryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_WRAP), secret_span(with).data, NULL, NULL) == 1 &&
                          EVP_EncryptUpdate(ctx, ret_wrapped, &n, in.data, (int) in.len) == 1 && n == KEY_WRAP_LEN,
                  "AES-KW");
}

struct fault *key_unwrap(const struct secret *with, const uint8_t wrapped[KEY_WRAP_LEN], struct secret **ret_key)
{
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = wrap_ctx();
        AUTO(secret) struct secret *key = secret_new(KEY_WRAP_LEN); /* OpenSSL wants room for all that it is given */
        int n = 0;

        assert(secret_len(with) == AEAD_KEY_LEN);
        ossl_must(EVP_DecryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_WRAP), secret_span(with).data, NULL, NULL) == 1,
                  "AES-KW");
        if (EVP_DecryptUpdate(ctx, secret_bytes(key), &n, wrapped, KEY_WRAP_LEN) != 1 || n != AEAD_KEY_LEN)
                return ossl_fault(FAULT_UNAUTHENTICATED, "BAD_SEAL", "key was not wrapped with this one");
        secret_shrink(key, AEAD_KEY_LEN);
        *ret_key = TAKE(key);
        return NULL;
}

struct fault *aes_cfb_encrypt(struct span key, struct span plain, struct buf *out)
{
        static const uint8_t zero_iv[16];
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t *where;
        int n = 0;

        assert((key.len == 16 || key.len == 32) && plain.len > 0 && plain.len < PART_MAX);
        TRY(buf_grow(out, plain.len, &where));
        ossl_must(ctx != NULL &&
                          EVP_EncryptInit_ex2(ctx, ossl_cipher(key.len == 16 ? OSSL_AES_128_CFB : OSSL_AES_256_CFB),
                                              key.data, zero_iv, NULL) == 1 &&
                          EVP_EncryptUpdate(ctx, where, &n, plain.data, (int) plain.len) == 1 && n == (int) plain.len,
                  "AES-CFB");
        return NULL;
}
