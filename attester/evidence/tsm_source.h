/* tsm_source: a source of evidence whose reports come from configfs-tsm, or from a kernel's older device where there is none: what is the
 * same for sev-snp, tdx and cca.
 *
 * Report data is SHA-512(T), T built here from the transcript's fields. The evidence is the report whole; parts are hints (a table of
 * certificates) or prove themselves (a boot log). None of these kinds is enrolled: their keys are vouched for by certificates. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/evidence/tsm.h"

struct tsm_kind {
        const char *kind, *cmw_type, *provider;
        size_t blob_min;
        struct fault *(*find_report_data)(struct span report, struct span *ret);
        bool has_privilege_levels;
        const char *auxblob_part; /* NULL: it has none, or nobody wants it */
        const char *log_part;     /* NULL: none */
        /* Where the kernel has no configfs-tsm, or where its host fails there and options know of another service. FAULT_PRECONDITION "tee.missing" when there is no such device either. */
        struct fault *(*probe_fall_back)(const struct evidence_options *o);
        struct fault *(*fall_back)(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret);
};
/* `k` lives for ever. FAULT_INVALID "evidence.privilege_level" for a level that isn't one, or for a kind without levels. */
struct fault *evidence_tsm_open(const struct tsm_kind *k, const struct evidence_options *o,
                                struct evidence_source *ret) MUST_USE;
/* NULL: reports of this kind are made here. */
struct fault *evidence_tsm_probe(const struct tsm_kind *k, const struct evidence_options *o) MUST_USE;
/* fall_back of kinds that have none. */
struct fault *tsm_no_fall_back_either(const struct evidence_options *o) MUST_USE;
struct fault *tsm_no_fall_back(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret) MUST_USE;
