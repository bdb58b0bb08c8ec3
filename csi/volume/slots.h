/* slots: which moment of its window a renewal takes. protocol.md §6 leaves a tenth of a life; a draw by lot alone puts twice the mean
 * into some second sooner or later, so a renewal goes where the fewest of this node's others are. The lot still decides among
 * equals: a volume that is alone renews exactly when its hash says.
 *
 * Pure. Slots lie on whole multiples of their length since the epoch, so that those of different windows are the same. */
#pragma once

#include "lib/base/clock.h"

#define RENEW_SLOTS_MAX 1024 /* a longer window has longer slots */

struct renew_slots {
        struct wall earliest, latest; /* of the window, both within */
        int64_t slot_ms, first;       /* number of the first slot */
        size_t count;
        uint16_t planned[RENEW_SLOTS_MAX];
};

/* Empty. earliest <= latest. */
void renew_slots_init(struct renew_slots *s, struct wall earliest, struct wall latest);
/* Another renewal is planned at `at`; one outside the window is nobody's business. */
void renew_slots_add(struct renew_slots *s, struct wall at);
/* The slot with the fewest; among equals the first from `drawn` on, going round. `drawn` itself when its slot is that one. */
struct wall renew_slots_choose(const struct renew_slots *s, struct wall drawn);
