/* retry: another try where a TEE was busy or raced: TSM_TRIES times, each pause twice as long as the one before. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/fault.h"

/* What `attempt` says at last. Tried again: FAULT "tee.busy", and "tee.report_data" (somebody else's report came). `attempt` begins with a
 * clean slate each time and looks at `cancel` itself. */
struct fault *evidence_retry(struct fault *(*attempt)(void *arg, struct cancel *cancel), void *arg, int64_t pause_ms,
                             struct cancel *cancel) MUST_USE;
