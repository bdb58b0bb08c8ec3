#include "issuer/api/rate_limit.h"
#include "tests/fakes/expect.h"

#include <stdio.h>

static void burst_then_rate(void **state)
{
        (void) state;
        AUTO(rate_limit) struct rate_limit *r = rate_limit_new(/* per_second= */ 2, /* burst= */ 3);
        struct boot now = {1000};
        for (int i = 0; i < 3; i++)
                expect_ok(rate_limit_take(r, "a", now));
        AUTO(fault) struct fault *over = rate_limit_take(r, "a", now);
        assert_non_null(over);
        assert_string_equal(fault_token(over), "RATE_LIMITED");
        assert_int_equal(fault_code(over), FAULT_EXHAUSTED);
        assert_true(fault_retry_after_ms(over) >= 500 && fault_retry_after_ms(over) <= 501);

        now.ms += 499;
        expect_fault(rate_limit_take(r, "a", now), FAULT_EXHAUSTED, "RATE_LIMITED");
        now.ms += 1;
        expect_ok(rate_limit_take(r, "a", now));
        expect_fault(rate_limit_take(r, "a", now), FAULT_EXHAUSTED, "RATE_LIMITED");
}

static void waiting_long_fills_no_more_than_the_burst(void **state)
{
        (void) state;
        AUTO(rate_limit) struct rate_limit *r = rate_limit_new(100000, 3);
        struct boot now = {0};
        expect_ok(rate_limit_take(r, "a", now));
        now.ms = INT64_MAX / 2;
        for (int i = 0; i < 3; i++)
                expect_ok(rate_limit_take(r, "a", now));
        expect_fault(rate_limit_take(r, "a", now), FAULT_EXHAUSTED, "RATE_LIMITED");
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
        (void) state;
        AUTO(rate_limit) struct rate_limit *r = rate_limit_new(1, 1);
        expect_ok(rate_limit_take(r, "a", (struct boot){5000}));
        expect_fault(rate_limit_take(r, "a", (struct boot){1000}), FAULT_EXHAUSTED, "RATE_LIMITED");
}

static void neighbours_have_their_own(void **state)
{
        (void) state;
        AUTO(rate_limit) struct rate_limit *r = rate_limit_new(1, 1);
        struct boot now = {0};
        expect_ok(rate_limit_take(r, "a", now));
        expect_ok(rate_limit_take(r, "b", now));
        expect_fault(rate_limit_take(r, "a", now), FAULT_EXHAUSTED, "RATE_LIMITED");
}

/* A flood of fresh names pushes out full buckets first: one that is empty stays empty. */
static void a_flood_of_names_does_not_wash_an_empty_bucket_away(void **state)
{
        (void) state;
        AUTO(rate_limit) struct rate_limit *r = rate_limit_new(1, 10);
        struct boot now = {0};
        for (int i = 0; i < 10; i++)
                expect_ok(rate_limit_take(r, "greedy", now));
        for (int i = 0; i < 4 * RATE_SETS * RATE_WAYS; i++) {
                char name[32];
                (void) snprintf(name, sizeof name, "n%d", i); /* it fits */
                expect_ok(rate_limit_take(r, name, now));
        }
        expect_fault(rate_limit_take(r, "greedy", now), FAULT_EXHAUSTED, "RATE_LIMITED");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(burst_then_rate),
                cmocka_unit_test(waiting_long_fills_no_more_than_the_burst),
                cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
                cmocka_unit_test(neighbours_have_their_own),
                cmocka_unit_test(a_flood_of_names_does_not_wash_an_empty_bucket_away),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
