#include "lib/wire/yaml.h"

#include <stdio.h>

#include "tests/fakes/expect.h"

static struct yaml *parsed(const char *text)
{
        struct yaml *y = NULL;
        expect_ok(yaml_parse("t.yaml", span_str(text), &y));
        return y;
}

static void gives_a_tree_with_lines(void **state UNUSED)
{
        AUTO(yaml)
        struct yaml *y = parsed("# comment\n"
                                "a: 1\n"
                                "b:\n"
                                "  - x\n"
                                "  - \"y\"\n"
                                "  - {c: [], d: ''}\n"
                                "e: |\n"
                                "  text\n"
                                "f:\n");
        assert_int_equal(yaml_documents(y), 1);
        assert_string_equal(yaml_name(y), "t.yaml");
        assert_null(yaml_document(y, 1));

        const struct yaml_node *root = yaml_document(y, 0);
        assert_int_equal(root->kind, YAML_MAPPING);
        assert_int_equal(root->count, 4);
        assert_int_equal(root->line, 2);
        assert_string_equal(root->keys[1]->text, "b");
        assert_int_equal(root->keys[1]->line, 3);

        const struct yaml_node *b = yaml_get(root, "b");
        assert_int_equal(b->kind, YAML_SEQUENCE);
        assert_int_equal(b->count, 3);
        assert_string_equal(b->items[0]->text, "x");
        assert_false(b->items[0]->quoted);
        assert_true(b->items[1]->quoted);
        assert_int_equal(b->items[1]->line, 5);
        assert_int_equal(b->items[1]->column, 5);
        assert_int_equal(yaml_get(b->items[2], "c")->count, 0);
        assert_true(yaml_get(b->items[2], "d")->quoted);
        assert_string_equal(yaml_get(root, "e")->text, "text\n");
        assert_true(yaml_get(root, "e")->quoted);
        assert_string_equal(yaml_get(root, "f")->text, "");
        assert_false(yaml_get(root, "f")->quoted);

        assert_null(yaml_get(root, "z"));
        assert_null(yaml_get(b, "z"));
        assert_null(yaml_get(NULL, "z"));
}

static void counts_documents(void **state UNUSED)
{
        static const struct {
                const char *text;
                size_t count;
        } rows[] = {{"", 0},      {"# only a comment\n", 0}, {"a", 1},
                    {"---\n", 1}, {"a: 1\n---\nb: 2\n", 2},  {"%YAML 1.2\n---\na\n", 1}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(yaml) struct yaml *y = parsed(rows[i].text);
                assert_int_equal(yaml_documents(y), rows[i].count);
        }
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span text;
                const char *place; /* how the fault's text starts */
        } rows[] = {
                {"duplicate key", SPAN("a: 1\nb: 2\na: 3\n"), "t.yaml:3:1: "},
                {"duplicate key, quoted", SPAN("a: 1\n'a': 3\n"), "t.yaml:2:1: "},
                {"duplicate key in flow", SPAN("x: {a: 1, a: 2}\n"), "t.yaml:1:11: "},
                {"anchor on a scalar", SPAN("a: &x 1\n"), "t.yaml:1:4: "},
                {"anchor on a mapping", SPAN("a: &x {}\n"), "t.yaml:1:4: "},
                {"anchor on a sequence", SPAN("a: &x []\n"), "t.yaml:1:4: "},
                {"alias", SPAN("a: *x\n"), "t.yaml:1:4: "},
                {"tag on a scalar", SPAN("a: !!int 1\n"), "t.yaml:1:4: "},
                {"tag that says nothing", SPAN("a: ! 1\n"), "t.yaml:1:4: "},
                {"tag on a mapping", SPAN("a: !x {}\n"), "t.yaml:1:4: "},
                {"tag on a sequence", SPAN("a: !!set []\n"), "t.yaml:1:4: "},
                {"tag directive", SPAN("%TAG ! tag:x,2000:\n---\na\n"), "t.yaml:1:1: "},
                {"mapping as key", SPAN("{a: 1}: 2\n"), "t.yaml:1:1: "},
                {"sequence as key", SPAN("? [a]\n: 2\n"), "t.yaml:1:3: "},
                {"NUL, escaped", SPAN("a: \"x\\0y\"\n"), "t.yaml:1:4: "},
                {"NUL, raw", SPAN("a: x\0y\n"), "t.yaml:"},
                {"control character", SPAN("a: x\x01\n"), "t.yaml:"},
                {"invalid UTF-8", SPAN("a: \xc0\xaf\n"), "t.yaml:"},
                {"UTF-16", SPAN("\xff\xfe\x61\x00"), "t.yaml:"},
                {"tab as indentation", SPAN("a:\n\tb: 1\n"), "t.yaml:2:1: "},
                {"open flow", SPAN("a: [1, 2\n"), "t.yaml:2:1: "},
                {"open quote", SPAN("a: \"x\n"), "t.yaml:2:1: "},
                {"bad indentation", SPAN("a:\n    b: 1\n  c: 2\n"), "t.yaml:3:3: "},
                {"two colons", SPAN("a: b: c\n"), "t.yaml:1:5: "},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct yaml *y = NULL;
                struct fault *f = yaml_parse("t.yaml", rows[i].text, &y);
                assert_null(y);
                if (f == NULL || strncmp(fault_text(f), rows[i].place, strlen(rows[i].place)) != 0)
                        fail_msg("%s: %s", rows[i].name, f == NULL ? "accepted" : fault_text(f));
                expect_fault_row(f, FAULT_INVALID, "BAD_YAML", rows[i].name);
        }
}

