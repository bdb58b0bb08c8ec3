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

static uintptr_t hex_take(const char **at)
{
        uintptr_t value = 0;
        for (; (**at >= '0' && **at <= '9') || (**at >= 'a' && **at <= 'f'); (*at)++)
                value = value << 4 | (uintptr_t) (**at <= '9' ? **at - '0' : **at - 'a' + 10);
        return value;
}

/* The flags that the kernel keeps of the mapping at `address` ("rd wr mr lo dc dd ..."), "" when there is none. */
static void flags_of(const void *address, char *ret_flags, size_t size)
{
        ret_flags[0] = '\0';
        FILE *maps = fopen("/proc/self/smaps", "re");
        assert_non_null(maps);
        char line[512];
        bool inside = false;
        while (fgets(line, sizeof(line), maps) != NULL) {
                const char *at = line;
                uintptr_t first = hex_take(&at), end = *at++ == '-' ? hex_take(&at) : 0;
                if (end > 0) /* "first-end rw-p ...": the head of a mapping */
                        inside = first <= (uintptr_t) address && (uintptr_t) address < end;
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

static bool is_mapped(const void *at)
{
        unsigned char resident;
        void *page = (void *) ((uintptr_t) at / 4096 * 4096); /* NOLINT(performance-no-int-to-ptr) */
        return mincore(page, 1, &resident) == 0;
}

static void a_large_one_is_unmapped(void **state UNUSED)
{
        struct secret *s = secret_new(SECRET_MAX);
        const void *at = secret_bytes(s);
        assert_true(is_mapped(at));
        secret_free(s);
        assert_false(is_mapped(at));
}

#define MANY 200

/* Neighbours of all sizes keep to their own bytes; what was freed is taken again, wiped; empty pages go, but for spare ones. */
static void secrets_share_pages(void **state UNUSED)
{
        struct secret *s[MANY];
        const uint8_t *at[MANY];
        for (size_t round = 0; round < 3; round++) {
                for (size_t i = 0; i < MANY; i++) {
                        s[i] = secret_new(1 + i * 37 % 4097);
                        assert_true(span_is_zero(secret_span(s[i])));
                        memset(secret_bytes(s[i]), (int) i + 1, secret_len(s[i]));
                }
                for (size_t i = round; i < MANY; i += 2) { /* holes for the next to fill */
                        secret_free(s[i]);
                        s[i] = secret_new(1 + i % 100);
                        assert_true(span_is_zero(secret_span(s[i])));
                        memset(secret_bytes(s[i]), (int) i + 1, secret_len(s[i]));
                }
                size_t mapped = 0;
                for (size_t i = 0; i < MANY; i++) {
                        for (size_t k = 0; k < secret_len(s[i]); k++)
                                assert_int_equal(secret_bytes(s[i])[k], (uint8_t) (i + 1));
                        at[i] = secret_bytes(s[i]);
                        secret_free(s[i]);
                }
                for (size_t i = 0; i < MANY; i++)
                        mapped += is_mapped(at[i]);
                assert_true(mapped < MANY); /* the spare ones' */
        }
}

static void freed_bytes_are_wiped(void **state UNUSED)
{
#ifdef __SANITIZE_ADDRESS__
        skip(); /* nobody may look at them */
#else
        AUTO(secret) struct secret *neighbour = secret_copy(SPAN("stays")); /* and with it the page */
        struct secret *s = secret_copy(SPAN("hunter2"));
        const uint8_t *bytes = secret_bytes(s);
        secret_free(s);
        assert_true(is_mapped(bytes));
        assert_memory_equal(bytes, "\0\0\0\0\0\0\0", 7);
        assert_true(secret_eq(neighbour, SPAN("stays")));
#endif
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
        if (is_mapped(secret_bytes(s)))
                _exit(1);                                               /* inherited */
        AUTO(secret) struct secret *own = secret_copy(SPAN("hunter2")); /* in pages of the child's */
        if (!is_mapped(secret_bytes(own)) || !secret_eq(own, SPAN("hunter2")))
                _exit(2);
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
                cmocka_unit_test(a_large_one_is_unmapped),
                cmocka_unit_test(secrets_share_pages),
                cmocka_unit_test(freed_bytes_are_wiped),
                cmocka_unit_test(a_child_does_not_inherit_it),
                cmocka_unit_test(works_and_counts_where_locking_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
