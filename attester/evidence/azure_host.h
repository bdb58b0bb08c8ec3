/* azure_host: what an Azure VM's host adds to evidence through its metadata service, around a source that has the rest of it.
 *
 *     az-sev-snp   parts `vcek` and `chain`: a hint, without which the issuer asks AMD itself. When the service doesn't answer, evidence goes
 *                  without; it is asked again a minute later.
 *     az-tdx       part `td-quote`: Intel's quote of the TDREPORT in the paravisor's report, without which there is no evidence.
 *
 * The report stays the same from boot on, and so does what belongs to it: it is asked for once, and again when the report is another one or
 * what came is old (a quote tells the platform's TCB of its hour). Everything that comes is proved by its own signatures, at the issuer. */
#pragma once

#include "attester/evidence/azure_imds.h"
#include "attester/evidence/source.h"
#include "lib/model/hcl.h"

#define AZURE_CERTIFICATES_AGE_MS   ((int64_t) 24 * 3600 * 1000)
#define AZURE_TD_QUOTE_AGE_MS       ((int64_t) 3600 * 1000)
#define AZURE_CERTIFICATES_AGAIN_MS ((int64_t) 60 * 1000)
#define AZURE_CERTIFICATES_WAIT_MS  ((int64_t) 2000) /* of an answer that evidence does without */

struct azure_kind {
        const char *kind, *cmw_type;
        enum hcl_report_type report_type;
};
struct azure_host_options {
        const struct azure_kind *kind;  /* lives for ever */
        struct azure_imds_options imds; /* url "": nobody is asked; FAULT_INVALID "evidence.imds_url" for az-tdx */
        const struct clock *clock;
};
/* `source` is taken and becomes the one that adds, or is closed when this fails. Its own faults pass; besides those of azure_imds.h for az-tdx. */
struct fault *azure_host_wrap(const struct azure_host_options *o, struct evidence_source *source) MUST_USE;
