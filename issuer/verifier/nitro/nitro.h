/* nitro: documents of AWS Nitro Enclaves. Evidence: the COSE_Sign1 as the NSM gave it. Part: anchors (certificates of further roots; never
 * from a peer). The nonce is the document's own field; 64 bytes of report data are looked for in user_data.
 *
 * Refusals: "nitro.structure" (INVALID), "nitro.algorithm", "nitro.document" (INVALID), those of chain.h, "nitro.signature",
 * "nitro.timestamp" (not within the certificate's dates, or later than now), "nitro.nonce", "nitro.user_data". Concern: "nitro.debug". */
#pragma once

#include "issuer/verifier/appraise.h"

struct fault *appraise_nitro(const struct appraisal *in, struct attestation_result *result) MUST_USE;
