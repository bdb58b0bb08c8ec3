#include "lib/base/sandbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/fakes/expect.h"

static bool has(const struct sandbox_paths *paths, const char *path, unsigned access)
{
        for (size_t i = 0; i < paths->count; i++)
                if (strcmp(paths->items[i].path, path) == 0 && paths->items[i].access == access)
                        return true;
        return false;
}

static void folder_of_a_file_and_of_where_it_leads(void **state)
{
        (void) state;
        char folder[] = "/tmp/vouchsafe-sandbox-XXXXXX";
        assert_non_null(mkdtemp(folder));
        AUTO_STRING char *below = alloc_printf("%s/real", folder);
        AUTO_STRING char *file = alloc_printf("%s/real/file", folder);
        AUTO_STRING char *link = alloc_printf("%s/link", folder);
        assert_int_equal(mkdir(below, 0700), 0);
        AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(symlink("real/file", link), 0);

        AUTO(sandbox_paths) struct sandbox_paths paths = {0};
        sandbox_paths_add_folder_of(&paths, link, SANDBOX_READ);
        assert_int_equal(paths.count, 2);
        assert_true(has(&paths, folder, SANDBOX_READ));
        assert_true(has(&paths, below, SANDBOX_READ));
        sandbox_paths_add_folder_of(&paths, NULL, SANDBOX_READ);
        assert_int_equal(paths.count, 2);
        sandbox_paths_add_folder_of(&paths, "/nowhere/at/all", SANDBOX_WRITE); /* it may come */
        assert_true(has(&paths, "/nowhere/at", SANDBOX_WRITE));

        assert_int_equal(unlink(link), 0);
        assert_int_equal(unlink(file), 0);
        assert_int_equal(rmdir(below), 0);
        assert_int_equal(rmdir(folder), 0);
}

#if !SANDBOX_IS_WEAK
static void *sleep_long(void *arg)
{
        (void) pause(); /* until the process ends */
        return arg;
}

static void a_thread_that_runs_already_is_noticed(void **state)
{
        (void) state;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                pthread_t thread;
                if (pthread_create(&thread, NULL, sleep_long, NULL) != 0)
                        _exit(1);
                const struct sandbox_profile p = {.role = "test", .families = SANDBOX_UNIX};
                AUTO(fault) struct fault *f = sandbox_enter(&p);
                _exit(f != NULL && strcmp(fault_token(f), "SANDBOX") == 0 ? 0 : 2);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}
#endif

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(folder_of_a_file_and_of_where_it_leads),
#if !SANDBOX_IS_WEAK
                cmocka_unit_test(a_thread_that_runs_already_is_noticed),
#endif
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
