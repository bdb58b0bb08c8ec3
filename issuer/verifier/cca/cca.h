/* cca: tokens of Arm Confidential Compute Architecture. Evidence: the token. Parts: cpak and anchors (documents of keys.h: CCA has no
 * certificates, so which key a platform has is what its maker says). The issuer gives its own keys as in->cca_keys. Neither is taken from a
 * peer. The realm's challenge is the report data.
 *
 * The platform's key vouches for its token, the token for the realm's key by its challenge, the realm's key for the realm's token.
 * Refusals: "cca.structure", "cca.platform_claims", "cca.realm_claims", "cca.cpak_format" (INVALID); "cca.cpak" (UNAVAILABLE: nobody gave
 * any keys); "cca.instance" (keys, but none of this platform); "cca.platform_signature", "cca.realm_key" (the platform's challenge is not
 * its digest), "cca.hash", "cca.realm_signature", "cca.challenge". Concern: "cca.lifecycle" (not secured: debug is possible). */
#pragma once

#include "issuer/verifier/appraise.h"

struct fault *appraise_cca(const struct appraisal *in, struct attestation_result *result) MUST_USE;
