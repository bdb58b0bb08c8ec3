/* enrol: an attestation key tied to its TPM and its node (protocol.md §3; TPM 2.0 credential activation).
 *
 * Two exchanges: the EK's certificate and the AK's public area go out, a challenge that only this TPM can open comes back; the opened secret
 * returns together with a quote by the new AK over the enrolment's own transcript. Done when the issuer does not know our AK. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/issuer.h"

/* `node_token_file` may be NULL. */
struct fault *enrol(struct issuer *issuer, struct evidence_source *source, const char *node_token_file,
                    struct cancel *cancel) MUST_USE;
