/* Budgets and pauses, in boot time that a test makes up. */
#include "issuer/endorse/pace.h"

#include "tests/fakes/expect.h"

static struct boot at(int64_t ms)
{
        return (struct boot){ms};
}

static void a_burst_and_then_one_per_interval(void **state)
{
        (void) state;
        struct pace p = {.interval_ms = 10000, .burst = 3};
        for (int i = 0; i < 3; i++) {
                assert_int_equal(pace_wait_ms(&p, at(5000)), 0);
                pace_spend(&p, at(5000));
        }
        assert_int_equal(pace_wait_ms(&p, at(5000)), 10000);
        assert_int_equal(pace_wait_ms(&p, at(14999)), 1);
        assert_int_equal(pace_wait_ms(&p, at(15000)), 0);
        pace_spend(&p, at(15000));
        assert_int_equal(pace_wait_ms(&p, at(15000)), 10000);
        for (int i = 0; i < 3; i++) { /* after a long rest there is the whole burst, and no more */
                assert_int_equal(pace_wait_ms(&p, at(900000)), 0);
                pace_spend(&p, at(900000));
        }
        assert_int_equal(pace_wait_ms(&p, at(900000)), 10000);
}

static void no_interval_is_no_limit(void **state)
{
        (void) state;
        struct pace p = {.interval_ms = 0, .burst = 1};
        for (int i = 0; i < 100; i++) {
                assert_int_equal(pace_wait_ms(&p, at(1)), 0);
                pace_spend(&p, at(1));
        }
}

static void pauses_double_to_a_limit(void **state)
{
        (void) state;
        struct pace p = {.interval_ms = 0, .burst = 1};
        int64_t wanted = PACE_PAUSE_FIRST_MS;
        for (int i = 0; i < 40; i++) {
                pace_trouble(&p, at(1000), 0, 0);
                assert_int_equal(pace_wait_ms(&p, at(1000)), wanted);
                wanted = 2 * wanted < PACE_PAUSE_MAX_MS ? 2 * wanted : PACE_PAUSE_MAX_MS;
        }
        assert_int_equal(p.failures, 40);
        pace_fine(&p);
        assert_int_equal(pace_wait_ms(&p, at(1000)), 0);
        pace_trouble(&p, at(1000), 0, 0);
        assert_int_equal(pace_wait_ms(&p, at(1000)), PACE_PAUSE_FIRST_MS);
}

static void retry_after_is_honoured(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                int64_t retry_after_ms;
                uint32_t random;
                int64_t least, most;
        } rows[] = {
                {"longer than the pause", 30000, 0, 30000, 30000},
                {"shorter", 10, 0, PACE_PAUSE_FIRST_MS, PACE_PAUSE_FIRST_MS},
                {"with jitter", 30000, 1023, 30001, 37500},
                {"a day is too long", 24LL * 3600 * 1000, 0, PACE_RETRY_AFTER_MAX_MS, PACE_RETRY_AFTER_MAX_MS},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct pace p = {.interval_ms = 0, .burst = 1};
                pace_trouble(&p, at(0), rows[i].retry_after_ms, rows[i].random);
                int64_t wait = pace_wait_ms(&p, at(0));
                if (wait < rows[i].least || wait > rows[i].most)
                        fail_msg("%s: %lld", rows[i].name, (long long) wait);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_burst_and_then_one_per_interval),
                cmocka_unit_test(no_interval_is_no_limit),
                cmocka_unit_test(pauses_double_to_a_limit),
                cmocka_unit_test(retry_after_is_honoured),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
