/* tpm_evidence: what a TPM quote looks like on the wire (CMW_TPM_QUOTE), written by the attester and read by the verifier.
 *
 * {"attest":b64url TPMS_ATTEST,"signature":b64url TPMT_SIGNATURE,"ak_public":b64url TPMT_PUBLIC,
 *  "pcrs":[{"bank":"sha256","index":7,"value":hex},…],"chain"?:b64url DER certificates,"eventlog"?:b64url log}
 * Every member but the last two is required and no other is taken. "chain": the attestation key's certificate, where its maker gave it
 * one, and what leads to a root; "eventlog": the measured-boot log. "attest" holds the bytes that the TPM signed, whole and unchanged; they are never
 * rebuilt. PCR values are what the sender says they are until their digest is found in "attest": the verifier's part. Each (bank,
 * index) at most once, in any order; the writer gives banks in the order of enum hash_alg, indexes ascending. Plain data: nothing is
 * verified here but shape and bounds. Faults: FAULT_INVALID "BAD_JSON", "BAD_FIELD", "UNKNOWN_FIELD", "BAD_HEX", and "TPM_EVIDENCE" for a bank that is none, a value of the wrong length, or a PCR given twice. */
#pragma once

#include "lib/crypt/tpm.h"

#define TPM_ATTEST_MAX    1024
#define TPM_SIGNATURE_MAX 1024
#define TPM_PUBLIC_MAX    1024
#define TPM_CHAIN_MAX     (16 * 1024)
#define TPM_EVENTLOG_MAX  (192 * 1024) /* of an item of 256 KiB */

_Static_assert((int) TPM_BANKS_MAX == (int) HASH_ALG_COUNT, "values[] is indexed by enum hash_alg");

struct tpm_evidence {
        struct buf attest, signature, ak_public;
        struct buf chain, eventlog; /* empty: not there */
        struct span values[TPM_BANKS_MAX]
                          [TPM_PCR_COUNT]; /* [enum hash_alg][index], into `storage`; empty: not supplied */
        uint8_t *storage;                  /* owned by the struct, which may be moved but not copied */
};

/* Empty, with the limits above. */
struct tpm_evidence tpm_evidence_new(void);
/* Copies `value`, which has the bank's length. */
struct fault *tpm_evidence_set_pcr(struct tpm_evidence *e, enum hash_alg bank, unsigned index,
                                   struct span value) MUST_USE;
/* Forgets all values: they are read anew when a PCR moved under a quote. */
void tpm_evidence_drop_pcrs(struct tpm_evidence *e);
/* Bit n: a value of PCR n of `bank` was supplied. */
uint32_t tpm_evidence_pcrs(const struct tpm_evidence *e, enum hash_alg bank);

/* The digest that `q`, read from `attest`, must have: over the values of exactly the registers that it selects, in its order, under the
 * hash of the signature scheme. FAULT_DENIED "tpm.pcr_values" when one is missing, or one is supplied that isn't quoted. */
struct fault *tpm_evidence_pcr_digest(const struct tpm_evidence *e, const struct tpm_quote *q,
                                      enum hash_alg signature_hash, uint8_t *ret_digest) MUST_USE;

struct fault *tpm_evidence_write(const struct tpm_evidence *e, struct buf *out) MUST_USE;
struct fault *tpm_evidence_read(struct span text, struct tpm_evidence *ret) MUST_USE;
void tpm_evidence_clear(struct tpm_evidence *e);
DEFINE_AUTO_VALUE(tpm_evidence)
