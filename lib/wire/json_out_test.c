#include "lib/wire/json_out.h"

#include "tests/fakes/expect.h"

static void write_all(struct json_out *o, const struct json *tree)
{
        json_out_object(o, NULL);
        json_out_array(o, "array");
        json_out_int(o, NULL, INT64_MIN);
        json_out_object(o, NULL);
        json_out_close(o);
        json_out_array(o, NULL);
        json_out_close(o);
        json_out_close(o);
        json_out_hex(o, "hex", SPAN("\xff\x00"));
        json_out_bool(o, "no", false);
        json_out_text(o, "quoted", "a\"b\\\n\xc3\xa4");
        json_out_text(o, "torn", "a\xff");
        json_out_tree(o, "tree", tree);
        json_out_text(o, "x", "");
        json_out_bool(o, "yes", true);
        json_out_close(o);
}

#define WHOLE                                                                                                          \
        "{\"array\":[-9223372036854775808,{},[]],\"hex\":\"ff00\",\"no\":false,\"quoted\":\"a\\\"b\\\\\\n\xc3\xa4\","  \
        "\"torn\":\"a\xef\xbf\xbd\",\"tree\":{\"a\":1,\"b\":[]},\"x\":\"\",\"yes\":true}"

static struct json *some_tree(void)
{
        struct json *tree = json_new_object();
        json_set(tree, "b", json_new_array());
        json_set_int(tree, "a", 1);
        return tree;
}

/* What is written here is what json_write makes of the parsed text. */
static void writes_canonical_text(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(4096), again = BUF(4096);
        AUTO(json) struct json *tree = some_tree(), *parsed = NULL;
        struct json_out o = {.out = &text};
        write_all(&o, tree);
        expect_ok(json_out_end(&o));
        assert_string_equal(buf_str(&text), WHOLE);
        expect_ok(json_parse(buf_span(&text), &parsed));
        expect_ok(json_write(parsed, &again));
        assert_string_equal(buf_str(&again), WHOLE);
}

/* Wherever the room ends, the fault says so and nothing is written past it. */
static void every_limit_is_a_fault(void **state UNUSED)
{
        for (size_t room = 0; room < sizeof WHOLE - 1; room++) {
                AUTO(buf) struct buf text = BUF(room);
                AUTO(json) struct json *tree = some_tree();
                struct json_out o = {.out = &text};
                write_all(&o, tree);
                expect_fault(json_out_end(&o), FAULT_EXHAUSTED, "TOO_LARGE");
                assert_true(text.len <= room);
        }
}

/* In a tree it is written as it stands, copied, and null to whoever looks. */
static void written_values(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(4096);
        AUTO(json) struct json *o = json_new_object();
        json_set(o, "w", json_new_written(SPAN("{\"a\":[1]}")));
        json_set_int(o, "b", 2);
        AUTO(json) struct json *copy = json_copy(o);
        expect_ok(json_write(copy, &text));
        assert_string_equal(buf_str(&text), "{\"b\":2,\"w\":{\"a\":[1]}}");
        assert_int_equal(json_kind(json_get(o, "w")), JSON_NULL_KIND);
        assert_int_equal(json_count(json_get(o, "w")), 0);
        assert_null(json_get(json_get(o, "w"), "a"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_canonical_text),
                cmocka_unit_test(every_limit_is_a_fault),
                cmocka_unit_test(written_values),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
