/* replay: the registers that a log leads to, and which of the given ones it explains. A record is extended as the register was:
 * value = H(value ‖ digest); EV_NO_ACTION is not extended, but one such record, StartupLocality, says where PCR 0 began (PFP §10.4.5.3).
 *
 * Firmware's registers (PCR 0 to 7; RTMR 0 and 1) must be explained whenever they are given. Above them the operating system may have
 * measured into logs of its own (PCR 10: IMA; 11 to 15: systemd; RTMR 3: an agent): such a register counts as explained when it is
 * equal, is left out when the log says nothing about it, and otherwise is a PCR that went on (a concern), or an RTMR that is wrong. */
#pragma once

#include "issuer/verifier/eventlog/log.h"
#include "lib/crypt/tpm.h"

#define RTMR_COUNT 4
_Static_assert(RTMR_COUNT <= TPM_PCR_COUNT, "both fit into one table");

struct eventlog_replay {
        struct eventlog log;
        size_t event_count; /* extended ones */
        uint32_t extended;  /* bit n: a record was extended into register n */
        uint8_t values[HASH_ALG_COUNT][TPM_PCR_COUNT][HASH_MAX_LEN];
};
/* Values as somebody vouches for them: [bank][PCR or RTMR], empty: not given. */
typedef const struct span register_values[HASH_ALG_COUNT][TPM_PCR_COUNT];

/* `ret` holds spans into `bytes`. Faults: as eventlog_open. */
struct fault *eventlog_replay(struct span bytes, enum eventlog_form form, struct eventlog_replay *ret) MUST_USE;
/* The register that a record is extended into; -1: none (EV_NO_ACTION, MRTD). */
int eventlog_register(const struct eventlog *log, const struct eventlog_event *e);

struct eventlog_match {
        bool compared;    /* at least one register of this bank that the log extends was given */
        uint32_t equal;   /* registers that are given, extended by the log, and equal */
        int differing;    /* a register that must be equal and is not; -1: none */
        uint32_t went_on; /* PCRs of the operating system that differ */
};
void eventlog_compare(const struct eventlog_replay *replay, register_values values, enum hash_alg bank,
                      struct eventlog_match *ret);
