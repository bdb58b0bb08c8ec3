/* azure: confidential VMs of Azure, in two hops (kinds "az-sev-snp" and "az-tdx"). Evidence is the HCL report (hcl.h); parts:
 *
 *     quote, sig, pcrs   the virtual TPM's quote: TPMS_ATTEST, its signature (bare or TPMT_SIGNATURE), the registers' values
 *     td-quote           az-tdx: the TD quote of the TDREPORT in the HCL report
 *     vcek, chain, …     passed on to the appraisal of the report or quote, as are the parts of a collateral folder
 *     eventlog           boot log of the virtual TPM
 *
 * The hardware's report, appraised as its own kind, must hold the digest of the runtime data; these hold the virtual TPM's attestation key; that
 * key must have signed the quote, over the nonce. The virtual TPM is software of Microsoft's in the paravisor: it is as trustworthy as the
 * paravisor, which the launch measurement tells, and no TPM of its own (fact az.vtpm).
 *
 * Freshness: the nonce is the quote's extra data; one of 64 bytes may also be the user data that the guest wrote into the runtime data, when the
 * quote's extra data are the same without zeros at the end. Without a nonce, report data are the user data; a quote that is not tied to them so is
 * left as "az.quote_freshness" not checked.
 * Refusals: FAULT_INVALID "az.structure", "az.runtime_data", "evidence.parts"; FAULT_DENIED "az.report_type", "az.hash_type", "az.tdreport",
 * "az.user_data"; those of the kinds within: a digest that does not fit is "snp.report_data" or "tdx.report_data", a nonce "tpm.extra_data". */
#pragma once

#include "issuer/verifier/appraise.h"

struct fault *appraise_az_snp(const struct appraisal *in, struct attestation_result *r) MUST_USE;
struct fault *appraise_az_tdx(const struct appraisal *in, struct attestation_result *r) MUST_USE;
struct fault *needs_az_snp(const struct appraisal *in, struct needs *ret) MUST_USE;
struct fault *needs_az_tdx(const struct appraisal *in, struct needs *ret) MUST_USE;
extern const char *const az_snp_peer_parts[], *const az_tdx_peer_parts[];
