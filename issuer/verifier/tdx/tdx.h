/* tdx: Intel TDX quotes (CMW_TDX) appraised. Pure.
 *
 * In this order: the quote's shape (quote.h); who signed it, up to a root that is pinned here or configured (platform.h); the quote's own
 * signature; what the TD is and what it is bound to; then what Intel has published since: revocation lists, TCB info and enclave identity
 * (collateral.h), and which levels are met (levels.h). Without collateral the first half is decided all the same, and then the appraisal ends with
 * FAULT_UNAVAILABLE "tdx.collateral".
 *
 * Parts: those of collateral.h, and "anchors" (PEM or DER of other roots: test platforms; never from a peer). A peer may give "ccel",
 * the boot log: it must lead to the RTMRs (eventlog.h: "ccel.*").
 * Checks, besides those of the headers named (FAULT_DENIED): "tdx.qe_vendor", "tdx.root", "tdx.pck_not_yet_valid", "tdx.pck_expired",
 * "tdx.qe_debug", "tdx.signature", "tdx.seam_attributes", "tdx.mrsigner_seam", "tdx.attributes", "tdx.xfam", "tdx.report_data", "tdx.fmspc",
 * "tdx.pceid", "tdx.qe_miscselect", "tdx.qe_attributes", "tdx.qe_mrsigner", "tdx.qe_prod_id". Concerns: "tdx.debug",
 * "tdx.migratable", "tdx.servicetd", "tdx.tcb_status", "collateral.grace". */
#pragma once

#include "issuer/verifier/verifier.h"

struct fault *appraise_tdx(const struct appraisal *in, struct attestation_result *result) MUST_USE;
struct fault *tdx_needs(const struct appraisal *in, struct needs *ret) MUST_USE;
extern const char *const tdx_peer_parts[];
/* Forgets what was proven before: for tests and measurements of the cold path. */
void tdx_forget(void);
