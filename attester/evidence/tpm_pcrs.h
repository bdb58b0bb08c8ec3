/* tpm_pcrs: which registers a quote covers: "sha256:0,1,2,7+sha384:0" to TPML_PCR_SELECTION. Pure. */
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "lib/crypt/tpm.h"

#define TPM_PCRS_DEFAULT "sha256:0,1,2,3,4,5,6,7"

/* Banks once each (sha256, sha384, sha512), indexes 0 to 23 once each, at least one. FAULT_INVALID "evidence.pcrs". */
struct fault *tpm_pcrs_parse(struct span text, TPML_PCR_SELECTION *ret) MUST_USE;
/* sha1, sha256, sha384, sha512; false for a bank that we don't know. */
bool tpm_bank_of(TPMI_ALG_HASH alg, enum hash_alg *ret);
uint32_t tpm_pcrs_bits(const TPMS_PCR_SELECTION *s); /* bit n: PCR n */
