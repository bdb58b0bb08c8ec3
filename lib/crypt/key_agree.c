/* Encrypting to a key and agreeing on a secret with one. */
#include "lib/crypt/key.h"

#include <openssl/crypto.h>
#include <openssl/rsa.h>

#include "lib/crypt/ossl.h"

struct fault *key_rsa_oaep_encrypt(const struct key *k, enum hash_alg alg, struct span label, struct span plain,
                                   struct buf *out)
{
        uint8_t sealed[SIGNATURE_MAX];
        size_t len = sizeof sealed;

        if (key_kind(k) != KEY_RSA)
                return fault(FAULT_INVALID, "KEY_KIND", "OAEP needs an RSA key");

        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(k), NULL);
        ossl_must(ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                          EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                          EVP_PKEY_CTX_set_rsa_oaep_md(ctx, ossl_md(alg)) == 1 &&
                          EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, ossl_md(alg)) == 1,
                  "OAEP");
        if (label.len > 0) {
                void *owned = OPENSSL_memdup(label.data, label.len); /* the context's */
                ossl_must(owned != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, owned, (int) label.len) == 1,
                          "OAEP label");
        }
        if (EVP_PKEY_encrypt(ctx, sealed, &len, plain.data, plain.len) != 1)
                return ossl_fault(FAULT_INVALID, "OAEP", "encrypt to an RSA key");
        return buf_append(out, span_make(sealed, len));
}

struct fault *key_ecdh(const struct key *own, const struct key *peer, struct secret **ret_x)
{
        size_t len = key_field_len(key_kind(own));

        if (!key_is_private(own) || len == 0 || key_kind(peer) != key_kind(own))
                return fault(FAULT_INVALID, "KEY_KIND", "these keys can't agree");

        AUTO(secret) struct secret *x = secret_new(len);
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(own), NULL);
        if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, key_pkey(peer)) != 1 ||
            EVP_PKEY_derive(ctx, secret_bytes(x), &len) != 1 || len != secret_len(x))
                return ossl_fault(FAULT_INVALID, "KEY_AGREE", "agree on a secret");
        *ret_x = TAKE(x);
        return NULL;
}
