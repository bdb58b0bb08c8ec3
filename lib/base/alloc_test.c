#include "lib/base/auto.h"

#include <fcntl.h>
#include <string.h>

#include "tests/fakes/expect.h"

static int freed;

struct thing {
        int number;
};
static void thing_free(struct thing *t)
{
        freed += t != NULL;
        free(t);
}
DEFINE_AUTO(thing)

static void gives_zeroed_memory(void **state UNUSED)
{
        AUTO(thing) struct thing *t = NEW(struct thing);
        assert_int_equal(t->number, 0);
        free(alloc_zero(0, 0)); /* never NULL */
}

static void resizes(void **state UNUSED)
{
        int *numbers = alloc_resize(NULL, 2, sizeof(*numbers));
        numbers[1] = 7;
        numbers = alloc_resize(numbers, 1000, sizeof(*numbers));
        assert_int_equal(numbers[1], 7);
        numbers = alloc_resize(numbers, 0, sizeof(*numbers));
        assert_non_null(numbers);
        free(numbers);
}

static void makes_strings(void **state UNUSED)
{
        AUTO_STRING char *copy = alloc_string("attested");
        AUTO_STRING char *made = alloc_printf("%s-%d", copy, 7);
        assert_string_equal(made, "attested-7");
}

static void frees_at_the_end_of_scope(void **state UNUSED)
{
        freed = 0;
        {
                AUTO(thing) struct thing *t = NEW(struct thing);
                AUTO(thing) struct thing *none = NULL;
                (void) t;
                (void) none;
        }
        assert_int_equal(freed, 1);
}

static void take_gives_away(void **state UNUSED)
{
        freed = 0;
        struct thing *outer;
        {
                AUTO(thing) struct thing *t = NEW(struct thing);
                outer = TAKE(t);
                assert_null(t);
        }
        assert_int_equal(freed, 0);
        thing_free(outer);
}

static void closes_descriptors(void **state UNUSED)
{
        int kept, closed;
        {
                AUTO_CLOSE int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
                AUTO_CLOSE int b = open("/dev/null", O_RDONLY | O_CLOEXEC);
                closed = a;
                kept = TAKE_FD(b);
                assert_int_equal(b, -1);
        }
        assert_int_equal(fcntl(closed, F_GETFD), -1);
        assert_int_not_equal(fcntl(kept, F_GETFD), -1);
        close(kept);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_zeroed_memory), cmocka_unit_test(resizes),
                cmocka_unit_test(makes_strings),       cmocka_unit_test(frees_at_the_end_of_scope),
                cmocka_unit_test(take_gives_away),     cmocka_unit_test(closes_descriptors),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
