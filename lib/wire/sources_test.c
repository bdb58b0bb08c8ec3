#include "lib/wire/sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

static char folder[] = FOLDER_TEMPLATE;

static void write_text(const char *name, const char *text)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, span_str(text)));
}

static int make_folder(void **state)
{
        (void) state;
        memcpy(folder, FOLDER_TEMPLATE, sizeof folder);
        return !folder_make(folder);
}

static int drop_folder(void **state)
{
        (void) state;
        return !folder_remove(folder);
}

static void a_folder_gives_its_texts_sorted(void **state)
{
        (void) state;
        write_text("b.yaml", "b");
        write_text("a.yml", "a");
        write_text("B.yaml", "B");
        write_text(".hidden.yaml", "no");
        write_text("notes.txt", "no");
        write_text("yaml", "no");
        AUTO_STRING char *link = alloc_printf("%s/c.yaml", folder);
        assert_int_equal(symlink("b.yaml", link), 0); /* as a ConfigMap has it */

        const char *paths[] = {folder};
        AUTO(sources) struct sources s = {0};
        expect_ok(sources_read(paths, 1, &s));
        assert_int_equal(s.count, 4);
        static const char *const texts[] = {"B", "a", "b", "b"};
        for (size_t i = 0; i < s.count; i++)
                assert_string_equal(buf_str(&s.items[i].text), texts[i]);
        AUTO_STRING char *first = alloc_printf("%s/B.yaml", folder);
        assert_string_equal(s.items[0].name, first);
}

static void files_keep_the_order_they_were_named_in(void **state)
{
        (void) state;
        write_text("b.yaml", "b");
        write_text("plain", "p");
        AUTO_STRING char *b = alloc_printf("%s/b.yaml", folder);
        AUTO_STRING char *plain = alloc_printf("%s/plain", folder);
        const char *paths[] = {plain, b};
        AUTO(sources) struct sources s = {0};
        expect_ok(sources_read(paths, 2, &s));
        assert_int_equal(s.count, 2);
        assert_string_equal(buf_str(&s.items[0].text), "p"); /* a file that was named needs no suffix */
}

static void what_cannot_be_read_is_refused(void **state)
{
        (void) state;
        AUTO(sources) struct sources s = {0};
        AUTO_STRING char *gone = alloc_printf("%s/gone.yaml", folder);
        const char *missing[] = {gone};
        expect_fault(sources_read(missing, 1, &s), FAULT_NOT_FOUND, "NO_FILE");
        const char *empty[] = {folder};
        expect_fault(sources_read(empty, 1, &s), FAULT_INVALID, "NO_SOURCE");

        write_text("a.yaml", "a");
        AUTO_STRING char *a = alloc_printf("%s/a.yaml", folder);
        const char *many[SOURCES_MAX + 1];
        for (size_t i = 0; i < COUNT_OF(many); i++)
                many[i] = a;
        expect_fault(sources_read(many, COUNT_OF(many), &s), FAULT_EXHAUSTED, "TOO_MANY_SOURCES");
        assert_int_equal(truncate(a, SOURCE_BYTES_MAX), 0);
        expect_ok(sources_read(many, 1, &s));
        const char *both[] = {a, a};
        AUTO(sources) struct sources more = {0};
        expect_fault(sources_read(both, 2, &more), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(more.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_folder_gives_its_texts_sorted, make_folder, drop_folder),
                cmocka_unit_test_setup_teardown(files_keep_the_order_they_were_named_in, make_folder, drop_folder),
                cmocka_unit_test_setup_teardown(what_cannot_be_read_is_refused, make_folder, drop_folder),
        };
        return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
