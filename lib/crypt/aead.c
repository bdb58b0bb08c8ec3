#include "lib/crypt/aead.h"

#include <assert.h>

#include "lib/base/random.h"
#include "lib/crypt/ossl.h"

#define NONCE_LEN 12
#define TAG_LEN   16
_Static_assert(NONCE_LEN + TAG_LEN == AEAD_OVERHEAD, "nonce and tag");
#define PART_MAX (1u << 30) /* OpenSSL counts in int */

struct fault *aead_seal(const struct secret *key, struct span aad, struct span plain, struct buf *out)
{
        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t *where, rest;
        int n = 0;

        assert(secret_len(key) == AEAD_KEY_LEN && aad.len < PART_MAX && plain.len > 0 && plain.len < PART_MAX);
        TRY(buf_grow(out, AEAD_OVERHEAD + plain.len, &where));
        random_bytes(where, NONCE_LEN);
        uint8_t *body = where + NONCE_LEN, *tag = body + plain.len;

        ossl_must(ctx != NULL &&
                          EVP_EncryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_GCM), secret_span(key).data, where, NULL) ==
                                  1 &&
                          (aad.len == 0 || EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int) aad.len) == 1) &&
                          EVP_EncryptUpdate(ctx, body, &n, plain.data, (int) plain.len) == 1 &&
                          EVP_EncryptFinal_ex(ctx, &rest, &n) == 1 &&
                          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1,
                  "AES-GCM");
        return NULL;
}

struct fault *aead_open(const struct secret *key, struct span aad, struct span sealed, struct secret **ret_plain)
{
        assert(secret_len(key) == AEAD_KEY_LEN && aad.len < PART_MAX);
        /* a secret has at least one byte, and we seal nothing empty */
        if (sealed.len <= AEAD_OVERHEAD || sealed.len - AEAD_OVERHEAD > SECRET_MAX)
                return fault(FAULT_UNAUTHENTICATED, "BAD_SEAL", "sealed blob of %zu bytes", sealed.len);

        AUTO(ossl_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        struct span body = span_slice(sealed, NONCE_LEN, sealed.len - AEAD_OVERHEAD);
        AUTO(secret) struct secret *plain = secret_new(body.len);
        uint8_t tag[TAG_LEN], rest;
        int n = 0;

        memcpy(tag, sealed.data + sealed.len - TAG_LEN, TAG_LEN);
        ossl_must(ctx != NULL &&
                          EVP_DecryptInit_ex2(ctx, ossl_cipher(OSSL_AES_256_GCM), secret_span(key).data, sealed.data,
                                              NULL) == 1 &&
                          (aad.len == 0 || EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int) aad.len) == 1) &&
                          EVP_DecryptUpdate(ctx, secret_bytes(plain), &n, body.data, (int) body.len) == 1 &&
                          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1,
                  "AES-GCM");
        if (EVP_DecryptFinal_ex(ctx, &rest, &n) != 1)
                return ossl_fault(FAULT_UNAUTHENTICATED, "BAD_SEAL", "not sealed by us, or for something else");
        *ret_plain = TAKE(plain);
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
