#include "csi/volume/slots.h"

#include <stdio.h>

#include "csi/volume/planner.h"
#include "tests/fakes/expect.h"

#define START 1795456800000 /* a whole second */

static struct renew_slots slots;

static struct wall at(int64_t ms)
{
        return (struct wall){START + ms};
}

static void alone_it_is_as_drawn(void **state UNUSED)
{
        static const int64_t windows[] = {0, 1, 999, 2000, 15999, 16000, 60000, 360000, 8640000};
        for (size_t i = 0; i < COUNT_OF(windows); i++) {
                renew_slots_init(&slots, at(0), at(windows[i]));
                assert_true(slots.count >= 1 && slots.count <= RENEW_SLOTS_MAX);
                for (int64_t draw = 0; draw <= windows[i]; draw += windows[i] / 7 + 1)
                        assert_int_equal(renew_slots_choose(&slots, at(draw)).unix_ms, at(draw).unix_ms);
        }
}

static void goes_where_the_fewest_are(void **state UNUSED)
{
        renew_slots_init(&slots, at(0), at(20000));
        for (int64_t second = 0; second < 20; second++)
                renew_slots_add(&slots, at(second * 1000 + 500));
        renew_slots_add(&slots, at(20000));
        renew_slots_add(&slots, at(-1)); /* outside, before and after: not counted */
        renew_slots_add(&slots, at(21000));
        assert_int_equal(renew_slots_choose(&slots, at(7300)).unix_ms, at(7300).unix_ms); /* all are equal */
        renew_slots_add(&slots, at(7300));
        assert_int_equal(renew_slots_choose(&slots, at(7300)).unix_ms, at(8300).unix_ms); /* the next one */
        for (int64_t second = 8; second <= 20; second++)
                renew_slots_add(&slots, at(second * 1000));
        assert_int_equal(renew_slots_choose(&slots, at(7300)).unix_ms, at(300).unix_ms); /* round the end */
}

static void stays_within_the_window(void **state UNUSED)
{
        renew_slots_init(&slots, at(700), at(20400)); /* the ends lie within slots */
        assert_int_equal(slots.count, 21);
        for (int64_t second = 1; second <= 20; second++)
                renew_slots_add(&slots, at(second * 1000));
        assert_int_equal(renew_slots_choose(&slots, at(9300)).unix_ms, at(700).unix_ms);
        renew_slots_add(&slots, at(700));
        for (int64_t second = 1; second < 20; second++)
                renew_slots_add(&slots, at(second * 1000));
        renew_slots_add(&slots, at(900));
        assert_int_equal(renew_slots_choose(&slots, at(9800)).unix_ms, at(20400).unix_ms);
}

static void counts_do_not_wrap(void **state UNUSED)
{
        renew_slots_init(&slots, at(0), at(20000));
        for (int64_t i = 0; i < UINT16_MAX + 10; i++)
                renew_slots_add(&slots, at(3000));
        assert_int_equal(slots.planned[3], UINT16_MAX);
}

/* A node's 3,000 volumes, come over one life, through ten more: no second has twice the mean. */
static void keeps_every_second_near_the_mean(void **state UNUSED)
{
        enum { VOLUMES = 3000, LIFE_S = 600, MEASURED_S = 4000 };
        static struct volume_time {
                int64_t issued_s;
                uint64_t generation;
                struct wall renew_at;
        } volumes[VOLUMES];
        static unsigned per_second[MEASURED_S];
        unsigned total = 0, most = 0;
        for (size_t i = 0; i < VOLUMES; i++) {
                volumes[i].issued_s = START / 1000 + (int64_t) i * LIFE_S / VOLUMES;
                volumes[i].renew_at = (struct wall){volumes[i].issued_s * 1000};
        }
        for (int64_t second = 0; second < 2000 + MEASURED_S; second++) {
                for (size_t i = 0; i < VOLUMES; i++) {
                        struct volume_time *v = &volumes[i];
                        char id[32];
                        if (v->renew_at.unix_ms >= START + (second + 1) * 1000)
                                continue;
                        if (second >= 2000)
                                per_second[second - 2000]++;
                        (void) snprintf(id, sizeof(id), "csi-%zu", i);
                        v->issued_s = wall_unix_s(v->renew_at);
                        planner_window(v->issued_s, v->issued_s + LIFE_S, &slots);
                        for (size_t other = 0; other < VOLUMES; other++)
                                renew_slots_add(&slots, volumes[other].renew_at);
                        v->renew_at = renew_slots_choose(
                                &slots, planner_renew_at(id, ++v->generation, v->issued_s, v->issued_s + LIFE_S));
                }
        }
        for (size_t i = 0; i < MEASURED_S; i++) {
                total += per_second[i];
                most = per_second[i] > most ? per_second[i] : most;
        }
        print_message("mean %.2f, most %u a second\n", (double) total / MEASURED_S, most);
        assert_true(most * MEASURED_S <= 2 * total);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(alone_it_is_as_drawn),
                cmocka_unit_test(goes_where_the_fewest_are),
                cmocka_unit_test(stays_within_the_window),
                cmocka_unit_test(counts_do_not_wrap),
                cmocka_unit_test(keeps_every_second_near_the_mean),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
