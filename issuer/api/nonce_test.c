#include "issuer/api/nonce.h"
#include "tests/fakes/expect.h"

#define NOW_MS   1795456800000LL /* a full hour: 2026-11-23T18:00:00Z */
#define AUDIENCE "https://issuer.example"

static const uint8_t random_zero[NONCE_RANDOM_LEN];

static struct secret *master_of(uint8_t fill)
{
        struct secret *s = secret_new(MASTER_LEN);
        memset(secret_bytes(s), fill, MASTER_LEN);
        return s;
}

static struct fault *check_at(int64_t ms, struct span nonce, uint8_t fill, const char *audience)
{
        AUTO(secret) struct secret *master = master_of(fill);
        int64_t expires = 0;
        return nonce_check(master, audience, (struct wall){ms}, nonce, &expires);
}

static void make_at(int64_t ms, uint8_t nonce[NONCE_LEN])
{
        AUTO(secret) struct secret *master = master_of(7);
        nonce_make(master, AUDIENCE, (struct wall){ms}, random_zero, nonce);
}

static void good_until_its_last_millisecond(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN];
        make_at(NOW_MS, nonce);
        static const struct {
                const char *name;
                int64_t at_ms;
                const char *token; /* NULL: good */
        } rows[] = {
                {"at once", NOW_MS, NULL},
                {"a replica whose clock is late by what is allowed", NOW_MS - NONCE_AHEAD_MS, NULL},
                {"a replica whose clock is later than that", NOW_MS - NONCE_AHEAD_MS - 1, "nonce.future"},
                {"an hour early", NOW_MS - 3600000, "nonce.future"},
                {"last millisecond", NOW_MS + NONCE_LIFE_MS - 1, NULL},
                {"one more", NOW_MS + NONCE_LIFE_MS, "nonce.expired"},
                {"a day later", NOW_MS + 86400000, "nonce.expired"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct fault *f = check_at(rows[i].at_ms, SPAN_OF(nonce), 7, AUDIENCE);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

/* Made in the last millisecond of an hour, seen in the next: the key before is live. */
static void good_over_the_change_of_keys(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN];
        make_at(NOW_MS - 1, nonce);
        expect_ok(check_at(NOW_MS + 1000, SPAN_OF(nonce), 7, AUDIENCE));
}

static void expiry_is_told(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN];
        AUTO(secret) struct secret *master = master_of(7);
        int64_t expires = 0;
        make_at(NOW_MS, nonce);
        expect_ok(nonce_check(master, AUDIENCE, (struct wall){NOW_MS + 5}, SPAN_OF(nonce), &expires));
        assert_true(expires > (NOW_MS + NONCE_LIFE_MS) / 1000);
        assert_true(expires <= (NOW_MS + NONCE_LIFE_MS) / 1000 + 2);
}

static void others_are_foreign(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN];
        make_at(NOW_MS, nonce);
        expect_fault_row(check_at(NOW_MS, SPAN_OF(nonce), 8, AUDIENCE), FAULT_UNAUTHENTICATED, "nonce.foreign",
                         "another master");
        expect_fault_row(check_at(NOW_MS, SPAN_OF(nonce), 7, AUDIENCE "/2"), FAULT_UNAUTHENTICATED, "nonce.foreign",
                         "another issuer with the same master");
}

/* No byte of it can be changed. Version, hour and time contradict each other then, or the MAC doesn't fit. */
static void every_changed_byte_is_seen(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN];
        for (size_t i = 0; i < NONCE_LEN; i++) {
                make_at(NOW_MS, nonce);
                nonce[i] ^= 1;
                AUTO(fault) struct fault *f = check_at(NOW_MS, SPAN_OF(nonce), 7, AUDIENCE);
                assert_non_null(f);
                assert_true(strcmp(fault_token(f), "nonce.malformed") == 0 ||
                            strcmp(fault_token(f), "nonce.foreign") == 0);
        }
}

static void other_lengths_are_malformed(void **state)
{
        (void) state;
        uint8_t nonce[NONCE_LEN + 1] = {0};
        make_at(NOW_MS, nonce);
        static const size_t lengths[] = {0, 1, 29, NONCE_LEN - 1, NONCE_LEN + 1};
        for (size_t i = 0; i < COUNT_OF(lengths); i++)
                expect_fault(check_at(NOW_MS, span_make(nonce, lengths[i]), 7, AUDIENCE), FAULT_UNAUTHENTICATED,
                             "nonce.malformed");
}

static void derived_keys_differ_by_label(void **state)
{
        (void) state;
        AUTO(secret) struct secret *master = master_of(7);
        AUTO(secret)
        struct secret *a = master_derive(master, "a"), *b = master_derive(master, "b"),
                      *again = master_derive(master, "a");
        assert_false(secret_eq(a, secret_span(b)));
        assert_true(secret_eq(a, secret_span(again)));
        assert_false(secret_eq(a, secret_span(master)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_until_its_last_millisecond),
                cmocka_unit_test(good_over_the_change_of_keys),
                cmocka_unit_test(expiry_is_told),
                cmocka_unit_test(others_are_foreign),
                cmocka_unit_test(every_changed_byte_is_seen),
                cmocka_unit_test(other_lengths_are_malformed),
                cmocka_unit_test(derived_keys_differ_by_label),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
