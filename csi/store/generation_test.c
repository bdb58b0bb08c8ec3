/* Generations on a plain folder; the full file system on a real tmpfs in a mount namespace of the test's own. */
#include "csi/store/generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "csi/store/shred.h"
#include "csi/store/tmpfs.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/mounts.h"

static char dir[64];
static const char *skip_reason;

static int set_up(void **state)
{
        (void) state;
        skip_reason = mounts_enter(dir);
        if (skip_reason != NULL)
                print_message("skipped: %s\n", skip_reason);
        return 0;
}

static int tear_down(void **state)
{
        (void) state;
        if (skip_reason == NULL)
                mounts_leave(dir);
        return 0;
}

static struct tmpfs room(uint64_t inodes)
{
        struct tmpfs t = TMPFS_NONE;
        if (skip_reason != NULL)
                skip();
        expect_ok(tmpfs_make(&(struct tmpfs_options){.bytes = 256 * 1024, .inodes = inodes, .mode = 0550}, &t));
        return t;
}

static void add(struct layout *l, const char *name, const char *first, const char *second)
{
        struct layout_file *file = NULL;
        expect_ok(layout_add(l, name, &file));
        file->from_current = first == NULL;
        if (first != NULL)
                file->parts[0] = span_str(first);
        if (second != NULL)
                file->parts[1] = span_str(second);
}

static struct fault *swap(int root, uint64_t sequence, const struct layout *l)
{
        struct generation_order o = {
                .sequence = sequence, .layout = l, .has_group = true, .group = 4321, .file_mode = 0440};
        return generation_swap(root, &o);
}

