/* eventlog: measured-boot logs appraised: beside a TPM's quoted PCRs, beside a TD's RTMRs, or by themselves against registers that a
 * person gives (`vouchsafe appraise --kind eventlog`, parts "pcrs" or "rtmrs").
 *
 * A log proves nothing but that it leads to the registers; whoever vouches for those vouches for its digests. Then facts of origin
 * `measured` are set (eventlog.* and ccel.*, see docs/verifier-checks/eventlog.md). A bank of SHA-1 explains nothing, even when it is equal.
 * Refusals, of a CCEL with "ccel" for "eventlog": FAULT_INVALID "eventlog.structure"; FAULT_DENIED "eventlog.sha1_only", "eventlog.hash"
 * (only values of SHA-1 were given), "eventlog.registers" (no register that the log extends was given; the kind without the part:
 * FAULT_UNAVAILABLE), "eventlog.replay". Concerns: "eventlog.separator", "eventlog.os_registers". A log that can be read in two ways leaves
 * "eventlog.content" not checked. */
#pragma once

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/eventlog/replay.h"

struct fault *eventlog_pcrs(struct span log, register_values values, struct attestation_result *r) MUST_USE;
struct fault *eventlog_ccel(struct span log, const uint8_t rtmr[RTMR_COUNT][SHA384_LEN],
                            struct attestation_result *r) MUST_USE;
/* The kind "eventlog". */
struct fault *appraise_eventlog(const struct appraisal *in, struct attestation_result *r) MUST_USE;
