#include "lib/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/fakes/expect.h"

static char folder[64];
static int dir = -1;

static int set_up(void **state UNUSED)
{
        (void) snprintf(folder, sizeof(folder), "%s", "/tmp/vouchsafe-file-test-XXXXXX");
        if (mkdtemp(folder) == NULL)
                return -1;
        dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 ? -1 : 0;
}

static int tear_down(void **state UNUSED)
{
        DIR *entries = fdopendir(dir);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, a DIR of its own */
        for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries)) {
                if (unlinkat(dirfd(entries), e->d_name, 0) != 0)
                        (void) unlinkat(dirfd(entries), e->d_name, AT_REMOVEDIR); /* "." and ".." refuse */
        }
        closedir(entries);
        return rmdir(folder);
}

static unsigned entry_count(void)
{
        int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *entries = fdopendir(copy);
        unsigned count = 0;
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, a DIR of its own */
        for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries))
                count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        closedir(entries);
        return count;
}

static char *path_of(const char *name)
{
        return alloc_printf("%s/%s", folder, name);
}

static mode_t mode_of(const char *name)
{
        struct stat st;
        assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        return st.st_mode & 07777;
}

static void writes_and_reads(void **state UNUSED)
{
        expect_ok(file_write_atomic_at(dir, "a", SPAN("old\0bytes"), 0440));
        assert_int_equal(mode_of("a"), 0440);
        mode_t before = umask(077);
        expect_ok(file_write_atomic_at(dir, "a", SPAN("new"), 0644)); /* the umask has no say */
        (void) umask(before);
        assert_int_equal(mode_of("a"), 0644);
        assert_int_equal(entry_count(), 1);

        AUTO(buf) struct buf bytes = BUF(100);
        expect_ok(buf_append_str(&bytes, ">"));
        expect_ok(file_read_at(dir, "a", &bytes));
        assert_string_equal(buf_str(&bytes), ">new");
        AUTO_STRING char *path = path_of("a");
        expect_ok(file_read(path, &bytes));
        assert_string_equal(buf_str(&bytes), ">newnew");

        expect_ok(file_write_atomic_at(dir, "empty", SPAN_NONE, 0600));
        buf_truncate(&bytes, 0);
        expect_ok(file_read_at(dir, "empty", &bytes));
        assert_int_equal(bytes.len, 0);
}

static void reads_up_to_the_limit(void **state UNUSED)
{
        static uint8_t content[40000];
        for (size_t i = 0; i < sizeof(content); i++)
                content[i] = (uint8_t) (i * 7);
        expect_ok(file_write_atomic_at(dir, "a", SPAN_OF(content), 0600));
        AUTO(buf) struct buf exact = BUF(sizeof(content));
        expect_ok(file_read_at(dir, "a", &exact));
        assert_true(span_eq(buf_span(&exact), SPAN_OF(content)));
        AUTO(buf) struct buf small = BUF(sizeof(content) - 1);
        expect_fault(file_read_at(dir, "a", &small), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(small.len, 0);
        AUTO(buf) struct buf none = BUF(0);
        expect_fault(file_read_at(dir, "a", &none), FAULT_EXHAUSTED, "TOO_LARGE");
}

static void refuses_what_is_no_file_of_the_folder(void **state UNUSED)
{
        assert_int_equal(symlinkat("real", dir, "link"), 0);
        assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
        assert_int_equal(mkdirat(dir, "folder", 0700), 0);
        assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
        expect_ok(file_write_atomic_at(dir, "real", SPAN("x"), 0600));
        static const struct {
                const char *name;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"link", FAULT_INVALID, "NOT_A_FILE"},   {"dangling", FAULT_INVALID, "NOT_A_FILE"},
                {"folder", FAULT_INVALID, "NOT_A_FILE"}, {"fifo", FAULT_INVALID, "NOT_A_FILE"},
                {"missing", FAULT_NOT_FOUND, "NO_FILE"}, {"", FAULT_INVALID, "BAD_NAME"},
                {".", FAULT_INVALID, "BAD_NAME"},        {"..", FAULT_INVALID, "BAD_NAME"},
                {"../etc", FAULT_INVALID, "BAD_NAME"},   {"/etc/passwd", FAULT_INVALID, "BAD_NAME"},
                {"folder/x", FAULT_INVALID, "BAD_NAME"},
        };
        AUTO(buf) struct buf bytes = BUF(100);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                expect_fault_row(file_read_at(dir, rows[i].name, &bytes), rows[i].code, rows[i].token, rows[i].name);
                if (strcmp(rows[i].token, "BAD_NAME") == 0)
                        expect_fault_row(file_write_atomic_at(dir, rows[i].name, SPAN("x"), 0600), rows[i].code,
                                         rows[i].token, rows[i].name);
        }
        assert_int_equal(bytes.len, 0);
}

static void operators_paths_may_be_links(void **state UNUSED)
{
        expect_ok(file_write_atomic_at(dir, "real", SPAN("key"), 0600));
        assert_int_equal(symlinkat("real", dir, "link"), 0);
        AUTO_STRING char *link = path_of("link");
        AUTO_STRING char *missing = path_of("missing");
        AUTO(buf) struct buf bytes = BUF(100);
        expect_ok(file_read(link, &bytes));
        assert_string_equal(buf_str(&bytes), "key");
        expect_fault(file_read(folder, &bytes), FAULT_INVALID, "NOT_A_FILE");
        expect_fault(file_read(missing, &bytes), FAULT_NOT_FOUND, "NO_FILE");
        AUTO(secret) struct secret *key = NULL;
        expect_ok(file_read_secret(link, &key));
        assert_true(secret_eq(key, SPAN("key")));
}

