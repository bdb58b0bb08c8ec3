/* batch: what waits is coalesced into one quote and one request, each pod answered on its own.
 *
 * One worker owns the issuer's connection and the evidence source. While it is busy, orders wait; when it is free it takes all that
 * wait and ask for the same mechanism (first acquisitions before renewals), up to the protocol's limits. It never lingers:
 * a single order at an idle attester starts at once. What is worth another attempt at once (a changed connection, a stale nonce
 * or policy, an AK that the issuer does not know or the TEE has lost) is retried here a few times; everything else is the caller's to schedule.
 *
 * An issuer that has no room says when to come back (Retry-After). Until then nothing is sent: orders wait together, which makes one request of
 * many, and one that can't wait that long is refused at once with "ISSUER_BUSY" and the rest of the time. */
#pragma once

#include "attester/acquire/mechanism.h"
#include "lib/base/metrics.h"

struct batch_options {
        struct issuer *issuer;   /* taken */
        struct issuer *verifier; /* taken; for mechanism passport. NULL: there is none, and its profiles are refused */
        struct evidence_source source; /* taken */
        struct bundle_cache *bundles;  /* borrowed */
        const char *node_token_file;
        const char *verifier_node_token_file; /* for the verifier's audience */
        const struct clock *clock;
        size_t queue_max;
        int64_t attempt_timeout_ms;
};
struct batch;
struct fault *batch_start(const struct batch_options *o, struct batch **ret) MUST_USE;
/* Takes the order; `done` is called once, also when the queue is full (FAULT_EXHAUSTED "QUEUE_FULL"). */
void batch_submit(struct batch *b, struct order *o);
struct batch_status {
        uint64_t quotes, acquired;
        size_t waiting;
        bool has_problem; /* the last attempt as a whole failed */
        int problem_code;
        char problem_token[65];
        char problem_text[256];
};
void batch_status(struct batch *b, struct batch_status *ret);
/* Rows for /metrics. */
struct metric *const *batch_metrics(struct batch *b, size_t *ret_count);
void batch_stop(struct batch *b); /* fails what waits with FAULT_UNAVAILABLE "STOPPING" */
