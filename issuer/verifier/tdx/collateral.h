/* collateral: what Intel publishes and a TDX verdict needs: TCB info and the quoting enclave's identity with their signers, revocation
 * lists of the root and of the PCK's CA. Proven once for these bytes under this platform's root and CA, and remembered; dates, revocation and whether it is about
 * this platform are asked at every use.
 *
 * Parts, under the names of the files that Intel's service is usually saved to: "tcb_info.json" (the signed bytes) with "tcb_info.sig" (64
 * bytes r‖s, or their hex), or "tcb_info.response.json" (the answer as served); the same for "qe_identity"; "tcb_signing_chain.pem",
 * "qe_identity_signing_chain.pem" (without it the former), "pck_crl.der", "pck_crl_issuer_chain.pem" (without it the PCK's own CA),
 * "root_crl.der". Lists may be DER, PEM, or DER in hex. */
#pragma once

#include "issuer/verifier/tdx/platform.h"
#include "issuer/verifier/tdx/tcb_info.h"
#include "issuer/verifier/verifier.h"
#include "lib/crypt/crl.h"

#define TDX_COLLATERAL_PARTS 13
struct tdx_collateral {
        struct memo_value memo;
        struct span parts[TDX_COLLATERAL_PARTS]; /* a copy of all that the proof depends on */
        struct buf bytes;                        /* of the parts */
        /* SHA-256, for whoever records what a verdict rests on: of the lists' DER, of the parts as given */
        uint8_t root_crl_digest[SHA256_LEN], pck_crl_digest[SHA256_LEN], tcb_chain_digest[SHA256_LEN],
                tcb_info_digest[SHA256_LEN], qe_identity_digest[SHA256_LEN];
        struct crl *root_crl, *pck_crl;
        struct tdx_cert crl_issuer, tcb_signer, qe_signer;
        struct tcb_info tcb_info;
        struct qe_identity qe_identity;
};
/* FAULT_UNAVAILABLE "tdx.collateral", naming all that is missing. */
struct fault *tdx_collateral_complete(const struct appraisal *in) MUST_USE;
/* In this order, FAULT_DENIED or, for the shape, FAULT_INVALID: "tdx.root_crl", "tdx.pck_crl_issuer", "tdx.pck_crl", "tdx.tcb_signer",
 * "tdx.tcb_info_signature", "tdx.tcb_info", "tdx.tcb_info_id", "tdx.qe_identity_signer", "tdx.qe_identity_signature",
 * "tdx.qe_identity", "tdx.qe_identity_id". The caller releases it. */
extern const char *const tdx_collateral_checks[]; /* NULL-terminated */
struct fault *tdx_collateral_prove(const struct appraisal *in, const struct tdx_platform *p,
                                   struct tdx_collateral **ret) MUST_USE;
void tdx_collateral_release(struct tdx_collateral *c);
/* What the verdict rests on becomes the result's; dates at `now`, with `in`'s grace: "<object>_not_yet_valid", "<object>_expired" for
 * tdx.root_crl, tdx.pck_crl, tdx.pck_crl_issuer, tdx.tcb_signer, tdx.tcb_info, tdx.qe_identity_signer, tdx.qe_identity; the concern
 * "collateral.grace". */
struct fault *tdx_collateral_dates(const struct appraisal *in, const struct tdx_collateral *c,
                                   struct attestation_result *r) MUST_USE;
/* "tdx.ca_revoked", "tdx.signer_revoked", "tdx.pck_revoked" */
struct fault *tdx_collateral_revoked(const struct tdx_collateral *c, const struct tdx_platform *p,
                                     struct attestation_result *r) MUST_USE;
void tdx_collateral_forget(void); /* the memo */

/* notBefore ≤ now ≤ notAfter; faults named `early` and `late`. */
struct fault *tdx_check_dates(struct attestation_result *r, const char *early, const char *late, struct wall from,
                              struct wall until, struct wall now) MUST_USE;
