#include "csi/volume/planner.h"

#include <stdio.h>

#include "tests/fakes/expect.h"

#define ISSUED  1795456800 /* seconds */
#define BOOT_MS 1000000
#define NEVER   INT64_MAX

/* A credential of 600 s: renewal between 340 s and 400 s, overdue at 450 s, expired at 600 s. */
static struct planner_facts usual(void)
{
        return (struct planner_facts){
                .id = "csi-1",
                .generation = 1,
                .issued_unix_s = ISSUED,
                .not_after_unix_s = ISSUED + 600,
                .renewed_at = {INT64_MIN},
                .hold_until = {INT64_MIN},
                .status_state = VOLUME_FRESH,
        };
}

/* `at_s` seconds after the issue. */
static struct plan plan_at(const struct planner_facts *f, int64_t at_s)
{
        return planner_plan(f, wall_from_unix_s(ISSUED + at_s), (struct boot){BOOT_MS + at_s * 1000});
}

static const struct row {
        const char *name;
        int64_t at_s;
        enum volume_state told;
        bool waits_for_token, bundle_is_old, status_is_old, has_old;
        unsigned failures;
        enum renewal_class class;
        int64_t failed_at_s, retry_after_ms, reap_at_s, hold_until_s; /* after the issue */
        enum volume_state want;
        unsigned actions;
} rows[] = {
        {.name = "just issued", .at_s = 0, .told = VOLUME_FRESH, .want = VOLUME_FRESH},
        {.name = "before the earliest renewal", .at_s = 339, .told = VOLUME_FRESH, .want = VOLUME_FRESH},
        {.name = "two thirds", .at_s = 400, .told = VOLUME_FRESH, .want = VOLUME_FRESH, .actions = PLAN_RENEW},
        {.name = "a second before overdue",
         .at_s = 449,
         .told = VOLUME_FRESH,
         .want = VOLUME_FRESH,
         .actions = PLAN_RENEW},
        {.name = "overdue",
         .at_s = 450,
         .told = VOLUME_FRESH,
         .want = VOLUME_OVERDUE,
         .actions = PLAN_RENEW | PLAN_STATUS},
        {.name = "overdue and told",
         .at_s = 450,
         .told = VOLUME_OVERDUE,
         .want = VOLUME_OVERDUE,
         .actions = PLAN_RENEW},
        {.name = "a second before the end",
         .at_s = 599,
         .told = VOLUME_OVERDUE,
         .want = VOLUME_OVERDUE,
         .actions = PLAN_RENEW},
        {.name = "expired",
         .at_s = 600,
         .told = VOLUME_OVERDUE,
         .want = VOLUME_EXPIRED,
         .actions = PLAN_RENEW | PLAN_STATUS},
        {.name = "expired and told",
         .at_s = 6000,
         .told = VOLUME_EXPIRED,
         .want = VOLUME_EXPIRED,
         .actions = PLAN_RENEW},
        {.name = "no token", .at_s = 420, .told = VOLUME_FRESH, .waits_for_token = true, .want = VOLUME_FRESH},
        {.name = "no token, overdue",
         .at_s = 460,
         .told = VOLUME_FRESH,
         .waits_for_token = true,
         .want = VOLUME_OVERDUE,
         .actions = PLAN_STATUS},
        {.name = "failed just now",
         .at_s = 420,
         .told = VOLUME_FRESH,
         .failures = 1,
         .class = RENEWAL_FAILED,
         .failed_at_s = 420,
         .want = VOLUME_FRESH},
        {.name = "failed long enough ago",
         .at_s = 426,
         .told = VOLUME_FRESH,
         .failures = 1,
         .class = RENEWAL_FAILED,
         .failed_at_s = 420,
         .want = VOLUME_FRESH,
         .actions = PLAN_RENEW},
        {.name = "denied as long ago",
         .at_s = 426,
         .told = VOLUME_FRESH,
         .failures = 1,
         .class = RENEWAL_DENIED,
         .failed_at_s = 420,
         .want = VOLUME_FRESH},
        {.name = "asked to wait longer",
         .at_s = 426,
         .told = VOLUME_FRESH,
         .failures = 1,
         .class = RENEWAL_FAILED,
         .failed_at_s = 420,
         .retry_after_ms = 7000,
         .want = VOLUME_FRESH},
        {.name = "waited as asked",
         .at_s = 427,
         .told = VOLUME_FRESH,
         .failures = 1,
         .class = RENEWAL_FAILED,
         .failed_at_s = 420,
         .retry_after_ms = 7000,
         .want = VOLUME_FRESH,
         .actions = PLAN_RENEW},
        {.name = "newer bundle",
         .at_s = 10,
         .told = VOLUME_FRESH,
         .bundle_is_old = true,
         .want = VOLUME_FRESH,
         .actions = PLAN_BUNDLE},
        {.name = "new problem",
         .at_s = 10,
         .told = VOLUME_FRESH,
         .status_is_old = true,
         .want = VOLUME_FRESH,
         .actions = PLAN_STATUS},
        {.name = "readers' time runs",
         .at_s = 4,
         .told = VOLUME_FRESH,
         .has_old = true,
         .reap_at_s = 5,
         .want = VOLUME_FRESH},
        {.name = "readers' time is over",
         .at_s = 5,
         .told = VOLUME_FRESH,
         .has_old = true,
         .reap_at_s = 5,
         .want = VOLUME_FRESH,
         .actions = PLAN_REAP},
        {.name = "could not write",
         .at_s = 10,
         .told = VOLUME_FRESH,
         .bundle_is_old = true,
         .status_is_old = true,
         .has_old = true,
         .reap_at_s = 5,
         .hold_until_s = 11,
         .want = VOLUME_FRESH},
        {.name = "may write again",
         .at_s = 11,
         .told = VOLUME_FRESH,
         .bundle_is_old = true,
         .status_is_old = true,
         .has_old = true,
         .reap_at_s = 5,
         .hold_until_s = 11,
         .want = VOLUME_FRESH,
         .actions = PLAN_BUNDLE | PLAN_STATUS | PLAN_REAP},
        {.name = "renewals do not wait for writing",
         .at_s = 420,
         .told = VOLUME_FRESH,
         .hold_until_s = 500,
         .status_is_old = true,
         .want = VOLUME_FRESH,
         .actions = PLAN_RENEW},
};

