/* azure: evidence of Azure's confidential VMs, az-sev-snp and az-tdx: two hops (issuer/verifier/azure/azure.h).
 *
 * CMW item of type CMW_AZ_SEV_SNP or CMW_AZ_TDX, evidence_parts: the evidence is the paravisor's report as it lies in the virtual TPM, the same from boot
 * on; parts `quote`, `sig`, `pcrs` are the quote of the virtual TPM over the configured registers, with extraData = SHA-256(T), by the key that
 * the report vouches for: no enrolment. Part `eventlog` is the virtual TPM's boot log, where it can be read. What the metadata service adds (azure_host.h: `vcek`, `chain`; `td-quote`) needs the network: a process without
 * one, the evidence reader, leaves it out, and the attester completes what the reader gave it. */
#pragma once

#include "attester/evidence/source.h"

/* Speaks to no TPM yet. FAULT_INVALID "evidence.pcrs", "evidence.tcti", "evidence.imds_url". */
struct fault *evidence_az_sev_snp_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
struct fault *evidence_az_tdx_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. The metadata service is not asked. */
struct fault *evidence_az_sev_snp_probe(const struct evidence_options *o) MUST_USE;
struct fault *evidence_az_tdx_probe(const struct evidence_options *o) MUST_USE;
/* Around a source whose evidence lacks what the metadata service adds. `source` is taken, also when this fails; o->imds_url NULL: it stays as it is. */
struct fault *evidence_az_sev_snp_complete(const struct evidence_options *o, struct evidence_source *source) MUST_USE;
struct fault *evidence_az_tdx_complete(const struct evidence_options *o, struct evidence_source *source) MUST_USE;
