#include "tests/fakes/intel_pki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <stdio.h>

#include "lib/crypt/hash.h"
#include "tests/fakes/intel_parts.h"

void intel_must(bool ok, const char *what)
{
        if (ok)
                return;
        (void) fprintf(stderr, "intel_pki: %s\n", what); /* abort says the rest */
        abort();
}

void intel_append(struct buf *b, struct span s)
{
        struct fault *f = buf_append(b, s);
        intel_must(f == NULL, "buffer full");
        fault_free(f);
}

void intel_u16(struct buf *b, unsigned v)
{
        const uint8_t bytes[2] = {(uint8_t) v, (uint8_t) (v >> 8)};
        intel_append(b, SPAN_OF(bytes));
}

void intel_u32(struct buf *b, uint32_t v)
{
        intel_u16(b, v & 0xffff);
        intel_u16(b, v >> 16);
}

/* ---- keys ---- */

/* A private key that the seed and its use determine; that it isn't below the order has a chance of 2^-32. */
static EVP_PKEY *make_key(const char *seed, unsigned use)
{
        AUTO_STRING char *text = alloc_printf("%s/%u", seed, use);
        uint8_t digest[SHA256_LEN], point[65];
        sha256(span_str(text), digest);

        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        BIGNUM *d = BN_bin2bn(digest, sizeof(digest), NULL);
        EC_POINT *q = EC_POINT_new(group);
        intel_must(EC_POINT_mul(group, q, d, NULL, NULL, NULL) == 1 &&
                           EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point), NULL) ==
                                   sizeof(point),
                   "public key");
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        intel_must(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
                           OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) ==
                                   1 &&
                           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1,
                   "key's numbers");
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *k = NULL;
        intel_must(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_KEYPAIR, params) == 1,
                   "key");
        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        EC_POINT_free(q);
        BN_free(d);
        EC_GROUP_free(group);
        return k;
}

void intel_pki_init(struct intel_pki *p, const char *seed)
{
        for (unsigned i = 0; i < INTEL_KEY_COUNT; i++)
                p->keys[i] = make_key(seed, i);
}

void intel_pki_clear(struct intel_pki *p)
{
        for (unsigned i = 0; i < INTEL_KEY_COUNT; i++)
                EVP_PKEY_free(p->keys[i]);
        *p = (struct intel_pki){0};
}

void intel_sign(EVP_PKEY *k, struct span message, uint8_t ret[64])
{
        uint8_t der[128];
        size_t len = sizeof(der);
        const uint8_t *at = der;

        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        intel_must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k) == 1 &&
                           EVP_DigestSign(ctx, der, &len, message.data, message.len) == 1,
                   "signature");
        EVP_MD_CTX_free(ctx);
        ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long) len);
        intel_must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) == 32 &&
                           BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) == 32,
                   "r and s");
        ECDSA_SIG_free(sig);
}

void intel_point(const EVP_PKEY *k, uint8_t ret_xy[64])
{
        uint8_t point[65];
        size_t len = 0;
        intel_must(EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) == 1 &&
                           len == sizeof(point),
                   "point");
        memcpy(ret_xy, point + 1, 64);
}

/* ---- all of a platform ---- */

static void make_document(EVP_PKEY *k, const char *member, const char *text, struct buf *ret_sig,
                          struct buf *ret_response)
{
        uint8_t sig[64];
        char hex[129];

        intel_sign(k, span_str(text), sig);
        intel_append(ret_sig, SPAN_OF(sig));
        for (size_t i = 0; i < sizeof(sig); i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", sig[i]); /* fits */
        AUTO_STRING char *response = alloc_printf("{\"%s\":%s,\"signature\":\"%s\"}", member, text, hex);
        intel_append(ret_response, span_str(response));
}

static const enum intel_cert_role usual_chain[] = {INTEL_PCK, INTEL_CA, INTEL_ROOT};

static void make_chain(const struct intel_pki *pki, const struct intel_platform *p, struct buf *out)
{
        const enum intel_cert_role *roles = p->chain != NULL ? p->chain : usual_chain;
        size_t count = p->chain != NULL ? p->chain_count : COUNT_OF(usual_chain);

        for (size_t i = 0; i < count; i++)
                intel_cert_pem(pki, &p->certs[roles[i]], roles[i] == INTEL_PCK ? &p->pck : NULL, out);
        if (p->after_chain != NULL)
                intel_append(out, span_str(p->after_chain));
        if (p->chain_ends_in_nul)
                intel_append(out, SPAN("\0"));
}

void intel_set_make(const struct intel_pki *pki, const struct intel_platform *p, struct intel_set *ret)
{
        struct buf *const all[] = {&ret->quote,           &ret->pck_chain,         &ret->tcb_info_sig,
                                   &ret->qe_identity_sig, &ret->tcb_info_response, &ret->qe_identity_response,
                                   &ret->tcb_chain,       &ret->pck_crl,           &ret->pck_crl_chain,
                                   &ret->root_crl,        &ret->root_pem};
        for (size_t i = 0; i < COUNT_OF(all); i++)
                *all[i] = BUF(INTEL_BUF_MAX);

        make_chain(pki, p, &ret->pck_chain);
        intel_quote(pki, p, buf_span(&ret->pck_chain), &ret->quote);
        make_document(pki->keys[p->tcb_info_key], "tcbInfo", p->tcb_info, &ret->tcb_info_sig, &ret->tcb_info_response);
        make_document(pki->keys[p->qe_identity_key], "enclaveIdentity", p->qe_identity, &ret->qe_identity_sig,
                      &ret->qe_identity_response);
        intel_cert_pem(pki, &p->certs[INTEL_ROOT], NULL, &ret->root_pem);
        intel_cert_pem(pki, &p->certs[INTEL_SIGNER], NULL, &ret->tcb_chain);
        intel_append(&ret->tcb_chain, buf_span(&ret->root_pem));
        intel_cert_pem(pki, &p->certs[INTEL_CRL_CA], NULL, &ret->pck_crl_chain);
        intel_append(&ret->pck_crl_chain, buf_span(&ret->root_pem));
        intel_crl_der(pki, &p->root_crl, &ret->root_crl);
        intel_crl_der(pki, &p->pck_crl, &ret->pck_crl);
}

void intel_set_clear(struct intel_set *s)
{
        buf_clear(&s->quote);
        buf_clear(&s->pck_chain);
        buf_clear(&s->tcb_info_sig);
        buf_clear(&s->qe_identity_sig);
        buf_clear(&s->tcb_info_response);
        buf_clear(&s->qe_identity_response);
        buf_clear(&s->tcb_chain);
        buf_clear(&s->pck_crl);
        buf_clear(&s->pck_crl_chain);
        buf_clear(&s->root_crl);
        buf_clear(&s->root_pem);
}
