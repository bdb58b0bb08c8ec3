#include "lib/wire/json.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/base/secret.h"
#include "tests/fakes/expect.h"

static void accepts(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *canonical;
        } rows[] = {
                {"empty object", "{}", "{}"},
                {"empty array", " [ ] ", "[]"},
                {"null", "null", "null"},
                {"scalars", "[true,false,null,0,-1,\"\"]", "[true,false,null,0,-1,\"\"]"},
                {"keys are sorted", "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}", "{\"a\":{\"c\":3,\"d\":2},\"b\":1}"},
                {"a prefix comes first", "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}"},
                {"keys sort by UTF-16 units (RFC 8785, 3.2.3)",
                 "{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}",
                 "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,"
                 "\"\xef\xac\xb3\":3}"},
                {"escapes are the shortest",
                 "\"\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d\\u001F\\u0022\\u005c\\/\\u0041\\u007f\"",
                 "\"\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/A\x7f\""},
                {"largest integer", "9223372036854775807", "9223372036854775807"},
                {"smallest integer", "-9223372036854775808", "-9223372036854775808"},
                {"brackets and marks in strings are text", "[\"[[[[[[[[[[[[[[[[[[[[{{{{1.5e9\\\"[\"]",
                 "[\"[[[[[[[[[[[[[[[[[[[[{{{{1.5e9\\\"[\"]"},
                {"16 levels", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL, *again = NULL;
                AUTO(buf) struct buf out = BUF(1024);
                print_message("%s\n", rows[i].name);
                expect_ok(json_parse(span_str(rows[i].text), &j));
                expect_ok(json_write(j, &out));
                assert_string_equal(buf_str(&out), rows[i].canonical);
                again = json_copy(j);
                buf_truncate(&out, 0);
                expect_ok(json_write(again, &out));
                assert_string_equal(buf_str(&out), rows[i].canonical);
        }
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span text;
        } rows[] = {
                {"nothing", SPAN("")},
                {"blanks", SPAN("  ")},
                {"duplicate key", SPAN("{\"a\":1,\"a\":1}")},
                {"duplicate key, one escaped", SPAN("{\"a\":1,\"\\u0061\":1}")},
                {"duplicate key deep down", SPAN("{\"x\":[{\"a\":1,\"a\":1}]}")},
                {"NUL in a text, escaped", SPAN("\"a\\u0000b\"")},
                {"NUL in a key, escaped", SPAN("{\"a\\u0000b\":1}")},
                {"NUL in a text, raw", SPAN("\"a\0b\"")},
                {"NUL after the value", SPAN("{}\0")},
                {"NUL after a number", SPAN("0\0")},
                {"NUL after a number in an array", SPAN("[0\0]")},
                {"control character", SPAN("\"\n\"")},
                {"overlong UTF-8", SPAN("\"\xc0\xaf\"")},
                {"surrogate in UTF-8", SPAN("\"\xed\xa0\x80\"")},
                {"half a surrogate pair", SPAN("\"\\ud800\"")},
                {"cut UTF-8", SPAN("\"\xe2\x82\"")},
                {"byte order mark", SPAN("\xef\xbb\xbf{}")},
                {"real", SPAN("1.0")},
                {"real with exponent", SPAN("1e3")},
                {"real with capital exponent", SPAN("[1E3]")},
                {"one past the largest integer", SPAN("9223372036854775808")},
                {"one past the smallest integer", SPAN("-9223372036854775809")},
                {"leading zero", SPAN("01")},
                {"plus", SPAN("+1")},
                {"trailing text", SPAN("{}x")},
                {"two values", SPAN("{} {}")},
                {"trailing comma", SPAN("[1,]")},
                {"comment", SPAN("/**/{}")},
                {"single quotes", SPAN("{'a':1}")},
                {"NaN", SPAN("NaN")},
                {"capital true", SPAN("True")},
                {"one byte short", SPAN("{\"a\":1")},
                {"open string", SPAN("\"a")},
                {"open escape", SPAN("\"\\")},
                {"closed too often", SPAN("]]")},
                {"17 levels", SPAN("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]")},
                {"17 levels, never closed", SPAN("[[[[[[[[[[[[[[[[[")},
                {"17 levels of objects",
                 SPAN("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{"
                      "\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}")},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct json *j = NULL;
                expect_fault_row(json_parse(rows[i].text, &j), FAULT_INVALID, "BAD_JSON", rows[i].name);
                assert_null(j);
        }
}

