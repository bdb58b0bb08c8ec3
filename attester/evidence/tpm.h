/* tpm: evidence of a TPM 2.0: a quote over the configured registers, by an AK that is tied to the EK (tpm_ak.h, tpm_ek.h).
 *
 * CMW item of type CMW_TPM_QUOTE, value as lib/model/tpm_evidence.h says; extraData = SHA-256(T). Register values are read until they are
 * the ones that were quoted. The boot log goes along (boot_log.h), but not with an enrolment's quote. Nothing is kept open between calls (tpm_context.h). */
#pragma once

#include "attester/evidence/source.h"

/* Speaks to no TPM yet. FAULT_INVALID "evidence.pcrs", "evidence.tcti", "evidence.state_dir". */
struct fault *evidence_tpm_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_tpm_probe(const struct evidence_options *o) MUST_USE;
/* Where its boot log is: as the options say, else where the kernel keeps that of the device (device:/dev/tpmrm0: tpm0's). "" when they
 * say that none is sent, or when the TPM is no device of the kernel: another TPM's log would not lead to its registers. The caller's. */
char *evidence_tpm_log_path(const struct evidence_options *o) MUST_USE;
