/* appraise: what the appraisers share: every check is recorded in the result's tree, whether it held or not, and the first that does not
 * hold ends the appraisal with a fault of its name. Private to this folder. */
#pragma once

#include "issuer/verifier/verifier.h"

/* `name` is a literal: it becomes the fault's token. `wanted` and `got` may be NULL. */
struct fault *appraise_hold(struct attestation_result *r, const char *name, bool ok, enum origin origin,
                            const char *wanted, const char *got) MUST_USE;
/* The same for bytes, compared in constant time, shown in hex. */
struct fault *appraise_bytes(struct attestation_result *r, const char *name, enum origin origin, struct span wanted,
                             struct span got) MUST_USE;
/* What a library's call said: a check that held when `f` is NULL; a fault whose token is a check's name (it has a dot) is that check, failed;
 * any other becomes the check `name`. Takes `f` over. */
struct fault *appraise_call(struct attestation_result *r, const char *name, enum origin origin,
                            struct fault *f) MUST_USE;

struct fault *appraise_tpm(const struct appraisal *in, struct attestation_result *result) MUST_USE;
struct fault *appraise_software(const struct appraisal *in, struct attestation_result *result) MUST_USE;

/* What an attestation key must be: "ak.attributes", "ak.algorithm". */
struct fault *ak_check_public(const struct tpm_public *ak) MUST_USE;
