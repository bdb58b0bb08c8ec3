/* tpm: TPM 2.0 structures as bytes, read strictly (TPM 2.0 library specification, part 2). No TPM is spoken to here.
 *
 * All integers big-endian, every structure consumed exactly. Spans point into the input. Algorithm identifiers that we
 * don't take are FAULT_INVALID "TPM_ALGORITHM"; malformed input "TPM_STRUCTURE". */
#pragma once

#include "lib/base/reader.h"
#include "lib/crypt/key.h"

#define TPM_GENERATED_VALUE   0xff544347u
#define TPM_ST_ATTEST_CERTIFY 0x8017u
#define TPM_ST_ATTEST_QUOTE   0x8018u
#define TPM_PCR_COUNT         24
#define TPM_BANKS_MAX         4
/* TPMA_OBJECT */
#define TPMA_FIXED_TPM             (1u << 1)
#define TPMA_FIXED_PARENT          (1u << 4)
#define TPMA_SENSITIVE_DATA_ORIGIN (1u << 5)
#define TPMA_USER_WITH_AUTH        (1u << 6)
#define TPMA_ADMIN_WITH_POLICY     (1u << 7)
#define TPMA_RESTRICTED            (1u << 16)
#define TPMA_DECRYPT               (1u << 17)
#define TPMA_SIGN                  (1u << 18)

struct tpm_selection {
        enum hash_alg bank;
        uint32_t pcrs; /* bit n: PCR n */
};
struct tpm_quote { /* TPMS_ATTEST of type quote */
        struct span qualified_signer, extra_data, pcr_digest;
        uint64_t clock_ms, firmware_version;
        uint32_t reset_count, restart_count;
        bool safe;
        size_t bank_count;
        struct tpm_selection banks[TPM_BANKS_MAX]; /* in the order of the structure */
};
/* Wrong magic: "tpm.magic"; wrong type: "tpm.type" (both FAULT_DENIED). */
struct fault *tpm_quote_read(struct span attest, struct tpm_quote *ret) MUST_USE;

struct tpm_public { /* TPMT_PUBLIC of a signing or storage key */
        enum hash_alg name_alg;
        uint32_t attributes;
        struct span auth_policy;
        uint16_t scheme;           /* TPM_ALG_*; 0x0010 NULL */
        enum hash_alg scheme_hash; /* when scheme has one */
        uint16_t aes_bits;         /* a storage key's protection of its children: AES-CFB; 0: none */
        struct key *key;           /* owned */
};
struct fault *tpm_public_read(struct span tpmt_public, struct tpm_public *ret) MUST_USE;
void tpm_public_clear(struct tpm_public *p);
DEFINE_AUTO_VALUE(tpm_public)
/* Name = nameAlg ‖ H(TPMT_PUBLIC); 34 bytes for SHA-256. */
struct fault *tpm_name(struct span tpmt_public, struct buf *ret_name) MUST_USE;

/* TPMT_SIGNATURE (RSASSA, RSAPSS, ECDSA; SHA-256 and up: SHA-1 is FAULT_DENIED "tpm.hash") verified over `attest`; scheme and hash must be the key's:
 * FAULT_DENIED "tpm.scheme". What doesn't fit is FAULT_DENIED "tpm.signature". */
struct fault *tpm_signature_verify(const struct tpm_public *ak, struct span attest, struct span tpmt_signature,
                                   enum hash_alg *ret_hash) MUST_USE;
/* pcrDigest over values in selection order, under the hash of the signature scheme. values[bank][pcr]: spans of the bank's
 * length for each selected PCR, banks as in `q`, and nothing for the others: FAULT_DENIED "tpm.pcr_values" otherwise. */
struct fault *tpm_pcr_digest(const struct tpm_quote *q, const struct span values[TPM_BANKS_MAX][TPM_PCR_COUNT],
                             enum hash_alg signature_hash, uint8_t *ret_digest) MUST_USE;

/* TPM2_MakeCredential in software (part 1, annex B and C): secret ≤ 32 bytes to the EK (RSA or P-256 with the default template:
 * AES-128-CFB, SHA-256), for the object of `ak_name`. Outputs are TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, size prefixes included. */
struct fault *tpm_make_credential(const struct key *ek, struct span ak_name, struct span secret,
                                  struct buf *ret_id_object, struct buf *ret_encrypted_secret) MUST_USE;
/* The key of the default EK templates (TCG EK credential profile: L-1 RSA 2048, L-2 P-256): attributes and policy compared. */
bool tpm_is_ek_template(const struct tpm_public *p);
