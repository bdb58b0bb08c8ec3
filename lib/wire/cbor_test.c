#include "lib/wire/cbor.h"

#include "lib/base/parse.h"

#include "tests/fakes/expect.h"

#define INPUT(hex)                                                                                                     \
        AUTO(buf) struct buf bytes = BUF(4096);                                                                        \
        expect_ok(hex_decode(span_str(hex), &bytes));                                                                  \
        struct reader r = READER(buf_span(&bytes))

/* RFC 8949, appendix A. */
static void numbers(void **state UNUSED)
{
        static const struct {
                const char *hex;
                int64_t value;
        } rows[] = {{"00", 0},
                    {"17", 23},
                    {"1818", 24},
                    {"1903e8", 1000},
                    {"1a000f4240", 1000000},
                    {"1b000000e8d4a51000", 1000000000000},
                    {"20", -1},
                    {"3863", -100},
                    {"3903e7", -1000},
                    {"1b7fffffffffffffff", INT64_MAX},
                    {"3b7fffffffffffffff", INT64_MIN},
                    {"1900", 0},
                    {"190000", 0}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                INPUT(rows[i].hex);
                int64_t v = 77;
                if (strcmp(rows[i].hex, "1900") == 0) {
                        expect_fault(cbor_int(&r, &v), FAULT_INVALID, "CBOR");
                        continue;
                }
                expect_ok(cbor_int(&r, &v));
                assert_true(v == rows[i].value);
                expect_ok(reader_end(&r));
        }
        static const char *const bad[] = {"1b8000000000000000", "3b8000000000000000", "1c", "1f", "40", "f6", ""};
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                INPUT(bad[i]);
                int64_t v;
                expect_fault_row(cbor_int(&r, &v), FAULT_INVALID, "CBOR", bad[i]);
        }
}

static void the_largest_number(void **state UNUSED)
{
        INPUT("1bffffffffffffffff");
        uint64_t v;
        expect_ok(cbor_uint(&r, &v));
        assert_true(v == UINT64_MAX);
}

static void strings(void **state UNUSED)
{
        INPUT("4401020304"
              "6449455446"
              "f6");
        struct span s;
        bool is_null = true;
        expect_ok(cbor_take_null(&r, &is_null));
        assert_false(is_null);
        expect_ok(cbor_bytes(&r, &s));
        assert_int_equal(s.len, 4);
        expect_ok(cbor_text(&r, &s));
        assert_true(span_eq_str(s, "IETF"));
        expect_ok(cbor_take_null(&r, &is_null));
        assert_true(is_null);
        expect_ok(reader_end(&r));
}

static void strings_that_are_none(void **state UNUSED)
{
        struct span s;
        static const char *const bad[] = {"4401", "5f4101ff", "5bffffffffffffffff00", "61ff", "6100", "01"};
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                INPUT(bad[i]);
                enum cbor_major major;
                expect_ok(cbor_peek(&r, &major));
                expect_fault_row(major == CBOR_TEXT ? cbor_text(&r, &s) : cbor_bytes(&r, &s), FAULT_INVALID, "CBOR",
                                 bad[i]);
        }
}

static size_t count(struct reader *r, struct cbor_list *list)
{
        size_t n = 0;
        struct fault *f = NULL;
        for (; cbor_more(r, list, &f); n++) {
                struct span s;
                expect_ok(cbor_skip(r, &s));
        }
        if (f == NULL)
                return n;
        fault_free(f);
        return SIZE_MAX;
}

static void lists(void **state UNUSED)
{
        static const struct {
                const char *hex;
                size_t count;
        } rows[] = {{"80", 0},   {"83010203", 3},         {"9f0102ff", 2},
                    {"9fff", 0}, {"8301820203820405", 3}, {"9f01", SIZE_MAX}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                INPUT(rows[i].hex);
                struct cbor_list list;
                expect_ok(cbor_array(&r, &list));
                assert_int_equal(count(&r, &list), rows[i].count);
        }
}

static void maps_have_pairs(void **state UNUSED)
{
        INPUT("bf6161"
              "01"
              "6162"
              "9f0203ff"
              "ff");
        struct cbor_list map;
        expect_ok(cbor_map(&r, &map));
        assert_int_equal(count(&r, &map), 4);
        expect_ok(reader_end(&r));
}

static void lists_that_are_none(void **state UNUSED)
{
        static const char *const bad[] = {"9b00000000ffffffff", "8401", "a0", "00"};
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                INPUT(bad[i]);
                struct cbor_list list;
                expect_fault_row(cbor_array(&r, &list), FAULT_INVALID, "CBOR", bad[i]);
        }
}

static void skipping(void **state UNUSED)
{
        static const struct {
                const char *hex;
                size_t len; /* 0: refused */
        } rows[] = {
                {"00ff", 1},
                {"d9018fa119acca4101"
                 "00",
                 9},
                {"bf61610161629f0203ffff", 11},
                {"f97e00", 3},
                {"c074323031332d30332d32315432303a30343a30305a", 22},
                {"ff", 0},
                {"9f", 0},
                {"bf6161ff01", 0},
                {"df01", 0},
                {"1f", 0},
                {"c0", 0},
                {"a1", 0},
                {"818181818181818181818181818181818100", 0},
                {"8181818181818181818181818181818100", 17},
                {"5f4100ff", 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                INPUT(rows[i].hex);
                struct span s = SPAN_NONE;
                struct fault *f = cbor_skip(&r, &s);
                if (rows[i].len == 0) {
                        expect_fault_row(f, FAULT_INVALID, "CBOR", rows[i].hex);
                        continue;
                }
                expect_ok(f);
                assert_int_equal(s.len, rows[i].len);
        }
}

static void writing(void **state UNUSED)
{
        AUTO(buf) struct buf out = BUF(100000);
        static const uint64_t values[] = {
                0, 23, 24, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t) UINT32_MAX + 1, UINT64_MAX};
        for (size_t i = 0; i < COUNT_OF(values); i++) {
                buf_truncate(&out, 0);
                expect_ok(cbor_write_head(&out, CBOR_UINT, values[i]));
                struct reader r = READER(buf_span(&out));
                uint64_t v = 0;
                expect_ok(cbor_uint(&r, &v));
                assert_true(v == values[i]);
                expect_ok(reader_end(&r));
        }
        buf_truncate(&out, 0);
        expect_ok(cbor_write_text(&out, "Signature1"));
        expect_ok(cbor_write_bytes(&out, SPAN("")));
        assert_int_equal(out.len, 12);
        assert_int_equal(out.data[0], 0x6a);
        assert_int_equal(out.data[11], 0x40);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers),
                cmocka_unit_test(strings),
                cmocka_unit_test(lists),
                cmocka_unit_test(skipping),
                cmocka_unit_test(writing),
                cmocka_unit_test(the_largest_number),
                cmocka_unit_test(strings_that_are_none),
                cmocka_unit_test(maps_have_pairs),
                cmocka_unit_test(lists_that_are_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
