#include "csi/store/mountinfo.h"

#include "tests/fakes/expect.h"

#define LINE(id, parent, path) id " " parent " 0:40 / " path " rw,nosuid shared:1 - tmpfs vouchsafe rw,size=64k\n"

static const struct good {
        const char *name, *text, *path, *source;
        size_t stacked;
        uint64_t top;
} goods[] = {
        {"plain", LINE("36", "35", "/mnt"), "/mnt", "vouchsafe", 1, 36},
        {"no optional fields", "36 35 0:40 / /mnt rw - tmpfs vouchsafe rw\n", "/mnt", "vouchsafe", 1, 36},
        {"several optional fields", "36 35 0:40 / /mnt rw shared:1 master:2 unbindable - tmpfs x rw\n", "/mnt", "x", 1,
         36},
        {"escaped blank, tab, newline, backslash", "36 35 0:40 / /a\\040b\\011c\\012d\\134e rw - tmpfs x rw\n",
         "/a b\tc\nd\\e", "x", 1, 36},
        {"blanks in a neighbour's options",
         "35 1 0:40 / /c rw - 9p drv rw,path=C:\\Program Files\\x;cache=5\n" LINE("36", "35", "/mnt"), "/mnt",
         "vouchsafe", 1, 36},
        {"empty source", "36 35 0:40 / /mnt rw - tmpfs  rw\n", "/mnt", "", 1, 36},
        {"two stacked, top last", LINE("36", "35", "/mnt") LINE("37", "36", "/mnt"), "/mnt", "vouchsafe", 2, 37},
        {"two stacked, top first", LINE("37", "36", "/mnt") LINE("36", "35", "/mnt"), "/mnt", "vouchsafe", 2, 37},
        {"a longer path is another", LINE("36", "35", "/mnt") LINE("37", "36", "/mnt/x"), "/mnt", "vouchsafe", 1, 36},
};

static void accepts(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(goods); i++) {
                AUTO(mountinfo) struct mountinfo m = {0};
                const struct mountinfo_entry *top = NULL;
                print_message("%s\n", goods[i].name);
                expect_ok(mountinfo_parse(span_str(goods[i].text), &m));
                assert_int_equal(mountinfo_find(&m, goods[i].path, &top), goods[i].stacked);
                assert_non_null(top);
                assert_int_equal(top->id, goods[i].top);
                assert_string_equal(top->source, goods[i].source);
                assert_ptr_equal(mountinfo_by_id(&m, goods[i].top), top);
                assert_int_equal(mountinfo_find(&m, "/nowhere", &top), 0);
                assert_null(top);
        }
}

static const struct bad {
        const char *name;
        struct span text;
} bads[] = {
        {"no newline at the end", SPAN("36 35 0:40 / /mnt rw - tmpfs x rw")},
        {"empty line", SPAN("\n")},
        {"no separator", SPAN("36 35 0:40 / /mnt rw shared:1 tmpfs x rw\n")},
        {"too few fields", SPAN("36 35 0:40 / /mnt rw - tmpfs\n")},
        {"id is no number", SPAN("3x 35 0:40 / /mnt rw - tmpfs x rw\n")},
        {"negative parent", SPAN("36 -5 0:40 / /mnt rw - tmpfs x rw\n")},
        {"id too large", SPAN("99999999999999999999 35 0:40 / /mnt rw - tmpfs x rw\n")},
        {"device without colon", SPAN("36 35 040 / /mnt rw - tmpfs x rw\n")},
        {"device without minor", SPAN("36 35 0: / /mnt rw - tmpfs x rw\n")},
        {"device is no number", SPAN("36 35 0:4x / /mnt rw - tmpfs x rw\n")},
        {"no options", SPAN("36 35 0:40 / /mnt  - tmpfs x rw\n")},
        {"blank for options of the file system", SPAN("36 35 0:40 / /mnt rw - tmpfs x  \n")},
        {"relative path", SPAN("36 35 0:40 / mnt rw - tmpfs x rw\n")},
        {"NUL in a field that is not kept", SPAN("36 35 0:40 / /mnt rw shared:\0 - tmpfs x rw\n")},
        {"escape cut off", SPAN("36 35 0:40 / /mnt\\04 rw - tmpfs x rw\n")},
        {"escape not octal", SPAN("36 35 0:40 / /mnt\\0a0 rw - tmpfs x rw\n")},
        {"escape too large", SPAN("36 35 0:40 / /mnt\\400 rw - tmpfs x rw\n")},
        {"escaped NUL", SPAN("36 35 0:40 / /mnt\\000 rw - tmpfs x rw\n")},
        {"NUL", SPAN("36 35 0:40 / /mnt\0x rw - tmpfs x rw\n")},
        {"second line bad", SPAN(LINE("36", "35", "/mnt") "x\n")},
};

static void refuses(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(bads); i++) {
                struct mountinfo m = {0};
                expect_fault_row(mountinfo_parse(bads[i].text, &m), FAULT_INTERNAL, "BAD_MOUNTINFO", bads[i].name);
                assert_int_equal(m.count, 0);
        }
}

static void reads_the_kernels_own(void **state)
{
        (void) state;
        AUTO(mountinfo) struct mountinfo m = {0};
        expect_ok(mountinfo_read(&m));
        assert_true(mountinfo_find(&m, "/proc", NULL) >= 1);
}

static void takes_an_empty_table(void **state)
{
        (void) state;
        AUTO(mountinfo) struct mountinfo m = {0};
        expect_ok(mountinfo_parse(SPAN_NONE, &m));
        assert_int_equal(m.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts),
                cmocka_unit_test(refuses),
                cmocka_unit_test(reads_the_kernels_own),
                cmocka_unit_test(takes_an_empty_table),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
