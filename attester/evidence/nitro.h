/* nitro: evidence of an AWS Nitro Enclave: the attestation document of its security module.
 *
 * The document carries SHA-512(T) as user_data and SHA-256(T) as nonce, T built here from the transcript's fields; no public key: the
 * credentials' keys are in T by the request's digest. The device is everybody's, so a reader is needed only where an enclave's image says
 * otherwise. Not enrolled: the module's certificate is in the document. */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_INVALID "evidence.privilege_level": an enclave has none. The faults of collecting: those of nsm.h, and FAULT_INTERNAL
 * "tee.report_data" (a document over something else than was asked). */
struct fault *evidence_nitro_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_nitro_probe(const struct evidence_options *o) MUST_USE;
