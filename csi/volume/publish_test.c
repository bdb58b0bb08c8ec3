#include "tests/fakes/volume_fixture.h"

static void publishes(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct stat st;
        expect_ok(publish_with("v1", token_until(600)));
        assert_int_equal(mounts_of_ours(), 1);
        contains("v1", "tls.crt", "chain 1.0");
        contains("v1", "tls.key", "key 1.0");
        contains("v1", "credential-bundle.pem", "key 1.0\nchain 1.0");
        contains("v1", "ca.crt", "roots 1");
        contains("v1", "trust-bundle.json", "spiffe_sequence");
        contains("v1", "status.json", "\"state\": \"fresh\"");
        contains("v1", "status.json", "\"generation\": 1");
        contains("v1", "status.json", "\"evidence\": \"tpm\"");
        AUTO_STRING char *key = alloc_printf("%s/pod-v1/mount/tls.key", paths.kubelet);
        AUTO_STRING char *root = target_path("v1");
        assert_int_equal(stat(key, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0440);
        assert_int_equal(st.st_gid, 2000);
        assert_int_equal(stat(root, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0550);
        assert_int_equal(st.st_gid, 2000);
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 1);
        assert_int_equal(journal_records(), 1);
}

static void republish_is_quick_and_takes_the_token(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish_with("v1", token_until(100)));
        fake_acquirer_fail(&attester, FAULT_UNAVAILABLE, "DOWN", 0); /* not that it would be asked */
        expect_ok(publish_with("v1", token_until(5000)));
        expect_ok(publish("v1")); /* brings none: the one held stays */
        assert_int_equal(fake_acquirer_calls(&attester), 1);
        fake_acquirer_succeed(&attester);
        pass_s(420);
        assert_int_equal(fake_acquirer_renewals(&attester), 1);
        assert_int_equal(mounts_of_ours(), 1);
}

static void refuses_other_arguments(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(volume_spec)
        struct volume_spec profile = spec_of("v1"), group = spec_of("v1"), mode = spec_of("v1"), path = spec_of("v1"),
                           bad_mode = spec_of("v2"), bad_id = spec_of("v2"), outside = spec_of("v2"),
                           missing = spec_of("v2");
        expect_ok(publish("v1"));
        free(profile.profile);
        profile.profile = alloc_string("other");
        group.group = 2001;
        mode.file_mode = 0400;
        free(path.target_path);
        path.target_path = alloc_printf("%s/pod-v1/other", paths.kubelet);
        expect_fault(volumes_publish(volumes, &profile, NULL, NULL), FAULT_EXISTS, "OTHER_ARGUMENTS");
        expect_fault(volumes_publish(volumes, &group, NULL, NULL), FAULT_EXISTS, "OTHER_ARGUMENTS");
        expect_fault(volumes_publish(volumes, &mode, NULL, NULL), FAULT_EXISTS, "OTHER_ARGUMENTS");
        expect_fault(volumes_publish(volumes, &path, NULL, NULL), FAULT_PRECONDITION, "PUBLISHED_ELSEWHERE");
        expect_fault(volumes_unpublish(volumes, "v1", path.target_path, NULL), FAULT_PRECONDITION,
                     "PUBLISHED_ELSEWHERE");

        bad_mode.file_mode = 0444;
        expect_fault(volumes_publish(volumes, &bad_mode, NULL, NULL), FAULT_INVALID, "BAD_MODE");
        (void) snprintf(bad_id.id, sizeof(bad_id.id), "../x");
        expect_fault(volumes_publish(volumes, &bad_id, NULL, NULL), FAULT_INVALID, "BAD_VOLUME_ID");
        free(outside.target_path);
        outside.target_path = alloc_string("/etc/mount");
        expect_fault(volumes_publish(volumes, &outside, NULL, NULL), FAULT_INVALID, "TARGET_OUTSIDE");
        free(missing.profile);
        missing.profile = NULL;
        expect_fault(volumes_publish(volumes, &missing, NULL, NULL), FAULT_INVALID, "BAD_SPEC");
        contains("v1", "tls.key", "key 1.0"); /* nothing of all this touched the volume */
        assert_int_equal(fake_acquirer_calls(&attester), 1);
}

