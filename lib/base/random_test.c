#include "lib/base/random.h"

#include <string.h>

#include "tests/fakes/expect.h"

static void fills_exactly_what_it_was_given(void **state UNUSED)
{
        /* over 256 bytes getrandom may be interrupted half-way */
        static unsigned char bytes[100000 + 1];
        bytes[sizeof(bytes) - 1] = 0xaa;
        random_bytes(bytes, sizeof(bytes) - 1);
        assert_int_equal(bytes[sizeof(bytes) - 1], 0xaa);
        unsigned seen[256] = {0};
        for (size_t i = 0; i < sizeof(bytes) - 1; i++)
                seen[bytes[i]]++;
        for (size_t i = 0; i < 256; i++)
                assert_in_range(seen[i], 200, 600); /* 390 expected, 20 a standard deviation */
        random_bytes(NULL, 0);
}

static void is_different_each_time(void **state UNUSED)
{
        unsigned char a[16] = {0}, b[16] = {0};
        random_bytes(a, sizeof(a));
        random_bytes(b, sizeof(b));
        assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fills_exactly_what_it_was_given),
                cmocka_unit_test(is_different_each_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