static void reads(int root, const char *name, const char *want)
{
        char got[128] = "";
        AUTO_CLOSE int fd = openat(root, name, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        ssize_t len = read(fd, got, sizeof(got) - 1);
        assert_true(len >= 0);
        assert_string_equal(got, want);
}

struct census {
        size_t generations, links, others;
};

static struct fault *count(void *arg, int root UNUSED, const char *name, unsigned char type)
{
        struct census *c = arg;
        if (strcmp(name, "..data") == 0)
                return NULL;
        c->generations += type == DT_DIR;
        c->links += type == DT_LNK;
        c->others += type != DT_DIR && type != DT_LNK;
        return NULL;
}

static struct census census_of(int root)
{
        struct census c = {0};
        expect_ok(shred_walk(root, count, &c));
        return c;
}

static void shows_all_at_once(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        AUTO(buf) struct buf text = BUF(64);
        struct layout one = {0}, two = {0};
        struct stat st;
        expect_fault(generation_read(t.root, "tls.key", &text), FAULT_NOT_FOUND, "NO_GENERATION");
        add(&one, "tls.key", "key 1\n", NULL);
        add(&one, "bundle", "key 1\n", "chain 1\n");
        expect_ok(swap(t.root, 1, &one));
        reads(t.root, "tls.key", "key 1\n");
        reads(t.root, "bundle", "key 1\nchain 1\n");
        assert_int_equal(fstatat(t.root, "tls.key", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0440);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(st.st_gid, 4321);
        assert_int_equal(fstatat(t.root, "..data/", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0550);
        assert_int_equal(st.st_gid, 4321);

        /* who has the old one open reads on; who opens anew sees the new one */
        AUTO_CLOSE int old = openat(t.root, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        add(&two, "tls.key", "key 2\n", NULL);
        add(&two, "new", "n\n", NULL);
        expect_ok(swap(t.root, 2, &two));
        reads(t.root, "tls.key", "key 2\n");
        reads(t.root, "new", "n\n");
        reads(old, "tls.key", "key 1\n");
        assert_int_equal(faccessat(t.root, "bundle", F_OK, AT_SYMLINK_NOFOLLOW), -1); /* a name that went */

        AUTO_CLOSE int key = openat(old, "tls.key", O_RDONLY | O_CLOEXEC);
        char zeros[6] = {1};
        expect_ok(generation_reap(t.root, 0));
        assert_int_equal(pread(key, zeros, 6, 0), 6);
        assert_true(span_is_zero(SPAN_OF(zeros))); /* wiped, not only unlinked */
        struct census c = census_of(t.root);
        assert_int_equal(c.generations, 1);
        assert_int_equal(c.links, 2);
        assert_int_equal(c.others, 0);

        expect_ok(generation_read(t.root, "tls.key", &text));
        assert_string_equal(buf_str(&text), "key 2\n");
        expect_ok(generation_wipe(t.root));
        c = census_of(t.root);
        assert_int_equal(c.generations + c.links + c.others, 0);
}

static void keeps_files_as_they_are(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        struct layout one = {0}, two = {0}, names = {0};
        struct stat before, after;
        add(&one, "tls.key", "key 1\n", NULL);
        add(&one, "ca.crt", "ca 1\n", NULL);
        expect_ok(swap(t.root, 1, &one));
        assert_int_equal(fstatat(t.root, "tls.key", &before, 0), 0);
        add(&two, "tls.key", NULL, NULL);
        add(&two, "ca.crt", "ca 2\n", NULL);
        expect_ok(swap(t.root, 2, &two));
        assert_int_equal(fstatat(t.root, "tls.key", &after, 0), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        expect_ok(generation_reap(t.root, 0));
        reads(t.root, "tls.key", "key 1\n"); /* not wiped with its old name */
        reads(t.root, "ca.crt", "ca 2\n");
        expect_ok(generation_list(t.root, &names));
        assert_int_equal(names.count, 2);

        struct layout missing = {0};
        add(&missing, "never-there", NULL, NULL);
        expect_fault(swap(t.root, 3, &missing), FAULT_INTERNAL, "VOLUME_IO");
        reads(t.root, "tls.key", "key 1\n");
        assert_int_equal(census_of(t.root).generations, 1);
}

static void replaces_one_file(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        struct layout one = {0}, status = {0};
        struct stat st;
        add(&one, "tls.key", "key 1\n", NULL);
        add(&one, STATUS_FILE, "fresh", NULL);
        expect_ok(swap(t.root, 1, &one));
        add(&status, STATUS_FILE, "expired", NULL);
        struct generation_order o = {.sequence = 1, .layout = &status, .file_mode = 0400};
        expect_ok(generation_replace(t.root, &o, STATUS_FILE));
        reads(t.root, STATUS_FILE, "expired");
        reads(t.root, "tls.key", "key 1\n");
        assert_int_equal(fstatat(t.root, STATUS_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0400);
        assert_int_equal(census_of(t.root).generations, 1);
}

/* A crash between any two steps leaves such things; the next swap goes through and they go. */
static void clears_what_a_crash_left(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        struct layout one = {0};
        add(&one, "tls.key", "key 1\n", NULL);
        expect_ok(swap(t.root, 1, &one));
        assert_int_equal(mkdirat(t.root, "..2_half", 0700), 0);
        assert_int_equal(symlinkat("..2_half", t.root, "..tmp_x"), 0);
        assert_int_equal(symlinkat("..2_half", t.root, "..data_tmp"), 0);
        AUTO_CLOSE int half = openat(t.root, "..2_half/tls.key", O_WRONLY | O_CREAT | O_CLOEXEC, 0);
        assert_int_equal(write(half, "k", 1), 1);
        expect_ok(swap(t.root, 2, &one));
        expect_ok(generation_reap(t.root, 0));
        struct census c = census_of(t.root);
        assert_int_equal(c.generations, 1);
        assert_int_equal(c.links, 1);
        reads(t.root, "tls.key", "key 1\n");
}

static void keeps_few_old_ones(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        struct layout one = {0};
        add(&one, "tls.key", "key\n", NULL);
        for (uint64_t i = 1; i < 20; i++)
                expect_ok(swap(t.root, i, &one));
        assert_true(census_of(t.root).generations <= 4);
}

/* With each possible number of inodes some step of the second swap finds the file system full. The first generation is shown, whole,
 * after each failure, and once there is room for both the swap succeeds. */
static void full_at_every_step(void **state)
{
        (void) state;
        bool failed = false, succeeded = false;
        for (uint64_t inodes = 6; inodes < 24; inodes++) {
                AUTO(tmpfs) struct tmpfs t = room(inodes);
                struct layout one = {0}, two = {0};
                static const char *const names[] = {"a", "b", "c"};
                for (size_t i = 0; i < COUNT_OF(names); i++) {
                        add(&one, names[i], "old", NULL);
                        add(&two, names[i], "new", NULL);
                }
                add(&two, "d", "new", NULL);
                struct fault *f = swap(t.root, 1, &one);
                if (f != NULL) {
                        expect_fault(f, FAULT_EXHAUSTED, "VOLUME_FULL");
                        continue;
                }
                f = swap(t.root, 2, &two);
                failed |= f != NULL;
                succeeded |= f == NULL;
                for (size_t i = 0; i < COUNT_OF(names); i++)
                        reads(t.root, names[i], f == NULL ? "new" : "old");
                if (f != NULL)
                        expect_fault(f, FAULT_EXHAUSTED, "VOLUME_FULL");
                expect_ok(generation_reap(t.root, 0));
                assert_int_equal(census_of(t.root).generations, 1);
        }
        assert_true(failed && succeeded);
}

static void full_of_bytes(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        AUTO_STRING char *big = alloc_zero(1, 300 * 1024);
        memset(big, 'x', 300 * 1024 - 1);
        struct layout one = {0}, two = {0};
        add(&one, "a", "old", NULL);
        add(&two, "a", big, NULL);
        expect_ok(swap(t.root, 1, &one));
        expect_fault(swap(t.root, 2, &two), FAULT_EXHAUSTED, "VOLUME_FULL");
        reads(t.root, "a", "old");
        big[150 * 1024] = '\0'; /* fits only when the old ones have gone */
        two.files[0].parts[0] = span_str(big);
        expect_ok(swap(t.root, 3, &two));
        expect_ok(swap(t.root, 4, &one));
        expect_ok(swap(t.root, 5, &two));
}

static void refuses_modes(void **state)
{
        (void) state;
        static const mode_t modes[] = {0444, 0441, 0442, 0550, 04440, 0040, 0000};
        AUTO(tmpfs) struct tmpfs t = room(64);
        struct layout one = {0};
        add(&one, "a", "x", NULL);
        for (size_t i = 0; i < COUNT_OF(modes); i++) {
                struct generation_order o = {.sequence = 1, .layout = &one, .file_mode = modes[i]};
                expect_fault(generation_swap(t.root, &o), FAULT_INVALID, "WORLD_READABLE");
        }
        assert_int_equal(generation_dir_mode(0400), 0500);
        assert_int_equal(generation_dir_mode(0440), 0550);
        assert_int_equal(generation_dir_mode(0640), 0550);
        assert_int_equal(census_of(t.root).generations, 0);
}

static void follows_no_link_out(void **state)
{
        (void) state;
        static const char *const ways[] = {"/etc", "../etc", "..", "..data", "..x/../../etc", "etc"};
        for (size_t i = 0; i < COUNT_OF(ways); i++) {
                AUTO(tmpfs) struct tmpfs t = room(64);
                AUTO(buf) struct buf text = BUF(4096);
                assert_int_equal(symlinkat(ways[i], t.root, "..data"), 0);
                expect_fault_row(generation_read(t.root, "passwd", &text), FAULT_NOT_FOUND, "NO_GENERATION", ways[i]);
        }
}

static void shreds_no_deeper_than_ours(void **state)
{
        (void) state;
        AUTO(tmpfs) struct tmpfs t = room(64);
        assert_int_equal(mkdirat(t.root, "1", 0700), 0);
        assert_int_equal(mkdirat(t.root, "1/2", 0700), 0);
        assert_int_equal(mkdirat(t.root, "1/2/3", 0700), 0);
        assert_int_equal(mkdirat(t.root, "1/2/3/4", 0700), 0);
        assert_int_equal(mkdirat(t.root, "1/2/3/4/5", 0700), 0);
        expect_fault(shred_tree(t.root, "1"), FAULT_INTERNAL, "SHRED_FAILED");
        assert_int_equal(unlinkat(t.root, "1/2/3/4/5", AT_REMOVEDIR), 0);
        assert_int_equal(unlinkat(t.root, "1/2/3/4", AT_REMOVEDIR), 0);
        expect_ok(shred_tree(t.root, "1"));
        expect_ok(shred_tree(t.root, "1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shows_all_at_once),   cmocka_unit_test(keeps_files_as_they_are),
                cmocka_unit_test(replaces_one_file),   cmocka_unit_test(clears_what_a_crash_left),
                cmocka_unit_test(keeps_few_old_ones),  cmocka_unit_test(full_at_every_step),
                cmocka_unit_test(full_of_bytes),       cmocka_unit_test(refuses_modes),
                cmocka_unit_test(follows_no_link_out), cmocka_unit_test(shreds_no_deeper_than_ours),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
