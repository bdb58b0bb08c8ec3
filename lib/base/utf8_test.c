#include "lib/base/utf8.h"

#include <string.h>

#include "tests/fakes/expect.h"

static void decodes(void **state UNUSED)
{
        static const struct {
                const char *name, *text;
                size_t taken;
                uint32_t point;
        } rows[] = {
                {"empty", "", 0, 0},
                {"ascii", "a", 1, 'a'},
                {"first of two bytes", "\xC2\x80", 2, 0x80},
                {"overlong in two bytes", "\xC1\xBF", 0, 0},
                {"two bytes, one missing", "\xC2", 0, 0},
                {"two bytes, second is none",
                 "\xC2"
                 "a",
                 0, 0},
                {"last of two bytes", "\xDF\xBF", 2, 0x7ff},
                {"first of three bytes", "\xE0\xA0\x80", 3, 0x800},
                {"overlong in three bytes", "\xE0\x9F\xBF", 0, 0},
                {"before the surrogates", "\xED\x9F\xBF", 3, 0xd7ff},
                {"first surrogate", "\xED\xA0\x80", 0, 0},
                {"last surrogate", "\xED\xBF\xBF", 0, 0},
                {"after the surrogates", "\xEE\x80\x80", 3, 0xe000},
                {"first of four bytes", "\xF0\x90\x80\x80", 4, 0x10000},
                {"overlong in four bytes", "\xF0\x8F\xBF\xBF", 0, 0},
                {"last point", "\xF4\x8F\xBF\xBF", 4, 0x10ffff},
                {"past the last point", "\xF4\x90\x80\x80", 0, 0},
                {"five bytes", "\xF8\x88\x80\x80\x80", 0, 0},
                {"continuation alone", "\x80", 0, 0},
                {"never a byte of UTF-8", "\xFF", 0, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint32_t point = 0;
                size_t taken = utf8_decode(rows[i].text, strlen(rows[i].text), &point);
                if (taken != rows[i].taken || point != rows[i].point)
                        fail_msg("%s: took %zu, point %x", rows[i].name, taken, point);
        }
}

static void knows_controls(void **state UNUSED)
{
        static const uint32_t controls[] = {0, 0x1b, 0x1f, 0x7f, 0x80, 0x9f, 0x200f, 0x2028, 0x202e, 0x2066, 0x2069};
        static const uint32_t harmless[] = {' ', '~', 0xa0, 0x2027, 0x202f, 0x2065, 0x206a, 0xfffd, 0x10ffff};
        for (size_t i = 0; i < COUNT_OF(controls); i++)
                assert_true(utf8_is_control(controls[i]));
        for (size_t i = 0; i < COUNT_OF(harmless); i++)
                assert_false(utf8_is_control(harmless[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decodes),
                cmocka_unit_test(knows_controls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
