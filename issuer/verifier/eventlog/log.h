/* log: a measured-boot log as records, read strictly. TCG PC Client Platform Firmware Profile (PFP) §10; the confidential-computing log
 * (CCEL) of UEFI 2.10 §38.4.1 is the same with measurement registers (0: MRTD, n: RTMR n-1) in the place of PCRs.
 *
 * The first record, in the old SHA-1 form, is "Spec ID Event03" with the list of algorithms; every other carries one digest of each. The
 * log ends with its bytes, or with filler (0xff or 0x00) up to them. Nothing is believed here: what a record says of itself (type, text)
 * is nobody's measurement, only digests are. All spans point into the log. */
#pragma once

#include "lib/base/reader.h"
#include "lib/crypt/hash.h"

#define EVENTLOG_MAX        ((size_t) 1024 * 1024)
#define EVENTLOG_EVENTS_MAX 8192
#define EVENTLOG_EVENT_MAX  ((size_t) 256 * 1024) /* data of one event: a dbx is the largest there is, some 24 KiB */
#define EVENTLOG_ALGS_MAX   8

/* PFP §10.4.1, table 27 */
#define EV_NO_ACTION       0x00000003u
#define EV_SEPARATOR       0x00000004u
#define EV_S_CRTM_VERSION  0x00000008u
#define EV_IPL             0x0000000du
#define EV_NONHOST_INFO    0x00000011u
#define EV_EFI_HCRTM_EVENT 0x80000010u

enum eventlog_form { EVENTLOG_TPM, EVENTLOG_CCEL };

struct eventlog_event {
        uint32_t index; /* PCR, or measurement register as the CCEL counts them */
        uint32_t type;
        struct span digests[HASH_ALG_COUNT]; /* empty: not of this log, or an algorithm that is not ours */
        struct span data;
};
struct eventlog {
        struct span bytes;
        enum eventlog_form form;
        size_t events_at; /* of the first record after the header */
        size_t alg_count;
        struct {
                uint16_t id, len;
                int bank; /* enum hash_alg; -1: not ours (SM3, SHA-3) */
        } algs[EVENTLOG_ALGS_MAX];
        bool has_bank[HASH_ALG_COUNT];
};

/* Reads the header. FAULT_DENIED "eventlog.sha1_only" for a log of the old form, which has nothing else; FAULT_INVALID "eventlog.structure". */
struct fault *eventlog_open(struct span bytes, enum eventlog_form form, struct eventlog *ret) MUST_USE;
/* The record at `*at` (start with events_at), which moves behind it. `ret_more` false: the log has ended. */
struct fault *eventlog_next(const struct eventlog *log, size_t *at, struct eventlog_event *ret,
                            bool *ret_more) MUST_USE;
