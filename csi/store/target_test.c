#include "csi/store/target.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fakes/expect.h"

static char dir[64];

static char *path_of(const char *below)
{
        return alloc_printf("%s%s", dir, below);
}

static int set_up(void **state)
{
        (void) state;
        (void) snprintf(dir, sizeof(dir), "/tmp/vouchsafe-test-XXXXXX");
        assert_non_null(mkdtemp(dir));
        AUTO_STRING char *pods = path_of("/pods"), *real = path_of("/pods/real"), *link = path_of("/pods/link");
        AUTO_STRING char *out = path_of("/pods/out"), *file = path_of("/pods/file");
        assert_int_equal(mkdir(pods, 0755), 0);
        assert_int_equal(mkdir(real, 0755), 0);
        assert_int_equal(symlink("real", link), 0);
        assert_int_equal(symlink("/tmp", out), 0);
        AUTO_CLOSE int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        return 0;
}

static int tear_down(void **state)
{
        (void) state;
        AUTO_STRING char *pods = path_of("/pods"), *real = path_of("/pods/real"), *link = path_of("/pods/link");
        AUTO_STRING char *out = path_of("/pods/out"), *file = path_of("/pods/file");
        unlink(link);
        unlink(out);
        unlink(file);
        rmdir(real);
        rmdir(pods);
        return rmdir(dir);
}

static const struct row {
        const char *name, *below; /* appended to the folder; NULL: `whole` */
        const char *whole;
        enum fault_code code;
        const char *token;
} rows[] = {
        {"relative", NULL, "pods/real/mount", FAULT_INVALID, "BAD_TARGET"},
        {"empty", NULL, "", FAULT_INVALID, "BAD_TARGET"},
        {"double slash", "/pods//mount", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"slash at the end", "/pods/mount/", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"dot", "/pods/./mount", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"dot dot inside", "/pods/real/../mount", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"dot dot at the end", "/pods/..", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"elsewhere", NULL, "/etc/mount", FAULT_INVALID, "TARGET_OUTSIDE"},
        {"kubelet's directory itself", "", NULL, FAULT_INVALID, "TARGET_OUTSIDE"},
        {"a neighbour with the same beginning", "x/mount", NULL, FAULT_INVALID, "TARGET_OUTSIDE"},
        {"a link on the way", "/pods/link/mount", NULL, FAULT_INVALID, "SYMLINKED_TARGET"},
        {"a link that leads out", "/pods/out/mount", NULL, FAULT_INVALID, "SYMLINKED_TARGET"},
        {"a file on the way", "/pods/file/mount", NULL, FAULT_INVALID, "BAD_TARGET"},
        {"no parent", "/pods/none/mount", NULL, FAULT_NOT_FOUND, "NO_TARGET_PARENT"},
};

static void refuses(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct target t = TARGET_NONE;
                AUTO_STRING char *path = rows[i].below == NULL ? alloc_string(rows[i].whole) : path_of(rows[i].below);
                expect_fault_row(target_open(dir, path, &t), rows[i].code, rows[i].token, rows[i].name);
        }
        AUTO_STRING char *longest = alloc_zero(1, PATH_MAX + 1);
        memset(longest, 'a', PATH_MAX);
        longest[0] = '/';
        struct target t = TARGET_NONE;
        expect_fault(target_open(dir, longest, &t), FAULT_INVALID, "BAD_TARGET");
        expect_fault(target_open("/nonexistent", "/nonexistent/x", &t), FAULT_INTERNAL, "NO_KUBELET_DIR");
}

static void refuses_what_stands_there(void **state)
{
        (void) state;
        struct target_view view;
        bool made;
        int fd = -1;
        AUTO(target) struct target link = TARGET_NONE, file = TARGET_NONE;
        AUTO_STRING char *link_path = path_of("/pods/link"), *file_path = path_of("/pods/file");
        expect_ok(target_open(dir, link_path, &link));
        expect_fault(target_look(&link, &view), FAULT_INVALID, "SYMLINKED_TARGET");
        expect_fault(target_make(&link, &made, &fd), FAULT_INVALID, "NOT_A_DIRECTORY");
        expect_ok(target_open(dir, file_path, &file));
        expect_fault(target_look(&file, &view), FAULT_INVALID, "NOT_A_DIRECTORY");
        expect_fault(target_make(&file, &made, &fd), FAULT_INVALID, "NOT_A_DIRECTORY");
}

static void makes_and_removes(void **state)
{
        (void) state;
        AUTO_STRING char *with_slash = path_of("/"), *path = path_of("/pods/real/mount");
        AUTO(target) struct target t = TARGET_NONE;
        struct target_view view;
        expect_ok(target_open(with_slash, path, &t)); /* a slash after kubelet's directory is fine */
        for (int i = 0; i < 2; i++) {
                bool made;
                AUTO_CLOSE int fd = -1;
                expect_ok(target_make(&t, &made, &fd));
                assert_int_equal(made, i == 0);
        }
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_EMPTY);
        expect_ok(target_remove(&t));
        expect_ok(target_remove(&t));
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_MISSING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses),
                cmocka_unit_test(refuses_what_stands_there),
                cmocka_unit_test(makes_and_removes),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
