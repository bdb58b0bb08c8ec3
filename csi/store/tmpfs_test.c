/* Real mounts, in a mount namespace of the test's own. */
#include "csi/store/tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "csi/store/mountinfo.h"
#include "csi/store/target.h"
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

#define NEEDS_MOUNTS()                                                                                                 \
        if (skip_reason != NULL)                                                                                       \
        skip()

static const struct tmpfs_options usual = {
        .bytes = 1 << 20, .inodes = 64, .mode = 0550, .has_group = true, .group = 1234};

static void at(const char *name, struct target *t)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", dir, name);
        expect_ok(target_open(dir, path, t));
}

static uint64_t attach_new(const struct target *t, bool read_only)
{
        AUTO(tmpfs) struct tmpfs m = TMPFS_NONE;
        AUTO_CLOSE int fd = -1;
        bool made;
        uint64_t id = 0;
        expect_ok(tmpfs_make(&usual, &m));
        AUTO_CLOSE int file = openat(m.root, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0440);
        assert_true(file >= 0 && write(file, "1", 1) == 1);
        auto_close_cleanup(&file);
        file = -1;
        if (read_only)
                expect_ok(tmpfs_set_read_only(&m));
        expect_ok(tmpfs_mount_id(&m, &id));
        expect_ok(target_make(t, &made, &fd));
        expect_ok(tmpfs_attach(&m, fd));
        return id;
}

static size_t ours(void)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        size_t count = 0;
        expect_ok(mountinfo_read(&m));
        for (size_t i = 0; i < m.count; i++)
                count += strcmp(m.entries[i].source, TMPFS_SOURCE) == 0;
        return count;
}

static void detached_leaks_nothing(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(tmpfs) struct tmpfs m = TMPFS_NONE;
        expect_ok(tmpfs_make(&usual, &m));
        struct stat st;
        struct statvfs fs;
        assert_int_equal(fstat(m.root, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0550);
        assert_int_equal(st.st_gid, 1234);
        assert_int_equal(fstatvfs(m.root, &fs), 0);
        assert_int_equal(fs.f_blocks * fs.f_frsize, 1 << 20);
        assert_int_equal(fs.f_files, 64);
        assert_int_equal(fs.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC), ST_NOSUID | ST_NODEV | ST_NOEXEC);
        assert_int_equal(ours(), 0);
}

static void moves_to_its_target_and_goes(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(target) struct target t = TARGET_NONE;
        struct target_view view;
        bool done;
        at("moves", &t);
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_MISSING);
        uint64_t id = attach_new(&t, false);
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_OURS);
        assert_int_equal(view.mount_id, id);
        assert_int_equal(view.stacked, 1);
        assert_true(target_shows(&t, id));
        assert_false(target_shows(&t, id + 1));
        expect_fault(target_remove(&t), FAULT_UNAVAILABLE, "TARGET_NOT_REMOVED");

        expect_ok(tmpfs_unmount(t.parent, t.name, &done));
        assert_true(done);
        assert_false(target_shows(&t, id));
        expect_ok(tmpfs_unmount(t.parent, t.name, &done)); /* not a mount any more */
        assert_false(done);
        expect_ok(target_remove(&t));
        expect_ok(target_remove(&t));
        expect_ok(tmpfs_unmount(t.parent, t.name, &done)); /* not even there */
        assert_false(done);
}

static void clone_of_read_only_is_writable(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(target) struct target t = TARGET_NONE;
        AUTO(tmpfs) struct tmpfs clone = TMPFS_NONE;
        bool done;
        at("clone", &t);
        (void) attach_new(&t, true);
        AUTO_STRING char *file = alloc_printf("%s/clone/g", dir);
        assert_int_equal(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0400), -1);
        assert_int_equal(errno, EROFS);

        expect_ok(tmpfs_clone(t.parent, t.name, &clone));
        AUTO_CLOSE int fd = openat(clone.root, "g", O_WRONLY | O_CREAT | O_CLOEXEC, 0440);
        assert_true(fd >= 0);
        assert_int_equal(access(file, R_OK), 0); /* seen by who looks at the target, who still can't write */
        assert_int_equal(open(file, O_WRONLY | O_CLOEXEC), -1);
        assert_int_equal(errno, EROFS);

        expect_ok(tmpfs_unmount(t.parent, t.name, &done)); /* the clone does not make it busy */
        assert_true(done);
        assert_int_equal(faccessat(clone.root, "g", F_OK, 0), 0); /* and outlives it */
        expect_ok(target_remove(&t));
}

static void busy_is_an_error(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(target) struct target t = TARGET_NONE;
        bool done;
        at("busy", &t);
        uint64_t id = attach_new(&t, false);
        AUTO_STRING char *file = alloc_printf("%s/busy/f", dir);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        expect_fault(tmpfs_unmount(t.parent, t.name, &done), FAULT_UNAVAILABLE, "VOLUME_BUSY");
        assert_true(target_shows(&t, id));
        close(fd);
        expect_ok(tmpfs_unmount(t.parent, t.name, &done));
        expect_ok(target_remove(&t));
}

static void stacked_are_counted(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(target) struct target t = TARGET_NONE;
        struct target_view view;
        bool done;
        at("stacked", &t);
        uint64_t below = attach_new(&t, false);
        uint64_t top = attach_new(&t, false);
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.stacked, 2);
        assert_int_equal(view.mount_id, top);
        expect_ok(tmpfs_unmount(t.parent, t.name, &done));
        assert_true(target_shows(&t, below));
        expect_ok(tmpfs_unmount(t.parent, t.name, &done));
        expect_ok(target_remove(&t));
}

static void foreign_is_told(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(target) struct target t = TARGET_NONE;
        AUTO_CLOSE int fd = -1;
        struct target_view view;
        bool done;
        at("foreign", &t);
        expect_ok(target_make(&t, &done, &fd));
        AUTO_STRING char *path = alloc_printf("%s/foreign", dir);
        assert_int_equal(mount("other", path, "tmpfs", 0, NULL), 0);
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_FOREIGN);
        auto_close_cleanup(&fd);
        fd = -1;
        expect_ok(tmpfs_unmount(t.parent, t.name, &done));
        expect_ok(target_look(&t, &view));
        assert_int_equal(view.kind, TARGET_EMPTY);
        expect_ok(target_remove(&t));
}

static void refuses_a_context_it_does_not_know(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        if (access("/sys/fs/selinux/enforce", F_OK) == 0)
                skip();
        struct tmpfs m = TMPFS_NONE;
        struct tmpfs_options o = usual;
        o.selinux_context = "system_u:object_r:container_file_t:s0";
        expect_fault(tmpfs_make(&o, &m), FAULT_INVALID, "BAD_MOUNT_CONTEXT");
}

static void clone_refuses_what_is_no_tmpfs(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct tmpfs clone = TMPFS_NONE;
        AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        expect_fault(tmpfs_clone(root, "proc", &clone), FAULT_PRECONDITION, "NOT_OUR_MOUNT");
        expect_fault(tmpfs_clone(root, "no-such-folder", &clone), FAULT_NOT_FOUND, "NO_TARGET");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(detached_leaks_nothing),
                cmocka_unit_test(moves_to_its_target_and_goes),
                cmocka_unit_test(clone_of_read_only_is_writable),
                cmocka_unit_test(busy_is_an_error),
                cmocka_unit_test(stacked_are_counted),
                cmocka_unit_test(foreign_is_told),
                cmocka_unit_test(refuses_a_context_it_does_not_know),
                cmocka_unit_test(clone_refuses_what_is_no_tmpfs),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
