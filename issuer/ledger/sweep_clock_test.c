#include "issuer/ledger/sweep_clock.h"
#include "tests/fakes/expect.h"

#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)
#define START_MS  1795456800000LL

/* Each row goes on from the one before; times are relative to the start. */
static void a_jump_ahead_counts_when_it_lasts(void **state UNUSED)
{
        static const struct {
                const char *name;
                int64_t wall_ms, boot_ms, believed_ms;
        } rows[] = {
                {"a minute later", MINUTE_MS, MINUTE_MS, MINUTE_MS},
                {"slewed a little", 2 * MINUTE_MS + 1500, 2 * MINUTE_MS, 2 * MINUTE_MS + 1500},
                {"an hour ahead", HOUR_MS, 3 * MINUTE_MS, 3 * MINUTE_MS + 1500},
                {"still, nine minutes later", HOUR_MS + 9 * MINUTE_MS, 12 * MINUTE_MS, 12 * MINUTE_MS + 1500},
                {"set right again", 13 * MINUTE_MS, 13 * MINUTE_MS, 13 * MINUTE_MS},
                {"an hour ahead once more", HOUR_MS, 14 * MINUTE_MS, 14 * MINUTE_MS},
                {"a millisecond short of ten minutes", HOUR_MS + 10 * MINUTE_MS - 1, 24 * MINUTE_MS - 1,
                 24 * MINUTE_MS - 1},
                {"ten minutes: it is so", HOUR_MS + 10 * MINUTE_MS, 24 * MINUTE_MS, HOUR_MS + 10 * MINUTE_MS},
                {"back counts at once", -HOUR_MS, 25 * MINUTE_MS, -HOUR_MS},
                {"and forward from there", MINUTE_MS - HOUR_MS, 26 * MINUTE_MS, MINUTE_MS - HOUR_MS},
        };
        struct sweep_clock s;
        sweep_clock_init(&s, (struct wall){START_MS}, (struct boot){5000});
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct wall now = sweep_clock_now(&s, (struct wall){START_MS + rows[i].wall_ms},
                                                  (struct boot){5000 + rows[i].boot_ms});
                if (now.unix_ms != START_MS + rows[i].believed_ms)
                        fail_msg("%s: %lld", rows[i].name, (long long) (now.unix_ms - START_MS));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_jump_ahead_counts_when_it_lasts)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
