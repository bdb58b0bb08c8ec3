#include "csi/volume/heap.h"

#include "tests/fakes/expect.h"

#define COUNT 500

static uint32_t next(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

static void gives_the_first_always(void **state)
{
        (void) state;
        static struct heap_item items[COUNT];
        AUTO(heap) struct heap h = {0};
        uint32_t dice = 7;
        memset(items, 0, sizeof(items));
        for (int step = 0; step < 20000; step++) {
                struct heap_item *item = &items[next(&dice) % COUNT];
                if (next(&dice) % 3 == 0)
                        heap_remove(&h, item);
                else
                        heap_put(&h, item, (struct boot){next(&dice) % 1000});
                int64_t first = INT64_MAX;
                size_t inside = 0;
                for (size_t i = 0; i < COUNT; i++) {
                        inside += items[i].place != 0;
                        if (items[i].place != 0 && items[i].at.ms < first)
                                first = items[i].at.ms;
                }
                assert_int_equal(h.count, inside);
                assert_int_equal(heap_first(&h) == NULL ? INT64_MAX : heap_first(&h)->at.ms, first);
        }
        heap_clear(&h);
        for (size_t i = 0; i < COUNT; i++)
                assert_int_equal(items[i].place, 0);
}

static void empties_in_order(void **state)
{
        (void) state;
        static struct heap_item items[COUNT];
        AUTO(heap) struct heap h = {0};
        uint32_t dice = 3;
        memset(items, 0, sizeof(items));
        for (size_t i = 0; i < COUNT; i++)
                heap_put(&h, &items[i], (struct boot){next(&dice) % 100});
        int64_t last = -1;
        for (struct heap_item *first = heap_first(&h); first != NULL; first = heap_first(&h)) {
                assert_true(first->at.ms >= last);
                last = first->at.ms;
                heap_remove(&h, first);
                heap_remove(&h, first); /* twice is fine */
        }
        assert_int_equal(h.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_the_first_always),
                cmocka_unit_test(empties_in_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
