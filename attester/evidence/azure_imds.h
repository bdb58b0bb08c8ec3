/* azure_imds: asks the metadata service (IMDS) of an Azure VM's host for what belongs to its evidence. Plain HTTP, as the service has it: the host can
 * refuse or lie, and what it sends is nobody's until a verifier has seen it.
 *
 *     GET  /metadata/THIM/amd/certification   the chip's certificate and its chain
 *     POST /acc/tdquote                       a quote of a TDREPORT
 *
 * A service that can't be reached, is busy (429) or fails (5xx) is asked again, AZURE_IMDS_TRIES times with pauses that double, or as long as
 * its Retry-After says within bounds. Faults: FAULT_UNAVAILABLE "az.imds" (it still doesn't answer), FAULT_INTERNAL "az.imds_refused" (it
 * answers that it won't), "az.imds_answer" (what it sends is no answer, or too long); those of cancel_check. One thread. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/span.h"

#define AZURE_IMDS_URL             "http://169.254.169.254"
#define AZURE_IMDS_TRIES           5
#define AZURE_IMDS_PAUSE_MS        ((int64_t) 500)
#define AZURE_IMDS_RETRY_AFTER_MAX ((int64_t) 10000)
#define AZURE_IMDS_ANSWER_MS       ((int64_t) 15000) /* a quote takes the host some seconds at worst */

struct azure_imds;
struct azure_imds_options {
        const char *url;             /* http://host[:port] */
        int64_t pause_ms, answer_ms; /* before the second try; for each answer */
};
/* FAULT_INVALID "evidence.imds_url". */
struct fault *azure_imds_new(const struct azure_imds_options *o, struct azure_imds **ret) MUST_USE;
/* Asks once, and waits `wait_ms` at most. PEM, appended. */
struct fault *azure_imds_certificates(struct azure_imds *i, int64_t wait_ms, struct cancel *cancel,
                                      struct buf *ret_vcek, struct buf *ret_chain) MUST_USE;
/* Appended. */
struct fault *azure_imds_td_quote(struct azure_imds *i, struct span tdreport, struct cancel *cancel,
                                  struct buf *ret_quote) MUST_USE;
void azure_imds_free(struct azure_imds *i);
DEFINE_AUTO(azure_imds)
