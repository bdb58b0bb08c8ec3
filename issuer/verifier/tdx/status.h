/* status: Intel's words for the state of a TCB, and how several become one. Pure.
 *
 * Intel PCS API v4 (tcbStatus), and the order of Intel's Quote Verification Library 4.1.2.4.17 (merging, TD relaunch). */
#pragma once

#include "lib/base/span.h"

enum tcb_status {
        TCB_UP_TO_DATE,
        TCB_SW_HARDENING_NEEDED,
        TCB_CONFIGURATION_NEEDED,
        TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
        TCB_OUT_OF_DATE,
        TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
        TCB_REVOKED,
        TCB_RELAUNCH_ADVISED, /* these two are found, never published */
        TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
        TCB_STATUS_UNKNOWN,
        TCB_STATUS_COUNT
};
const char *tcb_status_name(enum tcb_status s); /* "UpToDate" */
enum tcb_status tcb_status_by_name(struct span name);
/* What a module or a quoting enclave may be: UpToDate, OutOfDate, Revoked. */
bool tcb_status_is_of_enclave(enum tcb_status s);
/* A platform's status and that of a module or enclave on it. */
enum tcb_status tcb_status_merge(enum tcb_status platform, enum tcb_status part);

/* Whether a TD of version 1.5 is out of date only because it was launched under an old module: a new launch under the one that runs now
 * would be up to date (tee_tcb_svn2 meets the newest level). */
struct relaunch {
        enum tcb_status sgx; /* of the first level whose SGX part and PCESVN fit */
        enum tcb_status merged, module, qe;
        uint8_t svn2_module, svn2_microcode; /* tee_tcb_svn2 [0], [2] */
        uint8_t newest_module,
                newest_microcode; /* of the newest level; module: of the identity of svn2 [1] when it isn't 0 */
};
enum tcb_status tcb_status_relaunch(const struct relaunch *r); /* `merged`, or one of the last two */

/* Advisory ids, "INTEL-SA-00106,INTEL-SA-00115": sorted, each once. Appends those of `more` to `*list` (NULL or "": none). */
void advisories_merge(char **list, const char *more);
size_t advisories_count(const char *list);
