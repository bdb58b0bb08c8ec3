/* TPMT_SIGNATURE over a TPMS_ATTEST. */
#include "lib/crypt/tpm.h"

#include "lib/crypt/tpm_internal.h"

#define EC_COORDINATE_MAX 48

/* One half of an ECDSA signature, left-padded to the field's width: a TPM may leave leading zeros out. */
static struct fault *read_half(struct reader *r, size_t width, struct buf *out)
{
        struct span number;
        uint8_t *where;

        TRY(reader_sized16be(r, EC_COORDINATE_MAX, &number));
        if (number.len > width)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "half of a signature of %zu bytes", number.len);
        TRY(buf_grow(out, width, &where));
        memset(where, 0, width - number.len);
        memcpy(where + width - number.len, number.data, number.len);
        return NULL;
}

static struct fault *read_signature(struct reader *r, const struct key *k, struct buf *out)
{
        struct span whole;

        if (key_kind(k) == KEY_RSA) {
                TRY(reader_sized16be(r, SIGNATURE_MAX, &whole));
                TRY(buf_append(out, whole));
        } else {
                size_t width = key_kind(k) == KEY_P256 ? 32 : 48;
                TRY(read_half(r, width, out));
                TRY(read_half(r, width, out));
        }
        return reader_end(r);
}

/* The scheme and hash that the signature names: nothing but the key's own. */
static struct fault *check_scheme(struct reader *r, const struct tpm_public *ak, enum hash_alg *ret_hash)
{
        uint16_t scheme, hash_id;

        TRY(reader_u16be(r, &scheme));
        if (scheme != TPM_ALG_RSASSA && scheme != TPM_ALG_RSAPSS && scheme != TPM_ALG_ECDSA)
                return fault(FAULT_INVALID, "TPM_ALGORITHM", "signature scheme 0x%04x", scheme);
        TRY(reader_u16be(r, &hash_id));
        if (hash_id == TPM_ALG_SHA1)
                return fault(FAULT_DENIED, "tpm.hash", "signature over a SHA-1 digest");
        TRY(tpm_hash(hash_id, ret_hash));
        if (scheme != ak->scheme || *ret_hash != ak->scheme_hash)
                return fault(FAULT_DENIED, "tpm.scheme", "signature scheme 0x%04x with %s, the key's is 0x%04x with %s",
                             scheme, hash_name(*ret_hash), ak->scheme, hash_name(ak->scheme_hash));
        return NULL;
}

static enum signature_form form_of(const struct tpm_public *ak)
{
        return ak->scheme == TPM_ALG_ECDSA    ? SIGNATURE_RAW
               : ak->scheme == TPM_ALG_RSASSA ? SIGNATURE_RSASSA
                                              : SIGNATURE_RSAPSS_ANY_SALT;
}

struct fault *tpm_signature_verify(const struct tpm_public *ak, struct span attest, struct span tpmt_signature,
                                   enum hash_alg *ret_hash)
{
        AUTO(buf) struct buf signature = BUF(SIGNATURE_MAX);
        struct reader r = READER(tpmt_signature);
        enum hash_alg alg = HASH_SHA256;

        TRY(tpm_structure(check_scheme(&r, ak, &alg), "TPMT_SIGNATURE"));
        TRY(tpm_structure(read_signature(&r, ak->key, &signature), "TPMT_SIGNATURE"));
        struct fault *f = key_verify(ak->key, alg, form_of(ak), attest, buf_span(&signature));
        TRY(fault_rename(fault_prefix(f, "the attestation key didn't sign this"), FAULT_DENIED, "tpm.signature"));
        *ret_hash = alg;
        return NULL;
}
