/* renewals: 10,000 volumes and a clock that jumps from one timer to the next: how evenly do their renewals lie, and what does planning
 * them cost? The planner, the slots and the heap are the node plugin's own; nothing is mounted or asked of anybody.
 *
 * Cases: all on one node with lives of ten minutes and of an hour, come over one life; the same after a storm (all in one second),
 * which spreads by a tenth of a life each time; and on forty nodes that do not know of one another. "promised": no second has more than
 * twice the mean. Prints one JSON object. */
#include <stdio.h>
#include <time.h>

#include "csi/volume/heap.h"
#include "csi/volume/planner.h"

#define VOLUMES   10000
#define START_S   1795456800
#define SECONDS   24000
#define ID_LEN    72
#define MEASURED  3 /* lives */
#define TIMER_MIN INT64_MIN

struct volume {
        struct heap_item timer;
        char id[ID_LEN];
        struct planner_facts facts;
        struct wall renew_at;
};
struct simulation {
        const char *name;
        int64_t life_s;
        size_t nodes;
        bool is_storm, is_promised;
        int64_t warm_up_lives;
};
static struct volume volumes[VOLUMES];
static unsigned per_second[SECONDS];

static int64_t cpu_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* A new generation, now: as content_write and volume_replan do. */
static void renew(const struct simulation *s, struct heap *heap, size_t at, struct wall now)
{
        struct volume *v = &volumes[at];
        struct planner_facts *f = &v->facts;
        struct boot boot = {now.unix_ms - (int64_t) START_S * 1000};
        static struct renew_slots slots;
        f->generation++;
        f->issued_unix_s = wall_unix_s(now);
        f->not_after_unix_s = f->issued_unix_s + s->life_s;
        f->renewed_at = boot;
        planner_window(f->issued_unix_s, f->not_after_unix_s, &slots);
        for (size_t other = at % s->nodes; other < VOLUMES; other += s->nodes)
                renew_slots_add(&slots, volumes[other].renew_at);
        f->chosen = renew_slots_choose(&slots,
                                       planner_renew_at(v->id, f->generation, f->issued_unix_s, f->not_after_unix_s));
        struct plan p = planner_plan(f, now, boot);
        v->renew_at = p.renew_at;
        heap_put(heap, &v->timer, p.wake_at);
}

static void begin(const struct simulation *s, struct heap *heap)
{
        for (size_t i = 0; i < VOLUMES; i++) {
                struct volume *v = &volumes[i];
                *v = (struct volume){0};
                (void) snprintf(v->id, sizeof v->id, "csi-%064zu", i);
                v->facts = (struct planner_facts){.id = v->id,
                                                  .renewed_at = {TIMER_MIN},
                                                  .hold_until = {TIMER_MIN},
                                                  .status_state = VOLUME_FRESH};
        }
        for (size_t i = 0; i < VOLUMES; i++) {
                int64_t after_ms = s->is_storm ? 0 : (int64_t) i * s->life_s * 1000 / VOLUMES;
                renew(s, heap, i, (struct wall){(int64_t) START_S * 1000 + after_ms});
        }
}

static void simulate(const struct simulation *s, bool is_last)
{
        AUTO(heap) struct heap heap = {0};
        int64_t from_s = s->warm_up_lives * s->life_s, until_s = from_s + MEASURED * s->life_s, renewals = 0;
        unsigned total = 0, most = 0;
        memset(per_second, 0, sizeof per_second);
        int64_t began = cpu_us();
        begin(s, &heap);
        for (struct heap_item *next = heap_first(&heap); next->at.ms < until_s * 1000; next = heap_first(&heap)) {
                struct volume *v = CONTAINER_OF(next, struct volume, timer);
                int64_t second = next->at.ms / 1000;
                if (second >= from_s && second < until_s)
                        per_second[second]++;
                renew(s, &heap, (size_t) (v - volumes), (struct wall){next->at.ms + (int64_t) START_S * 1000});
                renewals++;
        }
        int64_t took = cpu_us() - began;
        for (int64_t i = from_s; i < until_s; i++) {
                total += per_second[i];
                most = per_second[i] > most ? per_second[i] : most;
        }
        double mean = (double) total / (double) (until_s - from_s);
        printf("\"%s\":{\"mean_per_s\":%.2f,\"worst_to_mean\":%.2f,\"cpu_us_per_renewal\":%.1f,\"promised\":%s}%s",
               s->name, mean, most / mean, (double) took / (double) (renewals + VOLUMES),
               s->is_promised ? "true" : "false", is_last ? "" : ",");
}

int main(void)
{
        static const struct simulation simulations[] = {
                {"10000, 600 s lives", 600, 1, false, true, 2},
                {"10000, 1 h lives", 3600, 1, false, true, 2},
                {"10000 after a storm, 600 s lives, 1st life", 600, 1, true, false, 0},
                {"10000 after a storm, 600 s lives, 9 lives on", 600, 1, true, false, 9},
                {"40 nodes of 250, 600 s lives", 600, 40, false, false, 2},
        };
        printf("{");
        for (size_t i = 0; i < COUNT_OF(simulations); i++)
                simulate(&simulations[i], i + 1 == COUNT_OF(simulations));
        printf("}\n");
        return 0;
}
