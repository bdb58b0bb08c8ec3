#include "lib/base/metrics.h"

#include <pthread.h>

#include "tests/fakes/expect.h"

static const char *const results[] = {"ok", "denied \"x\\y\"", NULL};
static const double seconds[] = {0.005, 0.1, 2.5, 0};

static int64_t ten_times(void *self, size_t value_index)
{
        return *(int64_t *) self * 10 + (int64_t) value_index;
}

static void renders(void **state UNUSED)
{
        int64_t base = 4;
        struct metric publishes = {.name = "v_publish_total",
                                   .help = "Mounts.\nAll \\ of them.",
                                   .kind = METRIC_COUNTER,
                                   .label = "result",
                                   .values = results};
        struct metric volumes = {.name = "v_volumes", .help = "Volumes.", .kind = METRIC_GAUGE};
        struct metric computed = {.name = "v_computed",
                                  .help = "C.",
                                  .kind = METRIC_GAUGE,
                                  .label = "result",
                                  .values = results,
                                  .read = ten_times,
                                  .self = &base};
        struct metric waits = {.name = "v_wait_seconds", .help = "W.", .kind = METRIC_HISTOGRAM, .buckets = seconds};
        metric_add(&publishes, 0, 1);
        metric_add(&publishes, 0, 2);
        metric_add(&publishes, 1, 1);
        metric_set(&volumes, 0, 7);
        metric_add(&volumes, 0, -9);
        metric_observe_us(&waits, 5000); /* a bound belongs to its bucket */
        metric_observe_us(&waits, 5001);
        metric_observe_us(&waits, 2500000);
        metric_observe_us(&waits, 2500001);
        assert_int_equal(metric_get(&publishes, 0), 3);
        assert_int_equal(metric_get(&volumes, 0), -2);
        assert_int_equal(metric_get(&computed, 1), 41);
        assert_int_equal(metric_get(&waits, 0), 4);

        struct metric *const table[] = {&publishes, &volumes, &computed, &waits};
        AUTO(buf) struct buf text = BUF(4096);
        expect_ok(metrics_render(table, COUNT_OF(table), &text));
        assert_string_equal(buf_str(&text), "# HELP v_publish_total Mounts.\\nAll \\\\ of them.\n"
                                            "# TYPE v_publish_total counter\n"
                                            "v_publish_total{result=\"ok\"} 3\n"
                                            "v_publish_total{result=\"denied \\\"x\\\\y\\\"\"} 1\n"
                                            "# HELP v_volumes Volumes.\n"
                                            "# TYPE v_volumes gauge\n"
                                            "v_volumes -2\n"
                                            "# HELP v_computed C.\n"
                                            "# TYPE v_computed gauge\n"
                                            "v_computed{result=\"ok\"} 40\n"
                                            "v_computed{result=\"denied \\\"x\\\\y\\\"\"} 41\n"
                                            "# HELP v_wait_seconds W.\n"
                                            "# TYPE v_wait_seconds histogram\n"
                                            "v_wait_seconds_bucket{le=\"0.005\"} 1\n"
                                            "v_wait_seconds_bucket{le=\"0.1\"} 2\n"
                                            "v_wait_seconds_bucket{le=\"2.5\"} 3\n"
                                            "v_wait_seconds_bucket{le=\"+Inf\"} 4\n"
                                            "v_wait_seconds_sum 5.010002\n"
                                            "v_wait_seconds_count 4\n");
}

static void a_small_buffer_is_left_as_it_was(void **state UNUSED)
{
        struct metric m = {.name = "v_volumes", .help = "Volumes.", .kind = METRIC_GAUGE};
        struct metric *const table[] = {&m};
        AUTO(buf) struct buf text = BUF(40);
        expect_ok(buf_append_str(&text, "before"));
        expect_fault(metrics_render(table, 1, &text), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_string_equal(buf_str(&text), "before");
}

static void largest_tables_fit(void **state UNUSED)
{
        static const char letters[METRIC_VALUES_MAX][2] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l",
                                                           "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x"};
        const char *values[METRIC_VALUES_MAX];
        for (size_t i = 0; i < METRIC_VALUES_MAX; i++)
                values[i] = letters[i];
        static const double buckets[METRIC_BUCKETS_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
        struct metric counter = {.name = "c", .help = "", .kind = METRIC_COUNTER, .label = "l", .values = values};
        struct metric histogram = {.name = "h", .help = "", .kind = METRIC_HISTOGRAM, .buckets = buckets};
        metric_add(&counter, METRIC_VALUES_MAX - 1, 1);
        metric_observe_us(&histogram, 16000000);
        metric_observe_us(&histogram, UINT32_MAX);
        struct metric *const table[] = {&counter, &histogram};
        AUTO(buf) struct buf text = BUF(4096);
        expect_ok(metrics_render(table, COUNT_OF(table), &text));
        assert_non_null(strstr(buf_str(&text), "c{l=\"x\"} 1\n"));
        assert_non_null(strstr(buf_str(&text), "h_bucket{le=\"16\"} 1\nh_bucket{le=\"+Inf\"} 2\n"));
}

static void *add_many(void *arg)
{
        for (int i = 0; i < 10000; i++)
                metric_add(arg, 0, 1);
        return NULL;
}

static void counts_from_many_threads(void **state UNUSED)
{
        struct metric m = {.name = "c", .help = "", .kind = METRIC_COUNTER};
        pthread_t threads[4];
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, add_many, &m), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(metric_get(&m, 0), 40000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(renders),
                cmocka_unit_test(a_small_buffer_is_left_as_it_was),
                cmocka_unit_test(largest_tables_fit),
                cmocka_unit_test(counts_from_many_threads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