static void failed_publish_leaves_nothing(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        fake_acquirer_fail(&attester, FAULT_DENIED, "tpm.pcr", 0);
        expect_fault(publish("v1"), FAULT_DENIED, "tpm.pcr");
        expect_nothing_of("v1");
        fake_acquirer_succeed(&attester);
        attester.broken_key = true;
        expect_fault(publish("v1"), FAULT_INTERNAL, "EMPTY_KEY");
        expect_nothing_of("v1");
        attester.broken_key = false;
        attester.padding = 900 * 1024; /* fits the chain's own limit, not the volume with two copies of it */
        expect_fault(publish("v1"), FAULT_EXHAUSTED, "VOLUME_FULL");
        expect_nothing_of("v1");
        attester.padding = 0;
        attester.life_s = 0;
        expect_fault(publish("v1"), FAULT_INTERNAL, "BAD_DATES");
        expect_nothing_of("v1");
        attester.life_s = LIFE_S;
        expect_ok(publish("v1"));
}

static void refuses_bad_targets(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(volume_spec)
        struct volume_spec foreign = spec_of("foreign"), link = spec_of("link"), taken = spec_of("v2");
        make_dir(foreign.target_path);
        assert_int_equal(mount("other", foreign.target_path, "tmpfs", 0, NULL), 0);
        expect_fault(volumes_publish(volumes, &foreign, NULL, NULL), FAULT_PRECONDITION, "TARGET_MOUNTED");
        expect_fault(unpublish("foreign"), FAULT_PRECONDITION, "TARGET_MOUNTED");
        assert_int_equal(umount2(foreign.target_path, 0), 0);

        assert_int_equal(symlink("/tmp", link.target_path), 0);
        expect_fault(volumes_publish(volumes, &link, NULL, NULL), FAULT_INVALID, "SYMLINKED_TARGET");
        assert_int_equal(fake_acquirer_calls(&attester), 0);

        expect_ok(publish("v1"));
        free(taken.target_path);
        taken.target_path = target_path("v1");
        expect_fault(volumes_publish(volumes, &taken, NULL, NULL), FAULT_PRECONDITION, "TARGET_MOUNTED");
        expect_fault(volumes_unpublish(volumes, "v2", taken.target_path, NULL), FAULT_PRECONDITION, "OTHER_VOLUME");
        contains("v1", "tls.key", "key 1.0");
        assert_int_equal(journal_records(), 1);
}

static void keeps_to_its_limit(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        for (int i = 0; i < 8; i++) {
                char id[16];
                (void) snprintf(id, sizeof(id), "v%d", i);
                expect_ok(publish(id));
        }
        expect_fault(publish("v8"), FAULT_EXHAUSTED, "TOO_MANY_VOLUMES");
        assert_false(target_exists("v8"));
        expect_ok(unpublish("unknown")); /* also when the table is full */
        expect_ok(unpublish("v3"));
        expect_ok(publish("v8"));
}

static void a_vanished_mount_is_made_anew(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        expect_ok(publish("v1"));
        assert_int_equal(umount2(path, 0), 0);
        expect_ok(publish("v1"));
        contains("v1", "tls.key", "key 2.0");
        assert_int_equal(mounts_of_ours(), 1);
        assert_int_equal(umount2(path, 0), 0);
        pass_s(420); /* the timer finds nobody home */
        assert_int_equal(fake_acquirer_renewals(&attester), 0);
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 0);
        assert_int_equal(row(METRIC_GHOSTS, 0), 1);
        assert_int_equal(journal_records(), 0);
}

static void journal_that_cannot_be_written(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        assert_int_equal(mount("small", paths.state, "tmpfs", 0, NULL), 0);
        restart();
        assert_int_equal(mount(NULL, paths.state, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
        expect_fault(publish("v1"), FAULT_UNAVAILABLE, "READ_ONLY");
        assert_int_equal(mounts_of_ours(), 0);
        assert_int_equal(fake_acquirer_calls(&attester), 0); /* nothing was issued in vain */
        assert_int_equal(mount(NULL, paths.state, NULL, MS_REMOUNT, NULL), 0);
        expect_ok(publish("v1"));
        assert_int_equal(mount(NULL, paths.state, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
        expect_ok(publish_with("v1", token_until(600))); /* a healthy volume stays healthy */
        expect_ok(unpublish("v1"));
        assert_int_equal(mounts_of_ours(), 0);
        volumes_close(volumes);
        assert_int_equal(umount2(paths.state, MNT_DETACH), 0);
        open_volumes();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(publishes),
                TEST(republish_is_quick_and_takes_the_token),
                TEST(refuses_other_arguments),
                TEST(failed_publish_leaves_nothing),
                TEST(refuses_bad_targets),
                TEST(keeps_to_its_limit),
                TEST(a_vanished_mount_is_made_anew),
                TEST(journal_that_cannot_be_written),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
