/* passport: a verifier's signed result instead of evidence: POST /v1/credentials, mechanism passport. The result takes the place of an
 * appraisal in this process; all that comes after (token, facts, policy, record, credential) are the stages of issuance.h, and can't tell the
 * difference.
 *
 * Believed is an EAR of this process's own verifier, or of one whose keys are pinned (authority.verifiers), for this audience, answering the
 * nonce of this very request, bound to the key of this connection and to every key of the request, and not too old.
 *
 * Refusals: those of ear_verify and policy_check_received, "ear.holder", "ear.node" (a TPM's result does not say for which node its key was
 * enrolled, and tokens of a cluster are to be held against it), and FAULT_DENIED "evidence.insecure_development". */
#pragma once

#include "issuer/api/issuance.h"

struct fault *passport_believe(struct issuance *s) MUST_USE;
/* The node that the verifier has the attestation key enrolled for: into the two, where it says one. Borrowed from the result. */
void passport_node(const struct issuance *s, const char **cluster, const char **node);
/* What a record says beside what every record says. */
void passport_describe(const struct issuance *s, struct json *record);
