/* qgs: Intel's quote generation service (QGS, of the SGX DCAP software), which a TDX guest's host runs: a TDREPORT goes there, a quote comes
 * back. Messages of its qgs_msg_lib, version 1: each with its length before it, 4 bytes big-endian; inside all is little-endian:
 *
 *     u16 major, u16 minor, u32 type, u32 size (of all this), u32 error
 *     request 0:  u32 report_size, u32 id_list_size, report, ids (none: the service chooses the key)
 *     response 1: u32 selected_id_size, u32 quote_size, id, quote; an error may be the header alone
 *
 * The service is the host's: it can refuse or lie, and what it sends is nobody's until a verifier has seen it.
 * Faults: FAULT_UNAVAILABLE "tee.host" (it failed, or went away), "tee.busy" (it has no memory now), "tee.timeout", "tee.blob" (what came is no
 * response, or no quote), FAULT_INTERNAL "tee.refused" (it does not take our request); those of cancel_check. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/span.h"

#define QGS_PATIENCE_MS  30000 /* of a whole exchange: as long as the kernel's own GetQuote is waited for */
#define QGS_ID_MAX       256
#define QGS_QUOTE_MAX    32768 /* as configfs-tsm has it */
#define QGS_RESPONSE_MAX (24 + QGS_ID_MAX + QGS_QUOTE_MAX)

/* Over a connected stream socket, which it leaves open. The quote is appended. */
struct fault *qgs_quote(int fd, struct span report, int64_t patience_ms, struct cancel *cancel,
                        struct buf *ret_quote) MUST_USE;

/* The messages alone, without the length before them. */
struct fault *qgs_request_write(struct span report, struct buf *out) MUST_USE;
/* Points into `response`. */
struct fault *qgs_response_read(struct span response, struct span *ret_quote) MUST_USE;
