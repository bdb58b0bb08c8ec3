#include "issuer/verifier/memo.h"

#include "lib/base/auto.h"
#include "tests/fakes/expect.h"

struct thing {
        struct memo_value value; /* first */
        int *freed;
};

static void thing_free(struct memo_value *v)
{
        struct thing *t = CONTAINER_OF(v, struct thing, value);
        ++*t->freed;
        free(t);
}

static struct memo_value *thing(int *freed)
{
        struct thing *t = NEW(struct thing);
        t->value = MEMO_VALUE(thing_free);
        t->freed = freed;
        return &t->value;
}

static struct memo m = MEMO_INIT;

static void keep(uint8_t set, uint8_t number, int *freed)
{
        uint8_t key[SHA256_LEN] = {set, number};
        struct memo_value *v = thing(freed);
        memo_keep(&m, key, v);
        memo_release(v);
}

static bool has(uint8_t set, uint8_t number)
{
        uint8_t key[SHA256_LEN] = {set, number};
        struct memo_value *v = memo_find(&m, key);
        memo_release(v);
        return v != NULL;
}

static void what_is_kept_is_found(void **state UNUSED)
{
        int freed = 0;
        uint8_t key[SHA256_LEN] = {7, 1};
        assert_false(has(7, 1));
        keep(7, 1, &freed);
        assert_true(has(7, 1));
        assert_false(has(7, 2));
        assert_false(has(8, 1));
        assert_int_equal(freed, 0);

        struct memo_value *held = memo_find(&m, key);
        memo_clear(&m);
        assert_false(has(7, 1));
        assert_int_equal(freed, 0); /* still held */
        memo_release(held);
        assert_int_equal(freed, 1);
        memo_release(NULL);
}

static void the_least_recently_used_goes(void **state UNUSED)
{
        int freed = 0;
        for (uint8_t i = 0; i < MEMO_WAYS; i++)
                keep(3, i, &freed);
        assert_true(has(3, 0)); /* used: now 1 is the oldest */
        keep(3, 100, &freed);
        assert_int_equal(freed, 1);
        assert_false(has(3, 1));
        assert_true(has(3, 0) && has(3, 2) && has(3, 3) && has(3, 100));
        keep(3, 100, &freed); /* the same again: takes its place */
        assert_int_equal(freed, 2);
        assert_true(has(3, 0) && has(3, 2) && has(3, 3) && has(3, 100));
        memo_clear(&m);
        assert_int_equal(freed, 2 + MEMO_WAYS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_kept_is_found),
                cmocka_unit_test(the_least_recently_used_goes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
