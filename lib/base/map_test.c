#include "lib/base/map.h"

#include <stdio.h>

#include "tests/fakes/expect.h"

static int numbers[2000];

static void put(struct map *m, const char *key, int *value)
{
        expect_ok(map_put(m, key, value, NULL));
}

/* "a,c,b": the keys as map_next gives them. */
static char *keys_of(const struct map *m)
{
        struct buf keys = BUF(4096);
        const char *key;
        void *value;
        for (size_t at = 0; map_next(m, &at, &key, &value);)
                expect_ok(buf_printf(&keys, "%s%s", keys.len > 0 ? "," : "", key));
        char *text = alloc_string(buf_str(&keys));
        buf_clear(&keys);
        return text;
}

static void keeps_what_was_put(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(10);
        assert_null(map_get(m, "a"));
        assert_null(map_remove(m, "a"));
        char key[] = "a";
        put(m, key, &numbers[0]);
        key[0] = 'b'; /* the map has its own copy */
        put(m, key, &numbers[1]);
        put(m, "", &numbers[2]);
        assert_ptr_equal(map_get(m, "a"), &numbers[0]);
        assert_ptr_equal(map_get(m, "b"), &numbers[1]);
        assert_ptr_equal(map_get(m, ""), &numbers[2]);
        assert_null(map_get(m, "A"));
        assert_int_equal(map_count(m), 3);
        map_free(NULL);
}

static void replaces(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(1);
        void *old = &numbers[9];
        expect_ok(map_put(m, "a", &numbers[0], &old));
        assert_null(old);
        expect_ok(map_put(m, "a", &numbers[1], &old)); /* a full map too */
        assert_ptr_equal(old, &numbers[0]);
        assert_ptr_equal(map_get(m, "a"), &numbers[1]);
        assert_int_equal(map_count(m), 1);
}

static void has_a_limit(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(2);
        put(m, "a", &numbers[0]);
        put(m, "b", &numbers[1]);
        void *old = &numbers[9];
        expect_fault(map_put(m, "c", &numbers[2], &old), FAULT_EXHAUSTED, "MAP_FULL");
        assert_ptr_equal(old, &numbers[9]);
        assert_null(map_get(m, "c"));
        assert_ptr_equal(map_remove(m, "a"), &numbers[0]);
        put(m, "c", &numbers[2]);

        AUTO(map) struct map *none = map_new(0);
        expect_fault(map_put(none, "a", &numbers[0], NULL), FAULT_EXHAUSTED, "MAP_FULL");
}

static void gives_in_order_of_insertion(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(10);
        put(m, "c", &numbers[0]);
        put(m, "a", &numbers[1]);
        put(m, "b", &numbers[2]);
        put(m, "a", &numbers[3]); /* stays where it was */
        AUTO_STRING char *first = keys_of(m);
        assert_string_equal(first, "c,a,b");
        assert_ptr_equal(map_remove(m, "c"), &numbers[0]);
        put(m, "c", &numbers[0]); /* comes last now */
        AUTO_STRING char *second = keys_of(m);
        assert_string_equal(second, "a,b,c");
}

static void allows_removal_of_what_was_just_given(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(100);
        for (int i = 0; i < 100; i++) {
                char key[16];
                (void) snprintf(key, sizeof(key), "k%d", i);
                put(m, key, &numbers[i]);
        }
        size_t given = 0;
        const char *key;
        void *value;
        for (size_t at = 0; map_next(m, &at, &key, &value); given++) {
                assert_ptr_equal(value, &numbers[given]);
                if (given % 3 == 0)
                        assert_ptr_equal(map_remove(m, key), value);
        }
        assert_int_equal(given, 100);
        assert_int_equal(map_count(m), 66);
}

/* The same moves on a map and on a plain table. */
static void agrees_with_a_plain_table(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(COUNT_OF(numbers));
        bool present[COUNT_OF(numbers)] = {false};
        size_t count = 0;
        uint32_t dice = 1;
        for (int step = 0; step < 50000; step++) {
                dice = dice * 1664525 + 1013904223; /* the same sequence in each run */
                size_t i = (dice >> 8) % (step < 25000 ? COUNT_OF(numbers) : 50);
                char key[16];
                (void) snprintf(key, sizeof(key), "volume-%zu", i);
                assert_ptr_equal(map_get(m, key), present[i] ? &numbers[i] : NULL);
                bool adds = (dice >> 28) % 2 == 0;
                if (adds)
                        put(m, key, &numbers[i]);
                else
                        assert_ptr_equal(map_remove(m, key), present[i] ? &numbers[i] : NULL);
                count = count + (adds && !present[i]) - (!adds && present[i]);
                present[i] = adds;
                assert_int_equal(map_count(m), count);
        }
        const char *key;
        void *value;
        size_t given = 0;
        for (size_t at = 0; map_next(m, &at, &key, &value); given++)
                assert_true(present[(int *) value - numbers]);
        assert_int_equal(given, count);
}

static void keys_of_all_lengths(void **state UNUSED)
{
        AUTO(map) struct map *m = map_new(100);
        char key[101] = "";
        for (size_t len = 0; len < 100; len++) {
                put(m, key, &numbers[len]);
                key[len] = 'k';
        }
        for (size_t len = 0; len < 100; len++) {
                key[len] = '\0';
                assert_ptr_equal(map_get(m, key), &numbers[len]);
                key[len] = 'k';
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_what_was_put),
                cmocka_unit_test(replaces),
                cmocka_unit_test(has_a_limit),
                cmocka_unit_test(gives_in_order_of_insertion),
                cmocka_unit_test(allows_removal_of_what_was_just_given),
                cmocka_unit_test(agrees_with_a_plain_table),
                cmocka_unit_test(keys_of_all_lengths),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
