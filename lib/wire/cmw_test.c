#include "lib/wire/cmw.h"

#include "tests/fakes/expect.h"

static struct fault *parse_text(const char *text, struct cmw *ret)
{
        AUTO(json) struct json *j = NULL;
        expect_ok(json_parse(span_str(text), &j));
        return cmw_parse(j, ret);
}

static void reads_a_record(void **state UNUSED)
{
        AUTO(cmw) struct cmw c = {0};
        expect_ok(parse_text("[\"application/x+json\",\"AQI\",4]", &c));
        assert_int_equal(c.count, 1);
        assert_string_equal(c.items[0].label, "");
        assert_string_equal(c.items[0].type, "application/x+json");
        assert_true(span_eq(buf_span(&c.items[0].value), SPAN("\x01\x02")));
        assert_int_equal(c.items[0].indicator, CMW_IND_EVIDENCE);
        assert_ptr_equal(cmw_find(&c, "application/x+json"), &c.items[0]);
        assert_null(cmw_find(&c, "application/x"));
}

static void reads_a_collection(void **state UNUSED)
{
        AUTO(cmw) struct cmw c = {0};
        expect_ok(parse_text("{\"__cmwc_t\":\"tag:x\",\"z\":[\"a/b\",\"AQ\"],\"a\":[\"c/d;v=1\",\"\",31]}", &c));
        assert_int_equal(c.count, 2);
        assert_string_equal(c.items[0].label, "z");
        assert_int_equal(c.items[0].indicator, 0);
        assert_string_equal(c.items[1].label, "a");
        assert_string_equal(c.items[1].type, "c/d;v=1");
        assert_int_equal(c.items[1].value.len, 0);
}

static void writes_what_it_reads(void **state UNUSED)
{
        static const char *const rows[] = {
                "[\"a/b\",\"AQI\"]",
                "[\"a/b\",\"AQI\",4]",
                "{\"cpu\":[\"a/b\",\"AQI\",4]}",
                "{\"a\":[\"a/b\",\"\"],\"b\":[\"a/b\",\"AQ\",12]}",
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                AUTO(buf) struct buf out = BUF(1024);
                expect_ok(parse_text(rows[i], &c));
                AUTO(json) struct json *j = cmw_to_json(&c);
                expect_ok(json_write(j, &out));
                assert_string_equal(buf_str(&out), rows[i]);
        }
}

#define LONG63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name, *text;
        } rows[] = {
                {"null", "null"},
                {"text", "\"a/b\""},
                {"empty array", "[]"},
                {"type alone", "[\"a/b\"]"},
                {"four members", "[\"a/b\",\"AQ\",4,4]"},
                {"content format number", "[60,\"AQ\"]"},
                {"empty type", "[\"\",\"AQ\"]"},
                {"type without slash", "[\"json\",\"AQ\"]"},
                {"type with control character", "[\"a/b\\n\",\"AQ\"]"},
                {"type not in ASCII", "[\"a/\xc3\xb6\",\"AQ\"]"},
                {"type too long by one", "[\"" LONG63 "/" LONG63 "a\",\"AQ\"]"},
                {"value not a text", "[\"a/b\",1]"},
                {"value padded", "[\"a/b\",\"AQ==\"]"},
                {"value of the other alphabet", "[\"a/b\",\"+/+/\"]"},
                {"value with blanks", "[\"a/b\",\"AQ \"]"},
                {"indicator zero", "[\"a/b\",\"AQ\",0]"},
                {"indicator past the bits", "[\"a/b\",\"AQ\",32]"},
                {"indicator negative", "[\"a/b\",\"AQ\",-1]"},
                {"indicator a text", "[\"a/b\",\"AQ\",\"4\"]"},
                {"empty collection", "{}"},
                {"collection of a type only", "{\"__cmwc_t\":\"x\"}"},
                {"collection type not a text", "{\"__cmwc_t\":1,\"a\":[\"a/b\",\"AQ\"]}"},
                {"nested collection", "{\"a\":{\"b\":[\"a/b\",\"AQ\"]}}"},
                {"empty label", "{\"\":[\"a/b\",\"AQ\"]}"},
                {"label with blank", "{\"a b\":[\"a/b\",\"AQ\"]}"},
                {"label too long by one", "{\"" LONG63 "a\":[\"a/b\",\"AQ\"]}"},
                {"bad record after a good one", "{\"a\":[\"a/b\",\"AQ\"],\"b\":[]}"},
                {"nine items", "{\"1\":[\"a/b\",\"\"],\"2\":[\"a/b\",\"\"],\"3\":[\"a/b\",\"\"],\"4\":[\"a/"
                               "b\",\"\"],\"5\":[\"a/b\",\"\"],\"6\":[\"a/"
                               "b\",\"\"],\"7\":[\"a/b\",\"\"],\"8\":[\"a/b\",\"\"],\"9\":[\"a/b\",\"\"]}"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct cmw c = {.count = 77};
                expect_fault_row(parse_text(rows[i].text, &c), FAULT_INVALID, "BAD_CMW", rows[i].name);
                assert_int_equal(c.count, 77);
        }
}

static void bounds_an_item(void **state UNUSED)
{
        for (size_t over = 0; over < 2; over++) {
                AUTO(buf) struct buf value = BUF(CMW_ITEM_MAX + 1);
                uint8_t *where = NULL;
                expect_ok(buf_grow(&value, CMW_ITEM_MAX + over, &where));
                memset(where, 7, value.len);
                AUTO(json) struct json *record = cmw_record("a/b", buf_span(&value), 0);
                AUTO(cmw) struct cmw c = {0};
                if (over == 0)
                        expect_ok(cmw_parse(record, &c));
                else
                        expect_fault(cmw_parse(record, &c), FAULT_INVALID, "BAD_CMW");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_a_record),       cmocka_unit_test(reads_a_collection),
                cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_an_item),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