static void bounds_what_small_brackets_cost(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(1u << 20);
        expect_ok(buf_append_byte(&text, '['));
        for (size_t i = 0; i < JSON_VALUES_MAX; i++)
                expect_ok(buf_append_str(&text, i == 0 ? "0" : ",0"));
        expect_ok(buf_append_byte(&text, ']'));
        struct json *j = NULL;
        expect_fault(json_parse(buf_span(&text), &j), FAULT_INVALID, "BAD_JSON");
}

static void errors_do_not_quote_the_text(void **state UNUSED)
{
        struct json *j = NULL;
        struct fault *f = json_parse(SPAN("{\"token\":\"s3cr3t\" x}"), &j);
        assert_null(strstr(fault_text(f), "s3cr3t"));
        assert_non_null(strstr(fault_text(f), "at byte"));
        fault_free(f);
}

#define MARKER_LEN 48
#define WINDOW     4096

/* The marker is made here and known by its complement, so that neither this text nor the search is a hit itself. */
static uint8_t marker_byte(size_t at)
{
        static const uint8_t complement[] = {0xcf, 0xce, 0xcd, 0xcc, 0xcb, 0xca, 0xc9};
        return (uint8_t) (complement[(at * 5 + at / 7) % sizeof complement] ^ 0xff);
}

static size_t count_in_range(int memory, uint64_t from, uint64_t to)
{
        size_t hits = 0;
        uint8_t window[WINDOW + MARKER_LEN];
        for (uint64_t at = from; at < to; at += WINDOW) {
                ssize_t got = pread(memory, window, sizeof window, (off_t) at);
                for (ssize_t i = 0; i < WINDOW && i + MARKER_LEN <= got; i++) {
                        size_t same = 0;
                        while (same < MARKER_LEN && window[(size_t) i + same] == marker_byte(same))
                                same++;
                        hits += same == MARKER_LEN;
                }
        }
        wipe(window, sizeof window);
        return hits;
}

static uint64_t hex_number(const char **text)
{
        static const char digits[] = "0123456789abcdef";
        uint64_t number = 0;
        for (const char *digit = NULL; **text != '\0' && (digit = strchr(digits, **text)) != NULL; (*text)++)
                number = number << 4 | (uint64_t) (digit - digits);
        return number;
}

/* How often the marker is in memory that this process can write, but for the largest maps, which are a sanitizer's. */
static size_t count_in_memory(void)
{
        size_t hits = 0;
        char line[512];
        FILE *maps = fopen("/proc/self/maps", "re");
        AUTO_CLOSE int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        assert_true(maps != NULL && memory >= 0);
        while (fgets(line, sizeof line, maps) != NULL) {
                const char *at = line;
                uint64_t from = hex_number(&at);
                at++; /* the dash */
                uint64_t to = hex_number(&at);
                if (strncmp(at, " rw", 3) == 0 && to - from <= 64u << 20)
                        hits += count_in_range(memory, from, to);
        }
        (void) fclose(maps); /* it was only read */
        return hits;
}

static void no_token_stays_behind(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(1024), out = BUF(1024);
        expect_ok(buf_append_str(&text, "{\"token\":\""));
        for (size_t i = 0; i < MARKER_LEN; i++)
                expect_ok(buf_append_byte(&text, marker_byte(i)));
        expect_ok(buf_append_str(&text, "\"}"));
        assert_true(count_in_memory() >= 1); /* the search finds what is there */

        struct json *j = NULL;
        expect_ok(json_parse(buf_span(&text), &j));
        struct json *copy = json_copy(j);
        expect_ok(json_write(copy, &out));
        json_free(copy);
        json_free(j);
        buf_truncate(&text, text.len - 1);
        expect_fault(json_parse(buf_span(&text), &j), FAULT_INVALID, "BAD_JSON"); /* one that fails cleans up as well */
        text.len++;                                                               /* what was cut off is wiped too */
        buf_wipe(&text);
        buf_wipe(&out);
        assert_int_equal(count_in_memory(), 0);
}

