/* pace: how often one host may be asked: a budget (`burst` at once, then one per interval) and a pause after trouble that doubles, is no
 * shorter than the host's Retry-After, and jittered. Pure: time and randomness come in. */
#pragma once

#include "lib/base/clock.h"

struct pace {
        int64_t interval_ms, burst;
        int64_t paid_until_ms; /* of the budget: what was spent reaches to here (boot time) */
        int64_t not_before_ms; /* of the pause */
        unsigned failures;     /* in a row */
};
#define PACE_PAUSE_FIRST_MS     1000
#define PACE_PAUSE_MAX_MS       (5 * 60 * 1000)
#define PACE_RETRY_AFTER_MAX_MS (60 * 60 * 1000)
int64_t pace_wait_ms(const struct pace *p, struct boot now); /* 0: now */
void pace_spend(struct pace *p, struct boot now);
void pace_fine(struct pace *p);
void pace_trouble(struct pace *p, struct boot now, int64_t retry_after_ms, uint32_t random);