static void plans(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct row *r = &rows[i];
                struct planner_facts f = usual();
                f.status_state = r->told;
                f.waits_for_token = r->waits_for_token;
                f.bundle_is_old = r->bundle_is_old;
                f.status_is_old = r->status_is_old;
                f.has_old_generations = r->has_old;
                f.failures = r->failures;
                f.last_class = r->class;
                f.failed_at = (struct boot){BOOT_MS + r->failed_at_s * 1000};
                f.retry_after_ms = r->retry_after_ms;
                f.reap_at = (struct boot){BOOT_MS + r->reap_at_s * 1000};
                if (r->hold_until_s != 0)
                        f.hold_until = (struct boot){BOOT_MS + r->hold_until_s * 1000};
                struct plan p = plan_at(&f, r->at_s);
                print_message("%s\n", r->name);
                assert_int_equal(p.state, r->want);
                assert_int_equal(p.actions, r->actions);
                int64_t now = BOOT_MS + r->at_s * 1000;
                if (p.actions != 0)
                        assert_int_equal(p.wake_at.ms, now);
                else
                        assert_true(p.wake_at.ms > now);
        }
}

/* Follows wake_at from the issue on: every change is met at its time, and there is no waking in between. */
static void wakes_exactly_when_something_changes(void **state)
{
        (void) state;
        struct planner_facts f = usual();
        f.waits_for_token = true;
        struct plan p = plan_at(&f, 0);
        assert_int_equal(p.wake_at.ms, BOOT_MS + 450000);
        f.status_state = VOLUME_OVERDUE;
        p = plan_at(&f, 450);
        assert_int_equal(p.wake_at.ms, BOOT_MS + 600000);
        f.status_state = VOLUME_EXPIRED;
        p = plan_at(&f, 600);
        assert_int_equal(p.wake_at.ms, NEVER); /* kubelet's token is all that could change it */

        f = usual();
        p = plan_at(&f, 0);
        assert_int_equal(p.wake_at.ms - BOOT_MS, p.renew_at.unix_ms - INT64_C(1000) * ISSUED);
}

static void renews_within_its_window(void **state)
{
        (void) state;
        static const int64_t lives[] = {20, 60, 300, 600, 3600, 86400, 7 * 86400};
        for (size_t i = 0; i < COUNT_OF(lives); i++) {
                int64_t life_ms = lives[i] * 1000;
                for (uint64_t generation = 0; generation < 200; generation++) {
                        struct wall at = planner_renew_at("csi-1", generation, ISSUED, ISSUED + lives[i]);
                        int64_t after = at.unix_ms - INT64_C(1000) * ISSUED;
                        assert_true(after <= life_ms * 2 / 3);
                        assert_true(after >= life_ms * 2 / 3 - life_ms / 10 - 2);
                        struct wall again = planner_renew_at("csi-1", generation, ISSUED, ISSUED + lives[i]);
                        assert_int_equal(at.unix_ms, again.unix_ms);
                }
        }
}

