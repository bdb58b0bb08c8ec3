/* Quotes with their parts, each behind a length of two bytes; the key is an anchor, so that what comes after trust is reached. */
#include "issuer/verifier/tpm/tpm.h"

#include "lib/model/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span take(struct span *rest)
{
        if (rest->len < 2)
                return SPAN_NONE;
        size_t len = (size_t) (rest->data[0] << 8 | rest->data[1]);
        if (len > rest->len - 2)
                len = rest->len - 2;
        struct span part = span_slice(*rest, 2, len);
        *rest = span_slice(*rest, 2 + len, rest->len - 2 - len);
        return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = {"sig", "pcrs", "ak", "chain", "anchors", "eventlog"};
        struct span rest = span_make(data, size);
        struct appraisal in = {.kind = EVIDENCE_TPM, .now = {1772323200000}};
        in.evidence = take(&rest);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                struct span part = take(&rest);
                bool is_own_anchor = i == 4 && part.len == 0;
                AUTO(fault)
                struct fault *f = appraisal_add_part(&in, names[i], is_own_anchor ? appraisal_part(&in, "ak") : part);
        }
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *f = verifier_appraise(&in, &r);
        return 0;
}
