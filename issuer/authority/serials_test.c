#include "issuer/authority/serials.h"

#include "tests/fakes/expect.h"

static void number(uint32_t n, uint8_t ret[16])
{
        memset(ret, 0, 16);
        memcpy(ret, &n, sizeof(n));
        uint32_t spread = n % 100; /* few buckets: chains are long */
        memcpy(ret + 12, &spread, sizeof(spread));
}

static void knows_the_last_ones(void **state UNUSED)
{
        struct serials *s = serials_new();
        uint8_t serial[16];
        number(7, serial);
        assert_false(serials_have(s, serial));
        for (uint32_t i = 0; i < SERIALS_KEPT + 500; i++) {
                number(i, serial);
                serials_add(s, serial);
        }
        static const struct {
                uint32_t n;
                bool known;
        } rows[] = {{0, false},
                    {499, false},
                    {500, true},
                    {501, true},
                    {9999, true},
                    {SERIALS_KEPT + 499, true},
                    {SERIALS_KEPT + 500, false}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                number(rows[i].n, serial);
                if (serials_have(s, serial) != rows[i].known)
                        fail_msg("%u", rows[i].n);
        }
        serials_free(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(knows_the_last_ones)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
