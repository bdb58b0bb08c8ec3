/* Quotes: read, the chain inside too, and appraised as far as they go. */
#include "issuer/verifier/tdx/quote.h"

#include "issuer/verifier/tdx/tdx.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct appraisal in = {
                .kind = EVIDENCE_TDX, .evidence = span_make(data, size), .now = wall_from_unix_s(1750000000)};
        struct needs needs;
        AUTO(fault) struct fault *f = verifier_needs(&in, &needs);
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *refused = verifier_appraise(&in, &r);
        if (refused == NULL) /* there is no collateral */
                __builtin_trap();
        return 0;
}
