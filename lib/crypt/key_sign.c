/* Signing and verifying with a key, and the two forms of an EC signature: raw r‖s and DER. */
#include "lib/crypt/key.h"

#include <assert.h>

#include "lib/crypt/der.h"
#include "lib/crypt/key_use.h"
#include "lib/crypt/ossl.h"

#define DER_SIGNATURE_MAX 128 /* two numbers of 49 bytes with their heads */

static bool form_fits(const struct key *k, enum signature_form form)
{
        bool is_rsa = form == SIGNATURE_RSASSA || form == SIGNATURE_RSAPSS || form == SIGNATURE_RSAPSS_ANY_SALT;
        return is_rsa == (key_kind(k) == KEY_RSA);
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

/* Of the digest, in the form that OpenSSL writes: DER for EC. */
static struct fault *sign_digest(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                                 uint8_t *signature, size_t *len)
{
        uint8_t digest[HASH_MAX_LEN];
        struct key_use *use = key_use_take(k, alg, form, /* is_verify= */ false);

        if (use == NULL)
                return ossl_fault(FAULT_INTERNAL, "SIGN", "prepare to sign");
        hash(alg, message, digest);
        bool is_signed = EVP_PKEY_sign(key_use_context(use), signature, len, digest, hash_len(alg)) == 1;
        key_use_give_back(k, use);
        return is_signed ? NULL : ossl_fault(FAULT_INTERNAL, "SIGN", "sign");
}

struct fault *key_sign(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                       struct buf *out)
{
        uint8_t signature[SIGNATURE_MAX];
        size_t len = sizeof signature;

        if (!key_is_private(k) || !form_fits(k, form))
                return fault(FAULT_INVALID, "KEY_KIND", "this key can't sign in that form");
        TRY(sign_digest(k, alg, form, message, signature, &len));
        if (form == SIGNATURE_RAW)
                return raw_from_der(span_make(signature, len), key_field_len(key_kind(k)), out);
        return buf_append(out, span_make(signature, len));
}

struct fault *key_verify(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                         struct span signature)
{
        AUTO(buf) struct buf der = BUF(DER_SIGNATURE_MAX);
        uint8_t digest[HASH_MAX_LEN];

        if (!form_fits(k, form))
                return fault(FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", "signature of another kind of key");
        if (form == SIGNATURE_RAW) {
                TRY(der_from_raw(signature, key_field_len(key_kind(k)), &der));
                signature = buf_span(&der);
        }

        struct key_use *use = key_use_take(k, alg, form, /* is_verify= */ true);
        ossl_must(use != NULL, "signature verification");
        hash(alg, message, digest);
        /* zero, r or s of the order and above, and DER that isn't the shortest are refused by OpenSSL itself */
        bool fits = EVP_PKEY_verify(key_use_context(use), signature.data, signature.len, digest, hash_len(alg)) == 1;
        key_use_give_back(k, use);
        return fits ? NULL : ossl_fault(FAULT_UNAUTHENTICATED, "BAD_SIGNATURE", "signature doesn't fit");
}
