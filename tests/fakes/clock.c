#include "tests/fakes/clock.h"

static struct wall fake_wall(void *self)
{
        struct fake_clock *c = self;
        return (struct wall){atomic_load(&c->wall_unix_ms)};
}

static struct boot fake_boot(void *self)
{
        struct fake_clock *c = self;
        return (struct boot){atomic_load(&c->boot_ms)};
}

void fake_clock_init(struct fake_clock *c, int64_t wall_unix_ms, int64_t boot_ms)
{
        c->clock = (struct clock){fake_wall, fake_boot, c};
        atomic_init(&c->wall_unix_ms, wall_unix_ms);
        atomic_init(&c->boot_ms, boot_ms);
}

void fake_clock_advance_ms(struct fake_clock *c, int64_t ms)
{
        atomic_fetch_add(&c->boot_ms, ms);
        atomic_fetch_add(&c->wall_unix_ms, ms);
}

void fake_clock_step_wall_ms(struct fake_clock *c, int64_t ms)
{
        atomic_fetch_add(&c->wall_unix_ms, ms);
}
