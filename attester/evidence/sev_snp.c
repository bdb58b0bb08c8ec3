#include "attester/evidence/sev_snp.h"

#include "attester/evidence/sev_guest.h"
#include "attester/evidence/tsm_source.h"
#include "lib/base/reader.h"

/* SEV Secure Nested Paging Firmware ABI Specification (56860), section 7.3 */
#define REPORT_LEN     1184
#define REPORT_DATA_AT 0x50

static struct fault *find_report_data(struct span report, struct span *ret)
{
        struct reader r = READER(report);
        uint32_t version = 0;
        if (report.len != REPORT_LEN)
                return fault(FAULT_INVALID, "tee.blob", "%zu bytes, an SNP report has %d", report.len, REPORT_LEN);
        TRY(reader_u32le(&r, &version));
        if (version == 0)
                return fault(FAULT_INVALID, "tee.blob", "a report of version 0");
        *ret = span_slice(report, REPORT_DATA_AT, TSM_REPORT_DATA_LEN);
        return NULL;
}

static const struct tsm_kind kind = {.kind = EVIDENCE_SEV_SNP,
                                     .cmw_type = CMW_SEV_SNP,
                                     .provider = "sev_guest",
                                     .blob_min = REPORT_LEN,
                                     .find_report_data = find_report_data,
                                     .has_privilege_levels = true,
                                     .auxblob_part = "auxblob",
                                     .probe_fall_back = sev_guest_probe,
                                     .fall_back = sev_guest_take};

struct fault *evidence_sev_snp_probe(const struct evidence_options *o)
{
        return evidence_tsm_probe(&kind, o);
}

struct fault *evidence_sev_snp_open(const struct evidence_options *o, struct evidence_source *ret)
{
        return evidence_tsm_open(&kind, o, ret);
}