/* 10,000 volumes whose credentials were issued in the same second: in no second twice the mean of the window. */
static void spreads_a_storm(void **state)
{
        (void) state;
        static const int64_t lives[] = {20, 300, 600, 3600};
        static unsigned per_second[4000];
        for (size_t i = 0; i < COUNT_OF(lives); i++) {
                memset(per_second, 0, sizeof(per_second));
                int64_t window_s = lives[i] / 10;
                unsigned most = 0;
                for (int v = 0; v < 10000; v++) {
                        char id[32];
                        (void) snprintf(id, sizeof(id), "csi-%d", v);
                        struct wall at = planner_renew_at(id, 1, ISSUED, ISSUED + lives[i]);
                        size_t second = (size_t) (wall_unix_s(at) - ISSUED);
                        per_second[second]++;
                        most = per_second[second] > most ? per_second[second] : most;
                }
                print_message("life %lld s: mean %lld, most %u a second\n", (long long) lives[i],
                              (long long) (10000 / window_s), most);
                assert_true(most <= 2 * 10000 / (unsigned) window_s);
        }
}

/* The same volumes over ten lives, each drawing a new jitter per generation: no ten seconds have twice the mean. */
static void stays_spread(void **state)
{
        (void) state;
        static unsigned per_ten[700];
        const int64_t life_s = 600;
        memset(per_ten, 0, sizeof(per_ten));
        unsigned total = 0, most = 0;
        for (int v = 0; v < 10000; v++) {
                char id[32];
                (void) snprintf(id, sizeof(id), "csi-%d", v);
                int64_t issued = ISSUED + v * life_s / 10000; /* volumes come over one life, not in one second */
                for (uint64_t generation = 1; issued < ISSUED + 7000; generation++) {
                        issued = wall_unix_s(planner_renew_at(id, generation, issued, issued + life_s));
                        if (issued >= ISSUED + 2000 && issued < ISSUED + 7000) {
                                per_ten[(issued - ISSUED) / 10]++;
                                total++;
                        }
                }
        }
        for (size_t i = 200; i < 700; i++)
                most = per_ten[i] > most ? per_ten[i] : most;
        print_message("mean %u, most %u in ten seconds\n", total / 500, most);
        assert_true(most <= 2 * total / 500);
}

static const struct wait_row {
        const char *name;
        int64_t life_s;
        enum renewal_class class;
        unsigned failures;
        int64_t retry_after_ms, min_ms, max_ms;
} waits[] = {
        {"none", 3600, RENEWAL_FAILED, 0, 0, 0, 0},
        {"not ready, first", 3600, RENEWAL_NOT_READY, 1, 0, 500, 1000},
        {"not ready, third", 3600, RENEWAL_NOT_READY, 3, 0, 2000, 4000},
        {"not ready, cap", 3600, RENEWAL_NOT_READY, 30, 0, 15000, 30000},
        {"failed, first", 3600, RENEWAL_FAILED, 1, 0, 2500, 5000},
        {"failed, cap", 3600, RENEWAL_FAILED, 4000000000u, 0, 150000, 300000},
        {"denied, first", 3600, RENEWAL_DENIED, 1, 0, 15000, 30000},
        {"denied, cap of an hour's life", 3600, RENEWAL_DENIED, 20, 0, 180000, 360000},
        {"denied, cap of a day's life", 86400, RENEWAL_DENIED, 20, 0, 450000, 900000},
        {"denied, life of 20 s", 20, RENEWAL_DENIED, 1, 0, 500, 1000},
        {"denied, life of 20 s, cap", 20, RENEWAL_DENIED, 9, 0, 1000, 2000},
        {"life of 1 s", 1, RENEWAL_FAILED, 9, 0, 125, 250},
        {"no life known", 0, RENEWAL_FAILED, 1, 0, 2500, 5000},
        {"asked to wait", 3600, RENEWAL_FAILED, 1, 60000, 60000, 60000},
        {"asked to wait for ever", 3600, RENEWAL_FAILED, 1, INT64_MAX, 600000, 600000},
        {"asked to wait negatively", 3600, RENEWAL_FAILED, 1, -5, 2500, 5000},
};

