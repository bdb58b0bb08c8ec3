#include "lib/base/parse.h"

#include "tests/fakes/expect.h"

typedef struct fault *convert_fn(struct span in, struct buf *out);

static void round_trips(void **state UNUSED)
{
        /* RFC 4648, section 10, and the bytes where the alphabets differ */
        static const struct {
                struct span bytes;
                const char *hex, *base64, *base64url;
        } rows[] = {
                {{(const uint8_t *) "", 0}, "", "", ""},
                {{(const uint8_t *) "f", 1}, "66", "Zg==", "Zg"},
                {{(const uint8_t *) "fo", 2}, "666f", "Zm8=", "Zm8"},
                {{(const uint8_t *) "foo", 3}, "666f6f", "Zm9v", "Zm9v"},
                {{(const uint8_t *) "foob", 4}, "666f6f62", "Zm9vYg==", "Zm9vYg"},
                {{(const uint8_t *) "fooba", 5}, "666f6f6261", "Zm9vYmE=", "Zm9vYmE"},
                {{(const uint8_t *) "foobar", 6}, "666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
                {{(const uint8_t *) "\xfb\xff\xbf", 3}, "fbffbf", "+/+/", "-_-_"},
                {{(const uint8_t *) "\0\0", 2}, "0000", "AAA=", "AAA"},
                {{(const uint8_t *) "\xff", 1}, "ff", "/w==", "_w"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct {
                        convert_fn *encode, *decode;
                        const char *text;
                } forms[] = {{hex_encode, hex_decode, rows[i].hex},
                             {base64_encode, base64_decode, rows[i].base64},
                             {base64url_encode, base64url_decode, rows[i].base64url}};
                for (size_t j = 0; j < COUNT_OF(forms); j++) {
                        AUTO(buf) struct buf text = BUF(64), bytes = BUF(64);
                        expect_ok(buf_append_str(&text, ">"));
                        expect_ok(forms[j].encode(rows[i].bytes, &text));
                        assert_string_equal(buf_str(&text) + 1, forms[j].text);
                        expect_ok(forms[j].decode(span_str(forms[j].text), &bytes));
                        assert_true(span_eq(buf_span(&bytes), rows[i].bytes));
                }
        }
        char fixed[7];
        hex_string(SPAN("\x01\xab\xff"), fixed);
        assert_string_equal(fixed, "01abff");
        AUTO(buf) struct buf upper = BUF(4);
        expect_ok(hex_decode(SPAN("aBCd"), &upper));
        assert_true(span_eq(buf_span(&upper), SPAN("\xab\xcd")));
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                convert_fn *decode;
                const char *text, *token;
        } rows[] = {
                {"hex, odd", hex_decode, "abc", "BAD_HEX"},
                {"hex, no digit", hex_decode, "0g", "BAD_HEX"},
                {"hex, prefix", hex_decode, "0xab", "BAD_HEX"},
                {"hex, blank", hex_decode, "ab cd ", "BAD_HEX"},
                {"hex, below 0", hex_decode, "0/", "BAD_HEX"},
                {"hex, after 9", hex_decode, "0:", "BAD_HEX"},
                {"hex, after F", hex_decode, "0G", "BAD_HEX"},
                {"hex, below a", hex_decode, "0`", "BAD_HEX"},
                {"base64, no padding", base64_decode, "Zg", "BAD_BASE64"},
                {"base64, half the padding", base64_decode, "Zg=", "BAD_BASE64"},
                {"base64, too much padding", base64_decode, "Zg===", "BAD_BASE64"},
                {"base64, only padding", base64_decode, "====", "BAD_BASE64"},
                {"base64, three of padding", base64_decode, "Z===", "BAD_BASE64"},
                {"base64, padding where none belongs", base64_decode, "Zm9v====", "BAD_BASE64"},
                {"base64, padding in the middle", base64_decode, "Zg==Zg==", "BAD_BASE64"},
                {"base64, character after padding", base64_decode, "Zg=v", "BAD_BASE64"},
                {"base64, unused bits", base64_decode, "Zh==", "BAD_BASE64"},
                {"base64, unused bits of two", base64_decode, "Zm9=", "BAD_BASE64"},
                {"base64, newline", base64_decode, "Zm9v\n", "BAD_BASE64"},
                {"base64, blank", base64_decode, "Zm 9", "BAD_BASE64"},
                {"base64, other alphabet", base64_decode, "-_-_", "BAD_BASE64"},
                {"base64url, padding", base64url_decode, "Zg==", "BAD_BASE64"},
                {"base64url, one of padding", base64url_decode, "Zm8=", "BAD_BASE64"},
                {"base64url, one character over", base64url_decode, "Zm9vY", "BAD_BASE64"},
                {"base64url, one over with zero bits", base64url_decode, "Zm9vA", "BAD_BASE64"},
                {"base64url, unused bits", base64url_decode, "Zh", "BAD_BASE64"},
                {"base64url, unused bits of two", base64url_decode, "Zm9", "BAD_BASE64"},
                {"base64url, other alphabet", base64url_decode, "+/+/", "BAD_BASE64"},
                {"base64url, newline", base64url_decode, "Zm\n", "BAD_BASE64"},
                {"base64url, not ASCII", base64url_decode, "Zm\xC3\xA4", "BAD_BASE64"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf out = BUF(64);
                expect_ok(buf_append_str(&out, "before"));
                expect_fault_row(rows[i].decode(span_str(rows[i].text), &out), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
                assert_string_equal(buf_str(&out), "before");
        }
        AUTO(buf) struct buf out = BUF(64);
        expect_fault(base64url_decode(SPAN("Zm9\0"), &out), FAULT_INVALID, "BAD_BASE64");
        expect_fault(hex_decode(SPAN("0\0"), &out), FAULT_INVALID, "BAD_HEX");
}

static void keeps_to_the_limit(void **state UNUSED)
{
        AUTO(buf) struct buf out = BUF(3);
        expect_fault(hex_encode(SPAN("ab"), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(base64_encode(SPAN("a"), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(base64url_encode(SPAN("abc"), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(hex_decode(SPAN("00000000"), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(base64_decode(SPAN("AAAAAA=="), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(base64url_decode(SPAN("AAAAAA"), &out), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(out.len, 0);
        expect_ok(base64url_encode(SPAN("ab"), &out));
        assert_string_equal(buf_str(&out), "YWI");
}

static void faults_do_not_show_the_input(void **state UNUSED)
{
        AUTO(buf) struct buf out = BUF(64);
        AUTO(fault) struct fault *hex = hex_decode(SPAN("5ec4e7zz"), &out);
        assert_string_equal(fault_text(hex), "no hex digit at offset 6");
        AUTO(fault) struct fault *base64 = base64url_decode(SPAN("c2Vjc*V0"), &out);
        assert_string_equal(fault_text(base64), "no base64 character at offset 5");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trips),
                cmocka_unit_test(refuses),
                cmocka_unit_test(keeps_to_the_limit),
                cmocka_unit_test(faults_do_not_show_the_input),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