static struct json *parsed(const char *text)
{
        struct json *j = NULL;
        expect_ok(json_parse(span_str(text), &j));
        return j;
}

#define MEMBERS                                                                                                        \
        "{\"text\":\"abc\",\"int\":7,\"bool\":true,\"array\":[1,2],\"object\":{\"x\":1},\"null\":null,\"b64\":"        \
        "\"AQI\",\"odd\":\"A\"}"

static void gives_members(void **state UNUSED)
{
        AUTO(json) struct json *j = parsed(MEMBERS);
        struct span text = SPAN_NONE;
        int64_t number = 0;
        bool flag = false;
        const struct json *value = NULL;
        AUTO(buf) struct buf bytes = BUF(2);

        expect_ok(json_need_text(j, "text", 3, &text));
        assert_true(span_eq_str(text, "abc"));
        expect_ok(json_need_int(j, "int", 7, 7, &number));
        assert_int_equal(number, 7);
        expect_ok(json_need_bool(j, "bool", &flag));
        assert_true(flag);
        expect_ok(json_need_array(j, "array", 2, &value));
        assert_int_equal(json_int(json_at(value, 1)), 2);
        assert_null(json_at(value, 2));
        expect_ok(json_need_object(j, "object", &value));
        assert_int_equal(json_count(value), 1);
        expect_ok(json_need_base64url(j, "b64", &bytes));
        assert_true(span_eq(buf_span(&bytes), SPAN("\x01\x02")));

        expect_ok(json_want_text(j, "no", 3, &text));
        expect_ok(json_want_int(j, "no", 7, 7, &number));
        expect_ok(json_want_bool(j, "no", &flag));
        expect_ok(json_want_array(j, "no", 2, &value));
        expect_ok(json_want_object(j, "no", &value));
        assert_true(span_eq_str(text, "abc") && number == 7 && flag && json_count(value) == 1);
}

static void refuses_members(void **state UNUSED)
{
        AUTO(json) struct json *j = parsed(MEMBERS), *array = parsed("[]");
        struct span text = SPAN_NONE;
        int64_t number = 0;
        bool flag = false;
        const struct json *value = NULL;
        AUTO(buf) struct buf bytes = BUF(1);
        const struct {
                const char *name;
                struct fault *f;
        } rows[] = {
                {"text too long by one", json_need_text(j, "text", 2, &text)},
                {"text missing", json_need_text(j, "no", 9, &text)},
                {"text of another type", json_need_text(j, "int", 9, &text)},
                {"text that is null", json_want_text(j, "null", 9, &text)},
                {"integer below", json_need_int(j, "int", 8, 9, &number)},
                {"integer above", json_need_int(j, "int", 1, 6, &number)},
                {"integer of another type", json_want_int(j, "text", 1, 6, &number)},
                {"bool of another type", json_need_bool(j, "int", &flag)},
                {"bool missing", json_need_bool(j, "no", &flag)},
                {"array too long by one", json_need_array(j, "array", 1, &value)},
                {"array of another type", json_want_array(j, "object", 9, &value)},
                {"object of another type", json_want_object(j, "array", &value)},
                {"object missing", json_need_object(j, "no", &value)},
                {"bytes past the limit", json_need_base64url(j, "b64", &bytes)},
                {"bytes that are none", json_need_base64url(j, "odd", &bytes)},
                {"bytes missing", json_need_base64url(j, "no", &bytes)},
                {"member of an array", json_need_int(array, "int", 0, 9, &number)},
                {"member of nothing", json_need_int(NULL, "int", 0, 9, &number)},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(rows[i].f, FAULT_INVALID, "BAD_FIELD", rows[i].name);
        assert_true(text.data == NULL && number == 0 && !flag && value == NULL && bytes.len == 0);
}

static void refuses_unknown_members(void **state UNUSED)
{
        AUTO(json) struct json *j = parsed("{\"a\":1,\"b\":2}");
        expect_ok(json_only_keys(j, (const char *const[]){"a", "b", "c", NULL}));
        expect_fault(json_only_keys(j, (const char *const[]){"a", NULL}), FAULT_INVALID, "UNKNOWN_FIELD");
}

static void keeps_the_order_of_the_text(void **state UNUSED)
{
        AUTO(json) struct json *j = parsed("{\"z\":1,\"a\":2,\"m\":3}");
        char order[4] = "";
        size_t count = 0;
        const char *key = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(j, &at, &key, &value);)
                order[count++] = key[0];
        assert_string_equal(order, "zam");
        assert_int_equal(json_kind(json_get(j, "z")), JSON_INT);
        assert_null(json_get(j, "no"));
}

