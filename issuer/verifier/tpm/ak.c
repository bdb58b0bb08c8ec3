/* What an attestation key must be, at enrolment and at every quote. */
#include "issuer/verifier/appraise.h"

/* Without `restricted` the key would sign bytes that merely look like a TPM's statement. */
#define AK_MUST     (TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN | TPMA_RESTRICTED | TPMA_SIGN)
#define AK_MUST_NOT TPMA_DECRYPT

/* TPM 2.0 part 2, table 9 */
#define ALG_RSASSA 0x0014
#define ALG_RSAPSS 0x0016
#define ALG_ECDSA  0x0018

static bool algorithm_is_good(const struct tpm_public *ak)
{
        if (ak->name_alg != HASH_SHA256)
                return false;
        if (key_kind(ak->key) == KEY_P256)
                return ak->scheme == ALG_ECDSA && ak->scheme_hash == HASH_SHA256;
        return key_kind(ak->key) == KEY_RSA && (ak->scheme == ALG_RSASSA || ak->scheme == ALG_RSAPSS) &&
               ak->scheme_hash != HASH_SHA1;
}

static struct fault *check_attributes(const struct tpm_public *ak)
{
        if ((ak->attributes & AK_MUST) != AK_MUST || (ak->attributes & AK_MUST_NOT) != 0)
                return fault(FAULT_DENIED, "ak.attributes",
                             "attributes 0x%08x: an attestation key is fixedTPM, fixedParent, sensitiveDataOrigin, "
                             "restricted "
                             "and sign, and does not decrypt",
                             ak->attributes);
        return NULL;
}

struct fault *ak_check_public(const struct tpm_public *ak)
{
        TRY(check_attributes(ak));
        if (!algorithm_is_good(ak))
                return fault(FAULT_DENIED, "ak.algorithm",
                             "scheme 0x%04x: an attestation key is P-256 with ECDSA and SHA-256, or RSA with RSASSA or "
                             "RSAPSS "
                             "and at least SHA-256; its name is made with SHA-256",
                             ak->scheme);
        return NULL;
}

struct fault *ak_check_any(const struct tpm_public *ak)
{
        TRY(check_attributes(ak));
        bool is_rsa = key_kind(ak->key) == KEY_RSA;
        bool is_scheme = is_rsa ? ak->scheme == ALG_RSASSA || ak->scheme == ALG_RSAPSS : ak->scheme == ALG_ECDSA;
        if (!is_scheme || ak->scheme_hash == HASH_SHA1)
                return fault(
                        FAULT_DENIED, "ak.algorithm",
                        "scheme 0x%04x: an attestation key signs with ECDSA, RSASSA or RSAPSS and at least SHA-256",
                        ak->scheme);
        return NULL;
}
