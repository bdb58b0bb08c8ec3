/* fake clock: time that stands still until a test moves it. Thread-safe.
 *
 *     struct fake_clock time;
 *     fake_clock_init(&time, 1795456800000, 5000);
 *     thing_open(&time.clock, ...);
 *     fake_clock_advance_ms(&time, 60000);
 *
 * The struct must not move after fake_clock_init: clock.self points to it. */
#pragma once

#include <stdatomic.h>

#include "lib/base/clock.h"

struct fake_clock {
        struct clock clock;
        _Atomic int64_t wall_unix_ms;
        _Atomic int64_t boot_ms;
};

void fake_clock_init(struct fake_clock *c, int64_t wall_unix_ms, int64_t boot_ms);
/* Time passes: both clocks move. */
void fake_clock_advance_ms(struct fake_clock *c, int64_t ms);
/* Somebody sets the clock: only wall time moves, forwards or back. */
void fake_clock_step_wall_ms(struct fake_clock *c, int64_t ms);
