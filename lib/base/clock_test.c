#include "lib/base/clock.h"

#include <time.h>

#include "lib/base/parse.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

static void a_head_sorts_by_time(void **state UNUSED)
{
        static const struct {
                int64_t unix_ms;
                const char *hex;
        } rows[] = {
                {0, "0000000000"},
                {3, "0000000000"},
                {4, "0000000001"},
                {999, "00000000ff"},
                {1000, "0000000100"},
                {1795456800000, "6b047f2000"},
                {1795456800500, "6b047f2080"},
                {2147483647999, "7fffffffff"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint8_t head[CLOCK_HEAD_LEN];
                char hex[2 * CLOCK_HEAD_LEN + 1];
                clock_head((struct wall){rows[i].unix_ms}, head);
                hex_string(SPAN_OF(head), hex);
                assert_string_equal(hex, rows[i].hex);
        }
}

static void formats(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t unix_ms;
        } rows[] = {
                {"1970-01-01T00:00:00Z", 0},
                {"1969-12-31T23:59:59Z", -1},
                {"2026-11-23T18:00:00Z", 1795456800999},
                {"2024-02-29T23:59:59Z", 1709251199000},
                {"2000-02-29T00:00:00Z", 951782400000},
                {"2100-02-28T23:59:59Z", 4107542399000},
                {"2100-03-01T00:00:00Z", 4107542400000},
                {"9999-12-31T23:59:59Z", 253402300799000},
                {"9999-12-31T23:59:59Z", INT64_MAX},
                {"0000-01-01T00:00:00Z", INT64_MIN},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char text[WALL_TEXT_LEN + 1];
                wall_format((struct wall){rows[i].unix_ms}, text);
                assert_string_equal(text, rows[i].text);
        }
}

static void agrees_with_libc(void **state UNUSED)
{
        for (int64_t s = -5000000000; s < 50000000000; s += 86400 * 13 + 4711) {
                char text[WALL_TEXT_LEN + 1], wanted[64];
                wall_format(wall_from_unix_s(s), text);
                struct tm tm;
                time_t t = s;
                assert_non_null(gmtime_r(&t, &tm));
                assert_int_not_equal(strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
                assert_string_equal(text, wanted);
                struct wall back = {0};
                expect_ok(wall_parse(span_str(text), &back));
                assert_int_equal(back.unix_ms, s * 1000);
        }
}

static void parses(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t unix_ms;
        } rows[] = {
                {"1970-01-01T00:00:00Z", 0},
                {"2026-11-23T18:00:00Z", 1795456800000},
                {"2026-11-23T18:00:00.1Z", 1795456800100},
                {"2026-11-23T18:00:00.123Z", 1795456800123},
                {"2026-11-23T18:00:00.123999999Z", 1795456800123},
                {"2026-11-23T18:00:00+00:00", 1795456800000},
                {"2026-11-23T19:30:00+01:30", 1795456800000},
                {"2026-11-23T10:00:00.5-08:00", 1795456800500},
                {"2024-02-29T00:00:00Z", 1709164800000},
                {"0000-01-01T00:00:00Z", -62167219200000},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct wall w = {0};
                expect_ok(wall_parse(span_str(rows[i].text), &w));
                assert_int_equal(w.unix_ms, rows[i].unix_ms);
        }
}

static void refuses(void **state UNUSED)
{
        static const char *const rows[] = {
                "",
                "2026-11-23",
                "2026-11-23T18:00:00",
                "2026-11-23T18:00:0Z",
                "2026-11-23T18:00Z",
                "2026-11-23 18:00:00Z",
                "2026-11-23t18:00:00Z",
                "2026-11-23T18:00:00z",
                "2026-11-23T18:00:00Z ",
                " 2026-11-23T18:00:00Z",
                "2026-11-23T18:00:00ZZ",
                "2026-00-23T18:00:00Z",
                "2026-13-23T18:00:00Z",
                "2026-11-00T18:00:00Z",
                "2026-11-31T18:00:00Z",
                "2026-02-29T18:00:00Z",
                "2100-02-29T18:00:00Z",
                "2026-11-23T24:00:00Z",
                "2026-11-23T18:60:00Z",
                "2026-11-23T18:00:60Z",
                "2026-11-23T18:00:00.Z",
                "2026-11-23T18:00:00.1234567890Z",
                "2026-11-23T18:00:00,5Z",
                "2026-11-23T18:00:00+0100",
                "2026-11-23T18:00:00+1:00",
                "2026-11-23T18:00:00+24:00",
                "2026-11-23T18:00:00+01:60",
                "2026-11-23T18:00:00+01:00Z",
                "-026-11-23T18:00:00Z",
                "+2026-11-23T18:00:00Z",
                "12026-11-23T18:00:00Z",
                "2026-11-23T18:00:00\n",
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct wall w = {77};
                expect_fault_row(wall_parse(span_str(rows[i]), &w), FAULT_INVALID, "BAD_TIME", rows[i]);
                assert_int_equal(w.unix_ms, 77);
        }
        struct wall w;
        expect_fault(wall_parse(SPAN_NONE, &w), FAULT_INVALID, "BAD_TIME");
        expect_fault(wall_parse(SPAN("2026-11-23T18:00:00Z\0"), &w), FAULT_INVALID, "BAD_TIME");
}

static void system_clock_goes(void **state UNUSED)
{
        assert_true(clock_wall(&clock_system).unix_ms > 1700000000000);
        struct boot before = clock_boot(&clock_system);
        assert_true(before.ms > 0);
        assert_true(clock_boot(&clock_system).ms >= before.ms);
}

static void fake_clock_stands_until_moved(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 1000, 50);
        fake_clock_advance_ms(&time, 7);
        assert_int_equal(clock_wall(&time.clock).unix_ms, 1007);
        assert_int_equal(clock_boot(&time.clock).ms, 57);
        fake_clock_step_wall_ms(&time, -1000);
        assert_int_equal(clock_wall(&time.clock).unix_ms, 7);
        assert_int_equal(clock_boot(&time.clock).ms, 57);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_head_sorts_by_time),
                cmocka_unit_test(formats),
                cmocka_unit_test(agrees_with_libc),
                cmocka_unit_test(parses),
                cmocka_unit_test(refuses),
                cmocka_unit_test(system_clock_goes),
                cmocka_unit_test(fake_clock_stands_until_moved),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
