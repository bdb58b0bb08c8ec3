#include "tests/fakes/volume_fixture.h"

static void tells_about_itself(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        struct volume_stats stats;
        size_t count = 0;
        expect_fault(volumes_stats(volumes, "v1", path, &stats), FAULT_NOT_FOUND, "NO_VOLUME");
        expect_ok(publish_with("v1", token_until(600)));
        expect_fault(volumes_stats(volumes, "v1", "/elsewhere", &stats), FAULT_NOT_FOUND, "NO_VOLUME");
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_int_equal(stats.bytes_total, 1 << 20);
        assert_int_equal(stats.inodes_total, 128);
        assert_true(stats.bytes_used > 0 && stats.bytes_used + stats.bytes_free == stats.bytes_total);
        assert_true(stats.inodes_used > 0 && stats.inodes_used + stats.inodes_free == stats.inodes_total);
        assert_false(stats.abnormal);
        assert_string_equal(stats.message, "fresh, valid until 2026-11-23T18:10:00Z");

        AUTO(json) struct json *list = volumes_describe(volumes);
        AUTO(buf) struct buf text = BUF(1 << 16), rows = BUF(1 << 16);
        expect_ok(json_write(list, &text));
        assert_non_null(strstr(buf_str(&text), "\"state\":\"fresh\""));
        assert_null(strstr(buf_str(&text), "canary"));

        struct metric *const *table = volumes_metrics(volumes, &count);
        expect_ok(metrics_render(table, count, &rows));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_volumes{state=\"fresh\"} 1"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_generations_total 1"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_renewals_total{outcome=\"denied\"} 0"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_next_renewal_seconds"));

        assert_int_equal(umount2(path, 0), 0);
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_true(stats.abnormal);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tells_about_itself),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
