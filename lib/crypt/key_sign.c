/* Signing and verifying with a key, and the two forms of an EC signature: raw r‖s and DER. */
#include "lib/crypt/key.h"

#include <assert.h>
#include <openssl/rsa.h>

#include "lib/crypt/der.h"
#include "lib/crypt/ossl.h"

#define DER_SIGNATURE_MAX 128 /* two numbers of 49 bytes with their heads */

static bool form_fits(const struct key *k, enum signature_form form)
{
        bool is_rsa = form == SIGNATURE_RSASSA || form == SIGNATURE_RSAPSS || form == SIGNATURE_RSAPSS_ANY_SALT;
        return is_rsa == (key_kind(k) == KEY_RSA);
}

/* PSS: MGF1 and the label's hash are the message's; the salt is as long as the digest when we sign and where it is fixed. */
static bool set_padding(EVP_PKEY_CTX *ctx, enum signature_form form, bool is_verify)
{
        if (form == SIGNATURE_RAW || form == SIGNATURE_DER)
                return true;
        if (form == SIGNATURE_RSASSA)
                return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
        int salt = form == SIGNATURE_RSAPSS_ANY_SALT && is_verify ? RSA_PSS_SALTLEN_AUTO : RSA_PSS_SALTLEN_DIGEST;
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1;
}

static struct fault *raw_from_der(struct span der, size_t width, struct buf *out)
{
        struct span body, number;
        struct reader outer = READER(der);

        TRY(der_read(&outer, DER_SEQUENCE, &body));
        TRY(reader_end(&outer));
        struct reader r = READER(body);
        for (int i = 0; i < 2; i++) {
                uint8_t *where;
                TRY(der_read_uint(&r, &number));
                assert(number.len <= width);
                TRY(buf_grow(out, width, &where));
                memset(where, 0, width);
                memcpy(where + width - number.len, number.data, number.len);
        }
        return reader_end(&r);
}

static struct fault *der_from_raw(struct span raw, size_t width, struct buf *out)
{
        if (raw.len != 2 * width)
                return fault(FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", "signature of %zu bytes, not %zu", raw.len,
                             2 * width);

        AUTO(der) struct der d = DER(DER_SIGNATURE_MAX);
        size_t body = der_open(&d, DER_SEQUENCE);
        der_uint(&d, span_slice(raw, 0, width));
        der_uint(&d, span_slice(raw, width, width));
        der_close(&d, body);
        return der_end(&d, out);
}

struct fault *key_sign(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                       struct buf *out)
{
        uint8_t signature[SIGNATURE_MAX];
        size_t len = sizeof signature;
        EVP_PKEY_CTX *pctx = NULL;

        if (!key_is_private(k) || !form_fits(k, form))
                return fault(FAULT_INVALID, "KEY_KIND", "this key can't sign in that form");

        AUTO(ossl_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        if (ctx == NULL || EVP_DigestSignInit(ctx, &pctx, ossl_md(alg), NULL, key_pkey(k)) != 1 ||
            !set_padding(pctx, form, /* is_verify= */ false) ||
            EVP_DigestSign(ctx, signature, &len, message.data, message.len) != 1)
                return ossl_fault(FAULT_INTERNAL, "SIGN", "sign");
        if (form == SIGNATURE_RAW)
                return raw_from_der(span_make(signature, len), key_field_len(key_kind(k)), out);
        return buf_append(out, span_make(signature, len));
}

struct fault *key_verify(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                         struct span signature)
{
        AUTO(buf) struct buf der = BUF(DER_SIGNATURE_MAX);
        EVP_PKEY_CTX *pctx = NULL;

        if (!form_fits(k, form))
                return fault(FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", "signature of another kind of key");
        if (form == SIGNATURE_RAW) {
                TRY(der_from_raw(signature, key_field_len(key_kind(k)), &der));
                signature = buf_span(&der);
        }

        /* zero, r or s of the order and above, and DER that isn't the shortest are refused by OpenSSL itself */
        AUTO(ossl_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        ossl_must(ctx != NULL && EVP_DigestVerifyInit(ctx, &pctx, ossl_md(alg), NULL, key_pkey(k)) == 1 &&
                          set_padding(pctx, form, /* is_verify= */ true),
                  "signature verification");
        if (EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len) != 1)
                return ossl_fault(FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", "signature doesn't fit");
        return NULL;
}
