#include <stdio.h>

#include "attester/queue.h"
#include "tests/fakes/expect.h"

static struct order *order(const char *volume, bool renewal, size_t token_len)
{
        struct order *o = NEW(struct order);
        o->volume = alloc_string(volume);
        o->renewal = renewal;
        o->token = token_len > 0 ? secret_new(token_len) : NULL;
        return o;
}

static void expect_taken(struct order_queue *q, const char *wanted)
{
        struct order *taken[REQUEST_PODS_MAX];
        size_t count = order_queue_take(q, taken);
        AUTO(buf) struct buf names = BUF(4096);
        for (size_t i = 0; i < count; i++) {
                expect_ok(buf_printf(&names, "%s%s", i == 0 ? "" : " ", taken[i]->volume));
                order_free(taken[i]);
        }
        assert_string_equal(buf_str(&names), wanted);
}

static void first_acquisitions_go_before_renewals(void **state UNUSED)
{
        struct order_queue q;
        order_queue_init(&q);
        order_queue_put(&q, order("r1", true, 0));
        order_queue_put(&q, order("a1", false, 0));
        order_queue_put(&q, order("r2", true, 0));
        order_queue_put(&q, order("a2", false, 0));
        assert_int_equal(q.count, 4);
        expect_taken(&q, "a1 a2 r1 r2");
        assert_int_equal(q.count, 0);
        expect_taken(&q, "");
}

static void a_volume_rides_once_in_a_request(void **state UNUSED)
{
        struct order_queue q;
        order_queue_init(&q);
        order_queue_put(&q, order("a", false, 0));
        order_queue_put(&q, order("a", false, 0));
        order_queue_put(&q, order("b", false, 0));
        expect_taken(&q, "a b");
        order_queue_put(&q, order("c", false, 0)); /* the tail is right after one was taken out of the middle */
        expect_taken(&q, "a c");
        assert_int_equal(q.count, 0);
}

static void tokens_bound_the_request(void **state UNUSED)
{
        struct order_queue q;
        order_queue_init(&q);
        size_t fitting = BATCH_TOKEN_BYTES_MAX / (32 * 1024);
        for (size_t i = 0; i < fitting + 3; i++) {
                char name[16];
                (void) snprintf(name, sizeof name, "v%zu", i);
                order_queue_put(&q, order(name, false, 32 * 1024));
        }
        struct order *taken[REQUEST_PODS_MAX];
        assert_int_equal(order_queue_take(&q, taken), fitting);
        for (size_t i = 0; i < fitting; i++)
                order_free(taken[i]);
        assert_int_equal(order_queue_take(&q, taken), 3);
        for (size_t i = 0; i < 3; i++)
                order_free(taken[i]);
}

static void at_most_the_protocols_number_of_pods(void **state UNUSED)
{
        struct order_queue q;
        order_queue_init(&q);
        for (size_t i = 0; i < REQUEST_PODS_MAX + 5; i++) {
                char name[16];
                (void) snprintf(name, sizeof name, "v%zu", i);
                order_queue_put(&q, order(name, i % 2 == 0, 0));
        }
        struct order *taken[REQUEST_PODS_MAX];
        assert_int_equal(order_queue_take(&q, taken), REQUEST_PODS_MAX);
        for (size_t i = 0; i < REQUEST_PODS_MAX; i++)
                order_free(taken[i]);
        assert_int_equal(order_queue_take(&q, taken), 5);
        for (size_t i = 0; i < 5; i++)
                order_free(taken[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_acquisitions_go_before_renewals),
                cmocka_unit_test(a_volume_rides_once_in_a_request),
                cmocka_unit_test(tokens_bound_the_request),
                cmocka_unit_test(at_most_the_protocols_number_of_pods),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
