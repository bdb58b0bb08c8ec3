/* What is sent of a boot log, and what is not. */
#include "attester/evidence/boot_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fakes/expect.h"

#define MAX ((size_t) 100 * 1024)

static char folder[64], path[96];

/* `len` bytes that look like events, then `filler_len` of `filler`. */
static void write_log(size_t len, size_t filler_len, int filler)
{
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        for (size_t i = 0; i < len; i++)
                assert_true(fputc('a' + (int) (i % 26), f) != EOF);
        for (size_t i = 0; i < filler_len; i++)
                assert_true(fputc(filler, f) != EOF);
        assert_int_equal(fclose(f), 0);
}

static void whole_or_not_at_all(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                size_t len, filler_len;
                int filler;
                size_t wanted; /* 0: left out */
        } rows[] = {
                {"empty", 0, 0, 0, 0},
                {"short", 10, 0, 0, 10},
                {"filler that fits stays", 10, 5000, 0xff, 5010},
                {"as long as there is room", MAX, 0, 0, MAX},
                {"a byte longer", MAX + 1, 0, 0, 0},
                {"filler of ones behind it", MAX - 4096, 65536, 0xff, MAX},
                {"filler of zeros behind it", 70000, 524288, 0, 74096},
                {"too long without its filler", MAX - 4095, 65536, 0xff, 0},
                {"something that is no filler", 10, MAX, 0x55, 0},
                {"filler alone", 0, MAX + 1, 0xff, 4096},
                {"longer than any firmware's memory for it", 10, 1024 * 1024, 0xff, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct boot_log l = boot_log_new(path, MAX);
                write_log(rows[i].len, rows[i].filler_len, rows[i].filler);
                AUTO(buf) struct buf log = boot_log_read(&l);
                if (log.len != rows[i].wanted || l.was_told != (rows[i].wanted == 0))
                        fail_msg("%s: %zu", rows[i].name, log.len);
                if (log.len > 0 && rows[i].len > 2)
                        assert_memory_equal(log.data, "abc", 3);
                boot_log_clear(&l);
        }
        assert_int_equal(unlink(path), 0);
}

/* The kernel's files say that they are empty. */
static void reads_what_says_it_is_empty(void **state)
{
        (void) state;
        struct boot_log l = boot_log_new("/proc/self/status", 0);
        AUTO(buf) struct buf log = boot_log_read(&l);
        assert_true(log.len > 100);
        boot_log_clear(&l);
}

static void none_is_no_fault(void **state)
{
        (void) state;
        struct boot_log unset = boot_log_new(NULL, 0), empty = boot_log_new("", 0), missing = boot_log_new(path, 0),
                        folder_instead = boot_log_new(folder, 0);
        struct boot_log *all[] = {&unset, &empty, &missing, &folder_instead};
        for (size_t i = 0; i < COUNT_OF(all); i++) {
                AUTO(buf) struct buf log = boot_log_read(all[i]);
                assert_int_equal(log.len, 0);
                assert_int_equal(all[i]->was_told, i > 1); /* where one was expected */
        }
        write_log(3, 0, 0); /* and when it comes, it is sent, and its loss would be told again */
        AUTO(buf) struct buf log = boot_log_read(&missing);
        assert_int_equal(log.len, 3);
        assert_false(missing.was_told);
        assert_int_equal(unlink(path), 0);
        for (size_t i = 0; i < COUNT_OF(all); i++)
                boot_log_clear(all[i]);
}

static int make_folder(void **state)
{
        (void) state;
        (void) snprintf(folder, sizeof folder, "/tmp/vouchsafe-log-XXXXXX"); /* fits, as below */
        assert_non_null(mkdtemp(folder));
        (void) snprintf(path, sizeof path, "%s/log", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void) state;
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_or_not_at_all),
                cmocka_unit_test(reads_what_says_it_is_empty),
                cmocka_unit_test(none_is_no_fault),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
