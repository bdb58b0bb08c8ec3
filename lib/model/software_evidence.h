/* software_evidence: the development kind (CMW_SOFTWARE): a key in ordinary memory says what it likes about itself. It proves
 * nothing about a machine; it exists so that everything around evidence can be tried without a TEE, and everything that
 * meets it says "insecure_development".
 *
 * {"spki":b64url P-256 SubjectPublicKeyInfo,"signature":b64url raw ES256,"claims":{name:text,…}}
 * Signature by the spki's key over "vouchsafe-software-v1" ‖ 0x00 ‖ u32 len ‖ T ‖ (u32 len ‖ name ‖ u32 len ‖ text) for each claim in
 * the order of their names' bytes: what the claims say is covered as well. Every member is required, no other is taken.
 * Claim names: [a-z0-9._-], 1 to SOFTWARE_CLAIM_NAME_MAX. Faults: as tpm_evidence.h, with the token "SOFTWARE_EVIDENCE". */
#pragma once

#include "lib/crypt/key.h"

#define SOFTWARE_CLAIMS_MAX      16
#define SOFTWARE_CLAIM_NAME_MAX  63
#define SOFTWARE_CLAIM_VALUE_MAX 255

struct software_claim {
        char name[SOFTWARE_CLAIM_NAME_MAX + 1];
        char value[SOFTWARE_CLAIM_VALUE_MAX + 1];
};
struct software_evidence {
        struct buf spki, signature;
        size_t claim_count;
        struct software_claim claims[SOFTWARE_CLAIMS_MAX]; /* strictly ascending names */
};

struct software_evidence software_evidence_new(void);
/* Inserts in order; "SOFTWARE_EVIDENCE" for a bad name, a value too long or with NUL, a name given twice, or one too many. */
struct fault *software_evidence_claim(struct software_evidence *e, struct span name, struct span value) MUST_USE;
/* Fills spki and signature over T and the claims. */
struct fault *software_evidence_sign(struct software_evidence *e, const struct key *k, struct span t) MUST_USE;
/* FAULT_DENIED "software.signature" when it doesn't fit `t`, the claims, or a P-256 key. */
struct fault *software_evidence_verify(const struct software_evidence *e, struct span t) MUST_USE;

struct fault *software_evidence_write(const struct software_evidence *e, struct buf *out) MUST_USE;
struct fault *software_evidence_read(struct span text, struct software_evidence *ret) MUST_USE;
void software_evidence_clear(struct software_evidence *e);
DEFINE_AUTO_VALUE(software_evidence)
