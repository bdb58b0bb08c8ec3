/* A whole appraisal of any report: nothing that a peer invents is genuine. A recorded report is, and only with its own bytes. */
#include "issuer/verifier/snp/snp.h"

#include "issuer/verifier/snp/report.h"
#include "tests/fakes/fuzz.h"

/* The first bytes are the report, what follows is a certificate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t report_len = size < SNP_REPORT_LEN ? size : SNP_REPORT_LEN;
        struct appraisal in = {
                .kind = EVIDENCE_SEV_SNP,
                .evidence = span_make(data, report_len),
                .now = wall_from_unix_s(1772323200), /* 2026-03-01: within the recorded certificates' dates */
        };
        AUTO(attestation_result) struct attestation_result result = {0};
        struct snp_report r;
        struct needs needs;

        AUTO(fault)
        struct fault *adding = appraisal_add_part(&in, "vcek", span_make(data + report_len, size - report_len));
        AUTO(fault) struct fault *asking = verifier_needs(&in, &needs);
        must(adding == NULL && asking == NULL && needs.count <= NEEDS_MAX);
        AUTO(fault) struct fault *reading = snp_report_read(in.evidence, &r);
        AUTO(fault) struct fault *refusal = verifier_appraise(&in, &result);
        must(reading == NULL || refusal != NULL);
        must(refusal == NULL || result.facts.count == 0);
        must(refusal != NULL || r.padding_is_zero);
        return 0;
}
