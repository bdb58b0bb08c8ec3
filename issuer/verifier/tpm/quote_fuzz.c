/* Quotes with their parts, each behind a length of two bytes; the key is an anchor, so that what comes after trust is reached. */
#include "issuer/verifier/tpm/tpm.h"

#include "lib/model/names.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = {"sig", "pcrs", "ak", "chain", "anchors", "eventlog"};
        struct span rest = span_make(data, size);
        struct appraisal in = {.kind = EVIDENCE_TPM, .now = {1772323200000}};
        in.evidence = next_part(&rest);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                struct span part = next_part(&rest);
                bool is_own_anchor = i == 4 && part.len == 0;
                AUTO(fault)
                struct fault *f = appraisal_add_part(&in, names[i], is_own_anchor ? appraisal_part(&in, "ak") : part);
        }
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *f = verifier_appraise(&in, &r);
        return 0;
}
