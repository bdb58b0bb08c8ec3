#include "lib/base/secret.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/fakes/expect.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* mlock is replaced by nothing there */
#else
#define SANITIZED false
#endif

static void holds_bytes(void **state UNUSED)
{
        AUTO(secret) struct secret *s = secret_new(5000);
        assert_int_equal(secret_len(s), 5000);
        assert_true(span_is_zero(secret_span(s)));
        secret_bytes(s)[4999] = 1;
        assert_int_equal(secret_span(s).data[4999], 1);
        AUTO(secret) struct secret *largest = secret_new(SECRET_MAX);
        assert_int_equal(secret_len(largest), SECRET_MAX);
        secret_free(NULL);
}

static void copies_and_compares(void **state UNUSED)
{
        AUTO(secret) struct secret *s = secret_copy(SPAN("hunter2"));
        assert_true(secret_eq(s, SPAN("hunter2")));
        assert_false(secret_eq(s, SPAN("hunter3")));
        assert_false(secret_eq(s, SPAN("hunter")));
        assert_false(secret_eq(s, SPAN("hunter2\0")));
        assert_false(secret_eq(s, SPAN_NONE));
}

static void shrinking_wipes_the_tail(void **state UNUSED)
{
        AUTO(secret) struct secret *s = secret_copy(SPAN("hunter2"));
        const uint8_t *bytes = secret_bytes(s);
        secret_shrink(s, 3);
        assert_true(secret_eq(s, SPAN("hun")));
        assert_memory_equal(bytes, "hun\0\0\0\0", 7);
}

static void wipes(void **state UNUSED)
{
        char text[] = "hunter2";
        wipe(text, 6);
        assert_memory_equal(text,
                            "\0\0\0\0\0\0"
                            "2",
                            7);
        wipe(NULL, 0);
}

/* The flags that the kernel keeps of the mapping at `address` ("rd wr mr lo dc dd ..."), "" when there is none. */
static void flags_of(const void *address, char *ret_flags, size_t size)
{
        ret_flags[0] = '\0';
        FILE *maps = fopen("/proc/self/smaps", "re");
        assert_non_null(maps);
        AUTO_STRING char *start = alloc_printf("%lx-", (unsigned long) (uintptr_t) address);
        char line[512];
        bool inside = false;
        while (fgets(line, sizeof(line), maps) != NULL) {
                if (strncmp(line, start, strlen(start)) == 0)
                        inside = true;
                if (!inside || strncmp(line, "VmFlags:", 8) != 0)
                        continue;
                (void) snprintf(ret_flags, size, "%s", line);
                break;
        }
        fclose(maps);
}

static void pages_are_guarded(void **state UNUSED)
{
        if (SANITIZED || secret_unlocked_count() > 0)
                skip(); /* the tests before this one were refused locks on this machine */
        AUTO(secret) struct secret *s = secret_copy(SPAN("hunter2"));
        char flags[512];
        flags_of(secret_bytes(s), flags, sizeof(flags));
        assert_non_null(strstr(flags, " lo")); /* locked */
        assert_non_null(strstr(flags, " dd")); /* not dumped */
        assert_non_null(strstr(flags, " dc")); /* not copied by fork */
}

static void freed_pages_are_gone(void **state UNUSED)
{
        struct secret *s = secret_copy(SPAN("hunter2"));
        void *page = secret_bytes(s);
        unsigned char resident;
        assert_int_equal(mincore(page, 1, &resident), 0);
        secret_free(s);
        assert_int_equal(mincore(page, 1, &resident), -1);
}

/* Runs `body` in a child; its exit code, or 128 + the signal that ended it. */
static int in_child(void (*body)(struct secret *s), struct secret *s)
{
        fflush(NULL);
        pid_t child = fork();
        assert_int_not_equal(child, -1);
        if (child == 0) {
                body(s);
                _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void child_frees(struct secret *s)
{
        void *page = secret_bytes(s);
        unsigned char resident;
        if (mincore(page, 1, &resident) == 0)
                _exit(1); /* inherited */
        secret_free(s);
}

static void a_child_does_not_inherit_it(void **state UNUSED)
{
        AUTO(secret) struct secret *s = secret_copy(SPAN("hunter2"));
        assert_int_equal(in_child(child_frees, s), 0);
        assert_true(secret_eq(s, SPAN("hunter2")));
}

static void child_without_locks(struct secret *unused UNUSED)
{
        unsigned before = secret_unlocked_count();
        struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0))
                _exit(1);
        AUTO(secret) struct secret *s = secret_copy(SPAN("hunter2"));
        if (!secret_eq(s, SPAN("hunter2")))
                _exit(2);
        if (secret_unlocked_count() != before + 1)
                _exit(3);
}

static void works_and_counts_where_locking_is_refused(void **state UNUSED)
{
        if (SANITIZED)
                skip();
        assert_int_equal(in_child(child_without_locks, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holds_bytes),
                cmocka_unit_test(copies_and_compares),
                cmocka_unit_test(shrinking_wipes_the_tail),
                cmocka_unit_test(wipes),
                cmocka_unit_test(pages_are_guarded),
                cmocka_unit_test(freed_pages_are_gone),
                cmocka_unit_test(a_child_does_not_inherit_it),
                cmocka_unit_test(works_and_counts_where_locking_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
