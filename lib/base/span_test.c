#include "lib/base/span.h"

#include "tests/fakes/expect.h"

static void compares(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span a, b;
                bool equal, starts;
        } rows[] = {
                {"both empty", {NULL, 0}, {(const uint8_t *) "", 0}, true, true},
                {"equal", {(const uint8_t *) "abc", 3}, {(const uint8_t *) "abc", 3}, true, true},
                {"one shorter", {(const uint8_t *) "abc", 3}, {(const uint8_t *) "ab", 2}, false, true},
                {"one longer", {(const uint8_t *) "ab", 2}, {(const uint8_t *) "abc", 3}, false, false},
                {"last byte differs", {(const uint8_t *) "abc", 3}, {(const uint8_t *) "abd", 3}, false, false},
                {"differs after a NUL", {(const uint8_t *) "a\0b", 3}, {(const uint8_t *) "a\0c", 3}, false, false},
                {"prefix empty", {(const uint8_t *) "a", 1}, {NULL, 0}, false, true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (span_eq(rows[i].a, rows[i].b) != rows[i].equal ||
                    span_eq_secret(rows[i].a, rows[i].b) != rows[i].equal ||
                    span_starts_with(rows[i].a, rows[i].b) != rows[i].starts)
                        fail_msg("%s", rows[i].name);
        }
        assert_true(span_eq_str(SPAN("abc"), "abc"));
        assert_false(span_eq_str(SPAN("abc\0"), "abc"));
}

static void inspects(void **state UNUSED)
{
        assert_true(span_is_zero(SPAN_NONE));
        assert_true(span_is_zero(SPAN("\0\0")));
        assert_false(span_is_zero(SPAN("\0\1")));
        assert_false(span_has_nul(SPAN_NONE));
        assert_false(span_has_nul(SPAN("abc")));
        assert_true(span_has_nul(SPAN("abc\0")));
        assert_true(span_is_utf8(SPAN_NONE));
        assert_true(span_is_utf8(SPAN("B\xC3\xA4r\0")));
        assert_false(span_is_utf8(SPAN("a\xC3")));
        assert_false(span_is_utf8(SPAN("\xED\xA0\x80")));
        assert_true(span_eq_str(span_slice(SPAN("abcd"), 1, 2), "bc"));
        assert_int_equal(span_slice(SPAN("abcd"), 4, 0).len, 0);
        assert_int_equal(span_slice(SPAN_NONE, 0, 0).len, 0);
        AUTO_STRING char *text = span_to_string(span_slice(SPAN("abcd"), 1, 2));
        assert_string_equal(text, "bc");
        AUTO_STRING char *empty = span_to_string(SPAN_NONE);
        assert_string_equal(empty, "");
}

static void grows_up_to_its_limit(void **state UNUSED)
{
        for (size_t limit = 0; limit < 300; limit += 7) {
                AUTO(buf) struct buf b = BUF(limit);
                for (size_t i = 0; i < limit; i++) {
                        expect_ok(buf_append_byte(&b, (uint8_t) i));
                        assert_int_equal(b.data[b.len], 0); /* the uncounted NUL */
                }
                for (size_t i = 0; i < limit; i++)
                        assert_int_equal(b.data[i], (uint8_t) i);
                expect_fault(buf_append_byte(&b, 0), FAULT_EXHAUSTED, "TOO_LARGE");
                assert_int_equal(b.len, limit);
        }
}

static void refuses_without_a_change(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(4);
        expect_ok(buf_append_str(&b, "ab"));
        expect_fault(buf_append_str(&b, "cde"), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(buf_append_u32be(&b, 1), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(buf_printf(&b, "%d", 100), FAULT_EXHAUSTED, "TOO_LARGE");
        uint8_t *where = b.data;
        expect_fault(buf_grow(&b, SIZE_MAX, &where), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_ptr_equal(where, b.data);
        assert_string_equal(buf_str(&b), "ab");
        expect_ok(buf_append_str(&b, "cd"));
        assert_string_equal(buf_str(&b), "abcd");
}

static void appends_numbers_and_text(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(64);
        expect_ok(buf_append_u16be(&b, 0x0102));
        expect_ok(buf_append_u32be(&b, 0x03040506));
        expect_ok(buf_append_u64be(&b, 0x0708090a0b0c0d0e));
        assert_true(span_eq(buf_span(&b), SPAN("\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe")));
        buf_truncate(&b, 0);
        expect_ok(buf_printf(&b, "%s-%d", "v", 1));
        expect_ok(buf_printf(&b, "%s", ""));
        assert_string_equal(buf_str(&b), "v-1");
        buf_truncate(&b, 1);
        assert_string_equal(buf_str(&b), "v");
}

static void empty_ones_are_strings_too(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(0);
        assert_string_equal(buf_str(&b), "");
        buf_truncate(&b, 0);
        expect_ok(buf_append(&b, SPAN_NONE));
        assert_non_null(b.data);
        assert_string_equal(buf_str(&b), "");
        buf_clear(&b);
        buf_wipe(&b);
        assert_int_equal(b.limit, 0);
}

static void can_be_used_again(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(100);
        expect_ok(buf_append_str(&b, "secret"));
        buf_wipe(&b);
        assert_int_equal(b.len, 0);
        assert_int_equal(b.limit, 100);
        expect_ok(buf_append_str(&b, "next"));
        assert_string_equal(buf_str(&b), "next");
}

/* Room ahead changes nothing that can be seen, and is never more than the limit. */
static void expects_bytes(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(100);
        buf_expect(&b, 1000);
        assert_int_equal(b.len, 0);
        assert_string_equal(buf_str(&b), "");
        assert_true(b.cap <= 100);
        const uint8_t *before = b.data;
        for (size_t i = 0; i < 100; i++)
                expect_ok(buf_append_byte(&b, 'x'));
        assert_ptr_equal(b.data, before);
        expect_fault(buf_append_byte(&b, 'x'), FAULT_EXHAUSTED, "TOO_LARGE");
}

static void cuts(void **state UNUSED)
{
        static const struct {
                const char *text, *part, *rest;
                bool has_more;
        } rows[] = {
                {"a,b,c", "a", "b,c", true}, {"a,", "a", "", true}, {",a", "", "a", true},
                {"a", "a", "", false},       {"", "", "", false},   {",", "", "", true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span rest = span_str(rows[i].text), again = rest;
                bool more = !rows[i].has_more;
                assert_true(span_eq_str(span_cut(&rest, ',', &more), rows[i].part));
                assert_true(span_eq_str(rest, rows[i].rest));
                assert_int_equal(more, rows[i].has_more);
                assert_true(span_eq_str(span_cut(&again, ',', NULL), rows[i].part));
        }
}

static void appends_little_endian(void **state UNUSED)
{
        AUTO(buf) struct buf b = BUF(4);
        expect_ok(buf_append_u32le(&b, 0x01020304));
        assert_memory_equal(b.data, "\x04\x03\x02\x01", 4);
        expect_fault(buf_append_u32le(&b, 1), FAULT_EXHAUSTED, "TOO_LARGE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(expects_bytes),
                cmocka_unit_test(compares),
                cmocka_unit_test(cuts),
                cmocka_unit_test(appends_little_endian),
                cmocka_unit_test(inspects),
                cmocka_unit_test(grows_up_to_its_limit),
                cmocka_unit_test(refuses_without_a_change),
                cmocka_unit_test(appends_numbers_and_text),
                cmocka_unit_test(empty_ones_are_strings_too),
                cmocka_unit_test(can_be_used_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
