/* metrics: what the issuer counts. Refusals are counted by the family of their check ("tpm" of "tpm.extra_data"), so that no policy
 * and no peer can make the set of labels grow. */
#pragma once

#include "lib/base/metrics.h"

void count_request(const char *route, int status, int64_t took_us);
void count_refusal(const char *check);
enum outcome { OUTCOME_ISSUED, OUTCOME_DENIED };
void count_decision(enum outcome outcome);
void count_credentials(size_t count);
void count_enrolment(void);
void count_taken_back(size_t count); /* recorded, and then not signed */

struct api;
/* Prometheus text, with the gauges read from `a` now. */
struct fault *metrics_text(struct api *a, struct buf *out) MUST_USE;
