#include "lib/base/parse.h"

#include "tests/fakes/expect.h"

static void whole_numbers(void **state UNUSED)
{
        static const struct {
                const char *text;
                uint64_t min, max;
                bool good;
                uint64_t value;
        } rows[] = {
                {"0", 0, 9, true, 0},
                {"9", 0, 9, true, 9},
                {"10", 0, 9, false, 0},
                {"4", 5, 9, false, 0},
                {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
                {"18446744073709551616", 0, UINT64_MAX, false, 0},
                {"99999999999999999999999", 0, UINT64_MAX, false, 0},
                {"", 0, UINT64_MAX, false, 0},
                {"00", 0, UINT64_MAX, false, 0},
                {"01", 0, UINT64_MAX, false, 0},
                {"+1", 0, UINT64_MAX, false, 0},
                {"-1", 0, UINT64_MAX, false, 0},
                {" 1", 0, UINT64_MAX, false, 0},
                {"1 ", 0, UINT64_MAX, false, 0},
                {"1\n", 0, UINT64_MAX, false, 0},
                {"0x1", 0, UINT64_MAX, false, 0},
                {"1e3", 0, UINT64_MAX, false, 0},
                {"1.0", 0, UINT64_MAX, false, 0},
                {"/", 0, UINT64_MAX, false, 0},
                {":", 0, UINT64_MAX, false, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint64_t v = 77;
                struct fault *f = parse_u64(span_str(rows[i].text), rows[i].min, rows[i].max, &v);
                if (rows[i].good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "BAD_NUMBER", rows[i].text);
                assert_int_equal(v, rows[i].good ? rows[i].value : 77);
        }
        uint64_t v;
        expect_fault(parse_u64(SPAN("1\0"), 0, 9, &v), FAULT_INVALID, "BAD_NUMBER");
        expect_fault(parse_u64(SPAN_NONE, 0, 9, &v), FAULT_INVALID, "BAD_NUMBER");
}

static void signed_numbers(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t min, max;
                bool good;
                int64_t value;
        } rows[] = {
                {"0", -1, 1, true, 0},
                {"-1", -1, 1, true, -1},
                {"-2", -1, 1, false, 0},
                {"2", -1, 1, false, 0},
                {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
                {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
                {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
                {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
                {"-0", INT64_MIN, INT64_MAX, false, 0},
                {"-", INT64_MIN, INT64_MAX, false, 0},
                {"--1", INT64_MIN, INT64_MAX, false, 0},
                {"-01", INT64_MIN, INT64_MAX, false, 0},
                {"+1", INT64_MIN, INT64_MAX, false, 0},
                {"", INT64_MIN, INT64_MAX, false, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t v = 77;
                struct fault *f = parse_i64(span_str(rows[i].text), rows[i].min, rows[i].max, &v);
                if (rows[i].good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "BAD_NUMBER", rows[i].text);
                assert_int_equal(v, rows[i].good ? rows[i].value : 77);
        }
}

static void booleans(void **state UNUSED)
{
        bool v = false;
        expect_ok(parse_bool(SPAN("true"), &v));
        assert_true(v);
        expect_ok(parse_bool(SPAN("false"), &v));
        assert_false(v);
        static const char *const bad[] = {"", "True", "yes", "1", "true ", "tru", "falsee"};
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                expect_fault_row(parse_bool(span_str(bad[i]), &v), FAULT_INVALID, "BAD_BOOL", bad[i]);
        assert_false(v);
}

static void durations(void **state UNUSED)
{
        static const struct {
                const char *text;
                int64_t ms; /* -1: refused */
        } rows[] = {
                {"0s", 0},
                {"1ms", 1},
                {"90s", 90000},
                {"15m", 900000},
                {"24h", 86400000},
                {"365d", 365LL * 86400 * 1000},
                {"106751991167d", 106751991167LL * 86400 * 1000},
                {"106751991168d", -1},
                {"213503982335d", -1},
                {"18446744073709551616ms", -1},
                {"", -1},
                {"90", -1},
                {"s", -1},
                {"ms", -1},
                {"90 s", -1},
                {"90S", -1},
                {"90sec", -1},
                {"1h30m", -1},
                {"1.5h", -1},
                {"-1s", -1},
                {"01s", -1},
                {"1w", -1},
                {"1y", -1},
                {"90s ", -1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t ms = 77;
                struct fault *f = parse_duration_ms(span_str(rows[i].text), 0, INT64_MAX, &ms);
                if (rows[i].ms >= 0)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "BAD_DURATION", rows[i].text);
                assert_int_equal(ms, rows[i].ms >= 0 ? rows[i].ms : 77);
        }
        int64_t ms = 0;
        expect_ok(parse_duration_ms(SPAN("1m"), 60000, 60000, &ms));
        expect_fault(parse_duration_ms(SPAN("61s"), 1, 60000, &ms), FAULT_INVALID, "BAD_DURATION");
        expect_fault(parse_duration_ms(SPAN("0s"), 1, 60000, &ms), FAULT_INVALID, "BAD_DURATION");
        expect_fault(parse_duration_ms(SPAN("213503982334d"), INT64_MIN, INT64_MAX, &ms), FAULT_INVALID,
                     "BAD_DURATION"); /* fits 64 bits, but not with a sign */
}

static void sizes(void **state UNUSED)
{
        static const struct {
                const char *text;
                uint64_t min, max;
                bool good;
                uint64_t value;
        } rows[] = {
                {"0B", 0, UINT64_MAX, true, 0},
                {"1B", 0, UINT64_MAX, true, 1},
                {"64KiB", 0, 65536, true, 65536},
                {"65KiB", 0, 65536, false, 0},
                {"1MiB", 1 << 20, 1 << 20, true, 1 << 20},
                {"1023KiB", 1 << 20, 1 << 21, false, 0},
                {"2GiB", 0, UINT64_MAX, true, 2ULL << 30},
                {"17179869183GiB", 0, UINT64_MAX, true, 17179869183ULL << 30},
                {"17179869184GiB", 0, UINT64_MAX, false, 0},
                {"", 0, UINT64_MAX, false, 0},
                {"1", 0, UINT64_MAX, false, 0},
                {"KiB", 0, UINT64_MAX, false, 0},
                {"1KB", 0, UINT64_MAX, false, 0},
                {"1Ki", 0, UINT64_MAX, false, 0},
                {"1kib", 0, UINT64_MAX, false, 0},
                {"1 KiB", 0, UINT64_MAX, false, 0},
                {"1TiB", 0, UINT64_MAX, false, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint64_t v = 77;
                struct fault *f = parse_size(span_str(rows[i].text), rows[i].min, rows[i].max, &v);
                if (rows[i].good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "BAD_SIZE", rows[i].text);
                assert_int_equal(v, rows[i].good ? rows[i].value : 77);
        }
}

static void modes(void **state UNUSED)
{
        uint32_t mode = 0;
        expect_ok(parse_mode(SPAN("0440"), &mode));
        assert_int_equal(mode, 0440);
        expect_ok(parse_mode(SPAN("0000"), &mode));
        assert_int_equal(mode, 0);
        expect_ok(parse_mode(SPAN("07777"), &mode));
        assert_int_equal(mode, 07777);
        static const char *const bad[] = {"",      "0",      "440",  "044",   "0448", "1440",
                                          "0o440", "004400", "-440", "0440 ", "288"};
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                expect_fault_row(parse_mode(span_str(bad[i]), &mode), FAULT_INVALID, "BAD_MODE", bad[i]);
        assert_int_equal(mode, 07777);
}

static void says_what_was_found_and_what_is_allowed(void **state UNUSED)
{
        uint64_t v;
        AUTO(fault) struct fault *f = parse_u64(SPAN("a\nb"), 1, 10, &v);
        assert_string_equal(fault_text(f), "\"a\xEF\xBF\xBD"
                                           "b\" is not a whole number from 1 to 10");
        AUTO(fault) struct fault *cut = parse_u64(SPAN("1234567890123456789012345678901234567890zzz"), 1, 10, &v);
        assert_string_equal(fault_text(cut),
                            "\"1234567890123456789012345678901234567890\" is not a whole number from 1 to 10");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_numbers),
                cmocka_unit_test(signed_numbers),
                cmocka_unit_test(booleans),
                cmocka_unit_test(durations),
                cmocka_unit_test(sizes),
                cmocka_unit_test(modes),
                cmocka_unit_test(says_what_was_found_and_what_is_allowed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
