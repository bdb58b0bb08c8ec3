/* tpm_quote: TPM2_Quote and the register values that belong to it. */
#pragma once

#include "attester/evidence/tpm_context.h"
#include "lib/crypt/hash.h"
#include "lib/model/tpm_evidence.h"

/* Fills attest, signature and values of `e`. Registers that keep changing are FAULT_UNAVAILABLE "tee.busy"; a bank that the TPM
 * hasn't activated is FAULT_PRECONDITION "evidence.bank". */
struct fault *tpm_quote_take(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, const TPML_PCR_SELECTION *pcrs,
                             const uint8_t extra_data[SHA256_LEN], struct tpm_evidence *e) MUST_USE;
