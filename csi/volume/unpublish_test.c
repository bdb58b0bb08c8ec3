#include "tests/fakes/volume_fixture.h"

static void unpublish_is_idempotent(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        AUTO_STRING char *parent = alloc_printf("%s/pod-v1", paths.kubelet);
        expect_ok(unpublish("v1")); /* not even its parent is there */
        expect_ok(publish("v1"));
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
        expect_ok(unpublish("v1"));
        make_dir(path);
        expect_ok(unpublish("v1")); /* an empty directory */
        assert_false(target_exists("v1"));
        expect_ok(publish("v1"));
        assert_int_equal(umount2(path, 0), 0);
        expect_ok(unpublish("v1")); /* not mounted: a reboot */
        expect_nothing_of("v1");
        assert_int_equal(rmdir(parent), 0);
        expect_ok(unpublish("v1"));
        static const char long_id[200] = {[0 ... 198] = 'a'};
        expect_fault(volumes_unpublish(volumes, long_id, path, NULL), FAULT_INVALID, "BAD_VOLUME_ID");
        expect_fault(volumes_unpublish(volumes, "v1", "/etc/x", NULL), FAULT_INVALID, "TARGET_OUTSIDE");
}

static void a_busy_volume_goes_on(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *key = alloc_printf("%s/pod-v1/mount/tls.key", paths.kubelet);
        expect_ok(publish("v1"));
        int fd = open(key, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        expect_fault(unpublish("v1"), FAULT_UNAVAILABLE, "VOLUME_BUSY");
        contains("v1", "tls.key", "key 1.0"); /* nothing was lost */
        assert_int_equal(journal_records(), 1);
        expect_ok(publish("v1"));
        close(fd);
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
}

static void what_stands_in_the_way_is_an_error(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        AUTO_STRING char *file = alloc_printf("%s/left", path);
        AUTO(volume_spec) struct volume_spec s = spec_of("v1"); /* makes the parent */
        assert_string_equal(s.target_path, path);
        make_dir(path);
        AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        expect_ok(publish("v1"));
        expect_fault(unpublish("v1"), FAULT_UNAVAILABLE, "TARGET_NOT_REMOVED");
        assert_int_equal(mounts_of_ours(), 0);
        assert_int_equal(unlink(file), 0);
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
}

static void all_stacked_mounts_go(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        expect_ok(publish("v1"));
        for (int i = 0; i < 3; i++) { /* as a driver that counts badly would */
                AUTO(tmpfs) struct tmpfs t = TMPFS_NONE;
                AUTO_CLOSE int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                expect_ok(tmpfs_make(&(struct tmpfs_options){.bytes = 4096, .inodes = 8, .mode = 0550}, &t));
                expect_ok(tmpfs_attach(&t, at));
        }
        assert_int_equal(mounts_of_ours(), 4);
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(unpublish_is_idempotent),
                TEST(a_busy_volume_goes_on),
                TEST(what_stands_in_the_way_is_an_error),
                TEST(all_stacked_mounts_go),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
