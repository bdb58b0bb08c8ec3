/* tsm: one report out of the kernel's configfs-tsm, /sys/kernel/config/tsm/report (Linux 6.7 and up;
 * Documentation/ABI/testing/configfs-tsm-report).
 *
 * An instance is a folder of our own: report data goes in, the report comes out. Writes count when the file is closed, whose error nobody
 * is told; the report is made at the first read after a write, and each open shows the one that is then the last. So the instance's
 * generation must have grown by exactly our own writes when all is read, and the report must hold the report data that was asked for.
 * Anything else is another try in a new instance, TSM_TRIES times. Instances never outlive the call; those of a process that died are
 * swept: the living hold a lock on theirs.
 *
 * A read may last as long as the kernel waits for the host (60 s and more) and can't be interrupted: `cancel` is looked at between steps.
 * Faults, besides source.h's: FAULT_UNAVAILABLE "tee.timeout" and "tee.host" (the host, or firmware, failed; later it may not), "tee.blob"
 * (a report that is none: empty, zeros, too short or too long), FAULT_PRECONDITION "tee.permission" (we are not root), "tee.lost" (the
 * guest's channel to the firmware is closed until it is started anew), FAULT_INTERNAL "tee.refused" (EINVAL), "tee.report_data" (a report
 * over something else), FAULT_INVALID "evidence.privilege_level". */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/span.h"

#define TSM_BASE            "/sys/kernel/config/tsm/report"
#define TSM_PREFIX          "vouchsafe-" /* of our instances' names */
#define TSM_REPORT_DATA_LEN 64
#define TSM_BLOB_MAX        32768 /* TSM_REPORT_OUTBLOB_MAX */
#define TSM_TRIES           5
#define TSM_PROVIDER_MAX    63
#define TSM_NO_PRIVILEGE    (-1)
#define TSM_PRIVILEGE_MAX   3

struct tsm_request {
        const char *base;     /* TSM_BASE, or a test's */
        const char *provider; /* "sev_guest"; another one's report is not taken */
        uint8_t report_data[TSM_REPORT_DATA_LEN];
        int privilege_level;    /* VMPL, or TSM_NO_PRIVILEGE: what the kernel asks for by itself */
        size_t blob_min;        /* no report is shorter */
        int64_t retry_pause_ms; /* before the second try; twice as long before each later one */
        uint32_t qgs_port;      /* of TDX's second way: the host's service (qgs_host.h); 0: nobody has said */
        /* Where a report has its report data; a fault: this is no report. */
        struct fault *(*find_report_data)(struct span report, struct span *ret);
};
struct tsm_report {
        struct buf outblob;
        struct buf auxblob; /* empty: there is none */
};
struct tsm_report tsm_report_new(void);
void tsm_report_clear(struct tsm_report *r);
DEFINE_AUTO_VALUE(tsm_report)

/* `ret` comes from tsm_report_new. */
struct fault *tsm_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret) MUST_USE;
/* That `report` is one, and over the report data that was asked for ("tee.blob", "tee.report_data"): for other ways to one. */
struct fault *tsm_check_report_data(const struct tsm_request *q, struct span report) MUST_USE;
/* What answers on this machine: "sev_guest", "tdx_guest", "arm_cca_guest". */
struct fault *tsm_provider(const char *base, char ret[TSM_PROVIDER_MAX + 1]) MUST_USE;
/* Removes instances that processes of ours left behind; never a fault: what can't be removed is in nobody's way. */
void tsm_sweep(const char *base);