static struct fault *nested(int levels, const char *open)
{
        AUTO(buf) struct buf text = BUF(256);
        struct yaml *y = NULL;
        for (int i = 0; i < levels; i++)
                expect_ok(buf_append_str(&text, open));
        expect_ok(buf_append_byte(&text, '1'));
        for (int i = levels; i > 0; i--)
                expect_ok(buf_append_byte(&text, open[0] == '[' ? ']' : '}'));
        struct fault *f = yaml_parse("t.yaml", buf_span(&text), &y);
        yaml_free(y);
        return f;
}

static void bounds_depth(void **state UNUSED)
{
        expect_ok(nested(YAML_DEPTH_MAX, "["));
        expect_ok(nested(YAML_DEPTH_MAX, "{a: "));
        expect_fault(nested(YAML_DEPTH_MAX + 1, "["), FAULT_INVALID, "BAD_YAML");
        expect_fault(nested(YAML_DEPTH_MAX + 1, "{a: "), FAULT_INVALID, "BAD_YAML");
}

static void bounds_size(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(YAML_BYTES_MAX + 1);
        struct yaml *y = NULL;
        uint8_t *where = NULL;
        expect_ok(buf_grow(&text, YAML_BYTES_MAX + 1, &where));
        memset(where, '#', text.len);
        expect_fault(yaml_parse("t.yaml", buf_span(&text), &y), FAULT_INVALID, "BAD_YAML");

        /* the sequence itself is a value as well */
        for (size_t over = 0; over < 2; over++) {
                size_t items = YAML_NODES_MAX - 1 + over;
                for (size_t i = 0; i < items; i++)
                        memcpy(text.data + 3 * i, "- \n", 3);
                struct fault *f = yaml_parse("t.yaml", span_make(text.data, 3 * items), &y);
                if (over == 0)
                        expect_ok(f);
                else
                        expect_fault(f, FAULT_INVALID, "BAD_YAML");
                yaml_free(TAKE(y));
        }
}

static void faults_name_the_place(void **state UNUSED)
{
        AUTO(yaml) struct yaml *y = parsed("a:\n  b: 1\n");
        struct fault *f =
                yaml_fault(y, yaml_get(yaml_get(yaml_document(y, 0), "a"), "b"), "SOME_TOKEN", "%s and %d", "x", 7);
        assert_string_equal(fault_text(f), "t.yaml:2:6: x and 7");
        expect_fault(f, FAULT_INVALID, "SOME_TOKEN");
        f = yaml_fault(y, NULL, "SOME_TOKEN", "whole");
        assert_string_equal(fault_text(f), "t.yaml:1:1: whole");
        fault_free(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gives_a_tree_with_lines),
                cmocka_unit_test(counts_documents),
                cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_depth),
                cmocka_unit_test(bounds_size),
                cmocka_unit_test(faults_name_the_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
