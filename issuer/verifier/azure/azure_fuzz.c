/* HCL reports: shape and runtime data; then the whole appraisal with the report and quote of a real machine's shape around it. The first byte chooses. */
#include "issuer/verifier/azure/azure.h"
#include "issuer/verifier/azure/tdreport.h"

#include "lib/model/hcl.h"
#include "lib/model/names.h"
#include "tests/fakes/fuzz.h"

static void appraise(struct span rest, const char *kind)
{
        static const char *const names[] = {"quote", "sig", "pcrs", "td-quote"};
        struct appraisal in = {.kind = kind, .now = {1795456800000}};
        in.evidence = next_part(&rest);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                AUTO(fault) struct fault *f = appraisal_add_part(&in, names[i], next_part(&rest)); /* there is room */
        }
        AUTO(attestation_result) struct attestation_result r = {0};
        struct needs needs;
        AUTO(fault) struct fault *f = verifier_appraise(&in, &r);
        AUTO(fault) struct fault *no_needs = verifier_needs(&in, &needs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        struct span rest = span_make(data + 1, size - 1);
        AUTO(hcl_runtime) struct hcl_runtime runtime = {0};
        struct hcl_report report;
        AUTO(fault)
        struct fault *f = data[0] % 4 == 0   ? hcl_read(rest, &report)
                          : data[0] % 4 == 1 ? hcl_runtime_read(rest, &runtime)
                                             : NULL;
        if (data[0] % 4 > 1)
                appraise(rest, data[0] % 4 == 2 ? EVIDENCE_AZ_SEV_SNP : EVIDENCE_AZ_TDX);
        return 0;
}
