#include "issuer/ledger/sweep_clock.h"

#define SLEW_MS 2000 /* a clock that is being slewed is not jumping */

void sweep_clock_init(struct sweep_clock *s, struct wall wall, struct boot boot)
{
        *s = (struct sweep_clock){.wall = wall, .boot = boot};
}

struct wall sweep_clock_now(struct sweep_clock *s, struct wall wall, struct boot boot)
{
        struct wall reckoned = {s->wall.unix_ms + (boot.ms - s->boot.ms)};
        bool is_ahead = wall.unix_ms > reckoned.unix_ms + SLEW_MS;
        if (is_ahead && !s->is_held)
                s->held_since = boot;
        bool is_over = is_ahead && s->is_held && boot.ms - s->held_since.ms >= SWEEP_CLOCK_HOLD_MS;
        s->is_held = is_ahead && !is_over;
        s->wall = s->is_held ? reckoned : wall;
        s->boot = boot;
        return s->wall;
}