static void builds(void **state UNUSED)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_text(j, "text", "a\xff\"b");
        json_set_span(j, "span", SPAN("a\0b"));
        json_set_int(j, "int", 1);
        json_set_int(j, "int", INT64_MIN);
        json_set_bool(j, "no", false);
        json_set_base64url(j, "b64", SPAN("\xff\xfe"));
        json_set_hex(j, "hex", SPAN("\xff\xfe"));
        json_set_hex(j, "none", SPAN_NONE);
        struct json *array = json_new_array();
        json_push(array, json_new_text(SPAN_NONE));
        json_push(array, json_new_object());
        json_set(j, "array", array);
        static const char *const texts[] = {"b", "", "a"};
        json_set(j, "texts", json_new_texts(texts, COUNT_OF(texts)));
        json_set(j, "no_texts", json_new_texts(NULL, 0));

        AUTO(buf) struct buf out = BUF(1024), pretty = BUF(1024);
        expect_ok(json_write(j, &out));
        assert_string_equal(buf_str(&out),
                            "{\"array\":[\"\",{}],\"b64\":\"__4\",\"hex\":\"fffe\",\"int\":-9223372036854775808,\"no\":"
                            "false,\"no_texts\":[],\"none\":\"\",\"span\":\"a\xef\xbf\xbd"
                            "b\",\"text\":\"a\xef\xbf\xbd\\\"b\",\"texts\":[\"b\",\"\",\"a\"]}");
        expect_ok(json_write_pretty(array, &pretty));
        assert_string_equal(buf_str(&pretty), "[\n  \"\",\n  {}\n]");
}

static void writing_has_limits(void **state UNUSED)
{
        AUTO(json) struct json *j = json_new_array();
        for (int level = 1; level < JSON_WRITE_DEPTH_MAX; level++) {
                struct json *outer = json_new_array();
                json_push(outer, TAKE(j));
                j = outer;
        }
        AUTO(buf) struct buf out = BUF(1024);
        expect_ok(json_write(j, &out));
        assert_int_equal(out.len, 2 * JSON_WRITE_DEPTH_MAX);

        struct json *outer = json_new_array();
        json_push(outer, TAKE(j));
        j = outer;
        buf_truncate(&out, 5);
        expect_fault(json_write(j, &out), FAULT_INVALID, "TOO_DEEP");
        assert_int_equal(out.len, 5);

        AUTO(buf) struct buf small = BUF(7);
        AUTO(json) struct json *eight = parsed("[1,2,34]");
        expect_fault(json_write(eight, &small), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(small.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts),
                cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_what_small_brackets_cost),
                cmocka_unit_test(errors_do_not_quote_the_text),
                cmocka_unit_test(no_token_stays_behind),
                cmocka_unit_test(gives_members),
                cmocka_unit_test(refuses_members),
                cmocka_unit_test(refuses_unknown_members),
                cmocka_unit_test(keeps_the_order_of_the_text),
                cmocka_unit_test(builds),
                cmocka_unit_test(writing_has_limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
