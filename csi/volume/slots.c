#include "csi/volume/slots.h"

#include "lib/base/auto.h"

#define SECOND_MS    1000
#define SHORT_SLOTS  16 /* of a window that lasts only seconds */
#define SHORT_MAX_MS (SHORT_SLOTS * SECOND_MS)

static int64_t slot_length_ms(int64_t window_ms)
{
        if (window_ms < SHORT_MAX_MS)
                return window_ms / SHORT_SLOTS + 1;
        int64_t seconds = window_ms / SECOND_MS / (RENEW_SLOTS_MAX - 1) + 1; /* one more is cut at the ends */
        return seconds * SECOND_MS;
}

static int64_t number_of(const struct renew_slots *s, struct wall at)
{
        return at.unix_ms / s->slot_ms;
}

void renew_slots_init(struct renew_slots *s, struct wall earliest, struct wall latest)
{
        *s = (struct renew_slots){.earliest = earliest, .latest = latest};
        s->slot_ms = slot_length_ms(latest.unix_ms - earliest.unix_ms);
        s->first = number_of(s, earliest);
        s->count = (size_t) (number_of(s, latest) - s->first + 1);
}

static bool is_within(const struct renew_slots *s, int64_t slot)
{
        return slot >= s->first && slot - s->first < (int64_t) s->count;
}

void renew_slots_add(struct renew_slots *s, struct wall at)
{
        if (at.unix_ms < s->first * s->slot_ms || at.unix_ms >= (s->first + (int64_t) s->count) * s->slot_ms)
                return; /* most are: no division for them */
        int64_t slot = number_of(s, at);
        if (s->planned[slot - s->first] < UINT16_MAX)
                s->planned[slot - s->first]++;
}

/* At the same distance from its slot's start as `drawn` from its own; the ends of the window cut slots. */
static struct wall moved(const struct renew_slots *s, struct wall drawn, size_t slot)
{
        int64_t at = (s->first + (int64_t) slot) * s->slot_ms + drawn.unix_ms % s->slot_ms;
        if (at < s->earliest.unix_ms)
                at = s->earliest.unix_ms;
        if (at > s->latest.unix_ms)
                at = s->latest.unix_ms;
        return (struct wall){at};
}

struct wall renew_slots_choose(const struct renew_slots *s, struct wall drawn)
{
        int64_t slot = number_of(s, drawn);
        if (!is_within(s, slot))
                return drawn;
        size_t own = (size_t) (slot - s->first), best = own;
        for (size_t i = 1; i < s->count; i++) {
                size_t next = (own + i) % s->count;
                if (s->planned[next] < s->planned[best])
                        best = next;
        }
        return best == own ? drawn : moved(s, drawn, best);
}
