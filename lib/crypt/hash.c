#include "lib/crypt/hash.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "lib/crypt/ossl.h"

static const struct {
        const char *name;
        size_t len;
} algs[] = {
        [HASH_SHA1] = {"sha1", 20},
        [HASH_SHA256] = {"sha256", SHA256_LEN},
        [HASH_SHA384] = {"sha384", SHA384_LEN},
        [HASH_SHA512] = {"sha512", SHA512_LEN},
};
_Static_assert(COUNT_OF(algs) == HASH_ALG_COUNT, "a row for every hash");

size_t hash_len(enum hash_alg alg)
{
        return algs[alg].len;
}

const char *hash_name(enum hash_alg alg)
{
        return algs[alg].name;
}

struct fault *hash_by_name(struct span name, enum hash_alg *ret)
{
        for (size_t i = 0; i < COUNT_OF(algs); i++) {
                if (span_eq_str(name, algs[i].name)) {
                        *ret = (enum hash_alg) i;
                        return NULL;
                }
        }
        return fault(FAULT_INVALID, "BAD_HASH_NAME", "no such hash: %.*s (sha1, sha256, sha384, sha512)",
                     (int) (name.len < 32 ? name.len : 32), name.len > 0 ? (const char *) name.data : "");
}

void hash(enum hash_alg alg, struct span bytes, uint8_t *ret_digest)
{
        ossl_must(EVP_Digest(bytes.data, bytes.len, ret_digest, NULL, ossl_md(alg), NULL) == 1, "digest");
}

void sha256(struct span bytes, uint8_t ret_digest[SHA256_LEN])
{
        hash(HASH_SHA256, bytes, ret_digest);
}

void hmac_sha256(struct span key, struct span bytes, uint8_t ret_mac[SHA256_LEN])
{
        static uint8_t none; /* a NULL key means "the key set before" to OpenSSL */
        char digest[] = "SHA2-256";
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_end(),
        };
        AUTO(ossl_mac_ctx) EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(ossl_hmac());
        size_t len = 0;

        ossl_must(ctx != NULL && EVP_MAC_init(ctx, key.len > 0 ? key.data : &none, key.len, params) == 1 &&
                          EVP_MAC_update(ctx, bytes.data, bytes.len) == 1 &&
                          EVP_MAC_final(ctx, ret_mac, &len, SHA256_LEN) == 1 && len == SHA256_LEN,
                  "HMAC");
}

struct hasher {
        enum hash_alg alg;
        EVP_MD_CTX *ctx;
};

struct hasher *hasher_new(enum hash_alg alg)
{
        struct hasher *h = NEW(struct hasher);

        h->alg = alg;
        h->ctx = EVP_MD_CTX_new();
        ossl_must(h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, ossl_md(alg), NULL) == 1, "digest start");
        return h;
}

void hasher_add(struct hasher *h, struct span bytes)
{
        ossl_must(EVP_DigestUpdate(h->ctx, bytes.data, bytes.len) == 1, "digest update");
}

void hasher_end(struct hasher *h, uint8_t *ret_digest)
{
        ossl_must(EVP_DigestFinal_ex(h->ctx, ret_digest, NULL) == 1, "digest end");
        ossl_must(EVP_DigestInit_ex2(h->ctx, ossl_md(h->alg), NULL) == 1, "digest start");
}

void hasher_free(struct hasher *h)
{
        if (h == NULL)
                return;
        EVP_MD_CTX_free(h->ctx);
        free(h);
}
