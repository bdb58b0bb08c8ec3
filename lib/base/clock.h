/* clock: "now" is an argument.
 *
 * Wall time and boot time have different types so that they can't be mixed. Wall time (UTC) is for dates that others
 * see; boot time (CLOCK_BOOTTIME: monotonic, counts suspend) is for deadlines and timers. Pure functions take a
 * `struct wall` or `struct boot`; programs pass &clock_system down; tests pass tests/fakes/clock.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"

struct wall {
        int64_t unix_ms;
};
struct boot {
        int64_t ms;
};

struct clock {
        struct wall (*wall)(void *self);
        struct boot (*boot)(void *self);
        void *self;
};
extern const struct clock clock_system;

static inline struct wall clock_wall(const struct clock *c)
{
        return c->wall(c->self);
}
static inline struct boot clock_boot(const struct clock *c)
{
        return c->boot(c->self);
}
static inline int64_t wall_unix_s(struct wall w)
{
        return w.unix_ms / 1000;
}
static inline struct wall wall_from_unix_s(int64_t s)
{
        return (struct wall){s * 1000};
}

/* The head of a name that a table is sorted by: Unix seconds and 256ths of one, big-endian. What is made together lies together. */
#define CLOCK_HEAD_LEN 5
void clock_head(struct wall w, uint8_t ret[CLOCK_HEAD_LEN]);

/* RFC 3339, UTC, seconds: "2026-11-23T18:00:00Z". */
#define WALL_TEXT_LEN 20
void wall_format(struct wall w, char ret_text[WALL_TEXT_LEN + 1]);
/* Exactly that form, or with a fraction or a numeric offset; FAULT_INVALID "BAD_TIME". */
struct fault *wall_parse(struct span text, struct wall *ret) MUST_USE;