static void reads_secrets(void **state UNUSED)
{
        static uint8_t content[SECRET_MAX + 1];
        memset(content, 'k', sizeof(content));
        AUTO_STRING char *path = path_of("key");
        AUTO(secret) struct secret *key = NULL;
        expect_fault(file_read_secret(path, &key), FAULT_NOT_FOUND, "NO_FILE");
        expect_fault(file_read_secret(folder, &key), FAULT_INVALID, "NOT_A_FILE");
        expect_ok(file_write_atomic_at(dir, "key", SPAN_NONE, 0600));
        expect_fault(file_read_secret(path, &key), FAULT_INVALID, "EMPTY_FILE");
        expect_ok(file_write_atomic_at(dir, "key", SPAN_OF(content), 0600));
        expect_fault(file_read_secret(path, &key), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_null(key);
        expect_ok(file_write_atomic_at(dir, "key", span_make(content, SECRET_MAX), 0600));
        expect_ok(file_read_secret(path, &key));
        assert_int_equal(secret_len(key), SECRET_MAX);
}

static void a_failed_write_leaves_the_old_file(void **state UNUSED)
{
        static uint8_t large[100000];
        expect_ok(file_write_atomic_at(dir, "a", SPAN("old"), 0600));
        struct rlimit before;
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        struct rlimit small = {1000, before.rlim_max};
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        struct fault *f = file_write_atomic_at(dir, "a", SPAN_OF(large), 0600);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        expect_fault(f, FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(entry_count(), 1); /* no temp file either */
        AUTO(buf) struct buf bytes = BUF(100);
        expect_ok(file_read_at(dir, "a", &bytes));
        assert_string_equal(buf_str(&bytes), "old");
}

static void a_write_replaces_a_link_and_not_what_it_shows(void **state UNUSED)
{
        expect_ok(file_write_atomic_at(dir, "real", SPAN("kept"), 0600));
        assert_int_equal(symlinkat("real", dir, "link"), 0);
        expect_ok(file_write_atomic_at(dir, "link", SPAN("new"), 0600));
        AUTO(buf) struct buf bytes = BUF(100);
        expect_ok(file_read_at(dir, "real", &bytes));
        expect_ok(file_read_at(dir, "link", &bytes));
        assert_string_equal(buf_str(&bytes), "keptnew");
        assert_int_equal(mkdirat(dir, "folder", 0700), 0);
        expect_fault(file_write_atomic_at(dir, "folder", SPAN("x"), 0600), FAULT_INTERNAL, "FILE_IO");
        assert_int_equal(entry_count(), 3);
}

static void names_the_cause(void **state UNUSED)
{
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        assert_int_not_equal(full, -1);
        expect_fault(fd_write_all(full, SPAN("x")), FAULT_EXHAUSTED, "DISK_FULL");
        close(full);
        expect_fault(fd_write_all(-1, SPAN("x")), FAULT_INTERNAL, "FILE_IO");
        expect_ok(fd_write_all(-1, SPAN_NONE));
        int gone = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(gone);
        expect_fault(file_write_atomic_at(gone, "a", SPAN("x"), 0600), FAULT_INTERNAL, "FILE_IO");
        AUTO(fault) struct fault *f = file_read("/nowhere/x", &BUF(1));
        assert_string_equal(fault_text(f), "open /nowhere/x: No such file or directory");
}

static void opens_and_makes_directories(void **state UNUSED)
{
        AUTO_STRING char *path = path_of("state");
        AUTO_STRING char *deep = path_of("no/state");
        mode_t before = umask(077);
        AUTO_CLOSE int made = -1, again = -1, none = -1;
        expect_ok(dir_open_make(path, 0755, &made));
        (void) umask(before);
        assert_int_equal(mode_of("state"), 0755);
        expect_ok(dir_open_make(path, 0700, &again)); /* an old one keeps its mode */
        assert_int_equal(mode_of("state"), 0755);
        expect_ok(file_write_atomic_at(made, "x", SPAN("x"), 0600));
        AUTO(buf) struct buf bytes = BUF(10);
        expect_ok(file_read_at(again, "x", &bytes));
        assert_int_equal(unlinkat(made, "x", 0), 0);

        expect_fault(dir_open_make(deep, 0700, &none), FAULT_NOT_FOUND, "NO_FILE");
        expect_ok(file_write_atomic_at(dir, "file", SPAN("x"), 0600));
        AUTO_STRING char *file = path_of("file");
        expect_fault(dir_open_make(file, 0700, &none), FAULT_INVALID, "NOT_A_DIRECTORY");
        assert_int_equal(none, -1);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                ROW(writes_and_reads),
                ROW(reads_up_to_the_limit),
                ROW(refuses_what_is_no_file_of_the_folder),
                ROW(operators_paths_may_be_links),
                ROW(reads_secrets),
                ROW(a_failed_write_leaves_the_old_file),
                ROW(a_write_replaces_a_link_and_not_what_it_shows),
                ROW(names_the_cause),
                ROW(opens_and_makes_directories),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
