/* retry: another try where a TEE was busy or raced: TSM_TRIES times, each pause twice as long as the one before. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/fault.h"

/* What `attempt` says at last. Tried again: "tee.busy", and the token `also` (NULL: none). `attempt` begins with a clean slate each time. */
struct fault *evidence_retry(struct fault *(*attempt)(void *arg, struct cancel *cancel), void *arg, const char *also,
                             int64_t pause_ms, struct cancel *cancel) MUST_USE;
