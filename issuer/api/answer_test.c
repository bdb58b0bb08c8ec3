/* Who counts as one client. */
#include "issuer/api/answer.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

static bool is_admitted(const struct api *a, const char *remote, uint8_t key)
{
        struct httpd_request q = {.remote = remote, .has_client_spki = key != 0, .client_spki_sha256 = {key}};
        AUTO(fault) struct fault *refused = answer_admit(a, &q);
        assert_true(refused == NULL || strcmp(fault_token(refused), "RATE_LIMITED") == 0);
        return refused == NULL;
}

/* Each row's second request comes when the first one has used up its share. */
static void clients_are_told_apart(void **state UNUSED)
{
        static const struct {
                const char *name, *first, *second;
                uint8_t first_key, second_key;
                bool admitted;
        } rows[] = {
                {"the same address", "192.0.2.1", "192.0.2.1", 0, 0, false},
                {"a neighbour", "192.0.2.1", "192.0.2.2", 0, 0, true},
                {"the same key from elsewhere", "192.0.2.1", "192.0.2.2", 5, 5, false},
                {"another key of the address", "192.0.2.1", "192.0.2.1", 5, 6, true},
                {"another key that shares its bucket", "192.0.2.1", "192.0.2.1", 5, 21, false},
                {"another host of a /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 0, 0, false},
                {"another /64", "2001:db8:1:2::1", "2001:db8:1:3::1", 0, 0, true},
                {"IPv4 mapped", "::ffff:192.0.2.1", "::ffff:192.0.2.2", 0, 0, true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct fake_clock time;
                fake_clock_init(&time, 1795456800000, 5000);
                AUTO(rate_limit) struct rate_limit *rates = rate_limit_new(1, 1);
                const struct api a = {.clock = &time.clock, .rates = rates};
                assert_true(is_admitted(&a, rows[i].first, rows[i].first_key));
                if (is_admitted(&a, rows[i].second, rows[i].second_key) != rows[i].admitted)
                        fail_msg("%s", rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(clients_are_told_apart)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
