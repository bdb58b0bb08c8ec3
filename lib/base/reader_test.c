#include "lib/base/reader.h"

#include "tests/fakes/expect.h"

#define BYTES SPAN("\x01\x02\x03\x04\x05\x06\x07\x08")

static struct reader reader_of(size_t len)
{
        return READER(span_slice(BYTES, 0, len));
}

/* One function for each read, so that a row can be tried on input of any length. */
static struct fault *u8(struct reader *r, uint64_t *ret)
{
        uint8_t v;
        TRY(reader_u8(r, &v));
        *ret = v;
        return NULL;
}
static struct fault *u16be(struct reader *r, uint64_t *ret)
{
        uint16_t v;
        TRY(reader_u16be(r, &v));
        *ret = v;
        return NULL;
}
static struct fault *u32be(struct reader *r, uint64_t *ret)
{
        uint32_t v;
        TRY(reader_u32be(r, &v));
        *ret = v;
        return NULL;
}
static struct fault *u16le(struct reader *r, uint64_t *ret)
{
        uint16_t v;
        TRY(reader_u16le(r, &v));
        *ret = v;
        return NULL;
}
static struct fault *u32le(struct reader *r, uint64_t *ret)
{
        uint32_t v;
        TRY(reader_u32le(r, &v));
        *ret = v;
        return NULL;
}

static void reads_numbers(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct fault *(*read)(struct reader *r, uint64_t *ret);
                size_t len;
                uint64_t value;
        } rows[] = {
                {"u8", u8, 1, 0x01},
                {"u16be", u16be, 2, 0x0102},
                {"u32be", u32be, 4, 0x01020304},
                {"u64be", reader_u64be, 8, 0x0102030405060708},
                {"u16le", u16le, 2, 0x0201},
                {"u32le", u32le, 4, 0x04030201},
                {"u64le", reader_u64le, 8, 0x0807060504030201},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint64_t v = 99;
                struct reader shorter = reader_of(rows[i].len - 1);
                expect_fault_row(rows[i].read(&shorter, &v), FAULT_INVALID, "TRUNCATED", rows[i].name);
                assert_int_equal(shorter.at, 0);
                assert_int_equal(v, 99);

                struct reader exact = reader_of(rows[i].len);
                expect_ok(rows[i].read(&exact, &v));
                assert_int_equal(v, rows[i].value);
                expect_ok(reader_end(&exact));
        }
}

static void reads_bytes(void **state UNUSED)
{
        struct reader r = reader_of(8);
        uint8_t two[2] = {0};
        struct span three = SPAN_NONE;
        expect_ok(reader_skip(&r, 1));
        expect_ok(reader_bytes(&r, two, sizeof(two)));
        expect_ok(reader_span(&r, 3, &three));
        assert_memory_equal(two, "\2\3", 2);
        assert_true(span_eq(three, SPAN("\4\5\6")));
        assert_int_equal(reader_left(&r), 2);
        assert_true(span_eq(reader_rest(&r), SPAN("\7\x8")));
        expect_fault(reader_end(&r), FAULT_INVALID, "TRAILING_BYTES");

        expect_fault(reader_skip(&r, 3), FAULT_INVALID, "TRUNCATED");
        expect_fault(reader_bytes(&r, two, 3), FAULT_INVALID, "TRUNCATED");
        expect_fault(reader_span(&r, SIZE_MAX, &three), FAULT_INVALID, "TRUNCATED");
        assert_int_equal(reader_left(&r), 2);
        assert_int_equal(three.len, 3);
}

static void tells_where_it_failed(void **state UNUSED)
{
        struct reader r = reader_of(7);
        expect_ok(reader_skip(&r, 5));
        uint32_t v;
        AUTO(fault) struct fault *f = reader_u32be(&r, &v);
        assert_string_equal(fault_text(f), "field of 4 bytes at offset 5, but only 2 are left");
}

static void reads_sized_fields(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span input;
                struct fault *(*read)(struct reader *r, size_t max, struct span *ret);
                const char *token; /* NULL: read whole */
        } rows[] = {
                {"16 empty", {(const uint8_t *) "\0\0", 2}, reader_sized16be, NULL},
                {"16 as long as allowed", {(const uint8_t *) "\0\4abcd", 6}, reader_sized16be, NULL},
                {"16 too long", {(const uint8_t *) "\0\5abcde", 7}, reader_sized16be, "TOO_LONG"},
                {"16 one byte short", {(const uint8_t *) "\0\4abc", 5}, reader_sized16be, "TRUNCATED"},
                {"16 length cut", {(const uint8_t *) "\0", 1}, reader_sized16be, "TRUNCATED"},
                {"32 as long as allowed", {(const uint8_t *) "\0\0\0\4abcd", 8}, reader_sized32be, NULL},
                {"32 too long", {(const uint8_t *) "\0\0\0\5abcde", 9}, reader_sized32be, "TOO_LONG"},
                {"32 largest", {(const uint8_t *) "\xff\xff\xff\xff", 4}, reader_sized32be, "TOO_LONG"},
                {"32 one byte short", {(const uint8_t *) "\0\0\0\4abc", 7}, reader_sized32be, "TRUNCATED"},
                {"32 length cut", {(const uint8_t *) "\0\0\0", 3}, reader_sized32be, "TRUNCATED"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct reader r = READER(rows[i].input);
                struct span field = SPAN("untouched");
                struct fault *f = rows[i].read(&r, 4, &field);
                if (rows[i].token == NULL) {
                        expect_ok(f);
                        expect_ok(reader_end(&r));
                        assert_true(span_starts_with(SPAN("abcd"), field));
                } else {
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                        assert_int_equal(r.at, 0);
                        assert_true(span_eq_str(field, "untouched"));
                }
        }
}

static void nothing_is_input_too(void **state UNUSED)
{
        struct reader r = READER(SPAN_NONE);
        struct span none = SPAN("x");
        expect_ok(reader_span(&r, 0, &none));
        assert_int_equal(none.len, 0);
        assert_int_equal(reader_rest(&r).len, 0);
        expect_ok(reader_end(&r));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_numbers),         cmocka_unit_test(reads_bytes),
                cmocka_unit_test(tells_where_it_failed), cmocka_unit_test(reads_sized_fields),
                cmocka_unit_test(nothing_is_input_too),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
