/* tpm_activate: TPM2_ActivateCredential: the proof that AK and EK live in one TPM. */
#pragma once

#include "attester/evidence/tpm_context.h"
#include "lib/base/secret.h"

/* The secret that the issuer wrapped to `ek` for `ak`. `id_object` and `encrypted_secret` are TPM2B_ID_OBJECT and
 * TPM2B_ENCRYPTED_SECRET, consumed exactly. FAULT_DENIED "tpm.activate" when the TPM refuses: the challenge was made for another
 * key or TPM; FAULT_INVALID "TPM_STRUCTURE" when they are no such structures. */
struct fault *tpm_activate(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, ESYS_TR ek, struct span id_object,
                           struct span encrypted_secret, struct secret **ret) MUST_USE;