static void waits_by_class(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(waits); i++) {
                struct planner_facts f = usual();
                f.not_after_unix_s = f.issued_unix_s + waits[i].life_s;
                f.failures = waits[i].failures;
                f.last_class = waits[i].class;
                f.retry_after_ms = waits[i].retry_after_ms;
                int64_t wait = planner_backoff_ms(&f);
                print_message("%s: %lld ms\n", waits[i].name, (long long) wait);
                assert_true(wait >= waits[i].min_ms && wait <= waits[i].max_ms);
        }
}

static void never_asks_in_a_loop(void **state)
{
        (void) state;
        struct planner_facts f = usual();
        f.renewed_at = (struct boot){BOOT_MS + 500000}; /* renewed at 500 s, and what came is as old as before */
        assert_int_equal(plan_at(&f, 500).actions & PLAN_RENEW, 0);
        assert_int_equal(plan_at(&f, 529).actions & PLAN_RENEW, 0);
        assert_int_equal(plan_at(&f, 530).actions & PLAN_RENEW, PLAN_RENEW);
}

static void follows_the_wall_clock(void **state)
{
        (void) state;
        struct planner_facts f = usual();
        struct boot boot = {BOOT_MS};
        assert_int_equal(planner_plan(&f, wall_from_unix_s(ISSUED), boot).actions, 0);
        assert_int_equal(planner_plan(&f, wall_from_unix_s(ISSUED + 400), boot).actions, PLAN_RENEW);
        assert_int_equal(planner_plan(&f, wall_from_unix_s(ISSUED + 600), boot).state, VOLUME_EXPIRED);
        struct plan back = planner_plan(&f, wall_from_unix_s(ISSUED - 86400), boot);
        assert_int_equal(back.state, VOLUME_FRESH);
        assert_true(back.wake_at.ms >= BOOT_MS + 86400000);
        struct plan extremes = planner_plan(&f, (struct wall){INT64_MIN / 2}, (struct boot){INT64_MAX - 5});
        assert_int_equal(extremes.wake_at.ms, NEVER);

        struct wall wall = {5000};
        assert_false(planner_clock_stepped(wall, boot, (struct wall){15000}, (struct boot){BOOT_MS + 10000}));
        assert_false(planner_clock_stepped(wall, boot, (struct wall){16000}, (struct boot){BOOT_MS + 10000}));
        assert_true(planner_clock_stepped(wall, boot, (struct wall){16001}, (struct boot){BOOT_MS + 10000}));
        assert_true(planner_clock_stepped(wall, boot, (struct wall){13999}, (struct boot){BOOT_MS + 10000}));
}

static void damaged_is_expired_and_due(void **state)
{
        (void) state;
        struct planner_facts f = usual();
        f.issued_unix_s = f.not_after_unix_s = 0;
        struct plan p = plan_at(&f, 0);
        assert_int_equal(p.state, VOLUME_EXPIRED);
        assert_int_equal(p.actions, PLAN_RENEW | PLAN_STATUS);
}

static void classes_of_codes(void **state)
{
        (void) state;
        assert_int_equal(renewal_class_of(FAULT_DENIED), RENEWAL_DENIED);
        assert_int_equal(renewal_class_of(FAULT_UNAUTHENTICATED), RENEWAL_DENIED);
        assert_int_equal(renewal_class_of(FAULT_INVALID), RENEWAL_DENIED);
        assert_int_equal(renewal_class_of(FAULT_PRECONDITION), RENEWAL_NOT_READY);
        assert_int_equal(renewal_class_of(FAULT_EXHAUSTED), RENEWAL_NOT_READY);
        assert_int_equal(renewal_class_of(FAULT_UNAVAILABLE), RENEWAL_FAILED);
        assert_int_equal(renewal_class_of(FAULT_DEADLINE), RENEWAL_FAILED);
        assert_int_equal(renewal_class_of(FAULT_INTERNAL), RENEWAL_FAILED);
        assert_string_equal(renewal_class_name(RENEWAL_DENIED), "denied");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plans),
                cmocka_unit_test(wakes_exactly_when_something_changes),
                cmocka_unit_test(renews_within_its_window),
                cmocka_unit_test(spreads_a_storm),
                cmocka_unit_test(stays_spread),
                cmocka_unit_test(waits_by_class),
                cmocka_unit_test(never_asks_in_a_loop),
                cmocka_unit_test(follows_the_wall_clock),
                cmocka_unit_test(damaged_is_expired_and_due),
                cmocka_unit_test(classes_of_codes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
