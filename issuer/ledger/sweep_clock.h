/* sweep_clock: the time that decides which used nonces may be forgotten.
 *
 * A nonce's row must outlive every moment at which the nonce itself could be taken for fresh. Going by the wall clock alone, a clock that jumps ahead
 * and is set right again would have swept rows of nonces that then live once more, and a request could be replayed. So a
 * jump ahead counts only after it has lasted SWEEP_CLOCK_HOLD_MS of real time, by when any nonce from before it is over. A clock that goes
 * back counts at once: it only keeps rows longer. Plain data of one thread. */
#pragma once

#include <stdbool.h>

#include "lib/base/clock.h"

#define SWEEP_CLOCK_HOLD_MS (10LL * 60 * 1000) /* twice a nonce's life */

struct sweep_clock {
        struct wall wall; /* believed at `boot` */
        struct boot boot;
        bool is_held; /* the wall clock is ahead of what is believed, since `held_since` */
        struct boot held_since;
};
void sweep_clock_init(struct sweep_clock *s, struct wall wall, struct boot boot);
struct wall sweep_clock_now(struct sweep_clock *s, struct wall wall, struct boot boot);
