#include "tests/fakes/volume_fixture.h"

static void restart_reissues_nothing(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        struct volume_stats stats;
        expect_ok(publish("v1"));
        expect_ok(publish("v2"));
        pass_s(100);
        restart();
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 2);
        assert_int_equal(fake_acquirer_calls(&attester), 2);
        assert_int_equal(mounts_of_ours(), 2);
        contains("v1", "tls.key", "key 1.0");
        expect_ok(publish("v1"));
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_int_equal(fake_acquirer_calls(&attester), 2);
        pass_s(320); /* the schedule went on */
        assert_int_equal(fake_acquirer_renewals(&attester), 2);
        contains("v1", "status.json", "\"generation\": 2");
        expect_ok(unpublish("v1"));
        expect_ok(unpublish("v2"));
        expect_nothing_of("v1");
}

static void restart_waits_for_the_token_it_lost(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish_with("v1", token_until(6000)));
        restart();
        pass_s(420);
        assert_int_equal(fake_acquirer_renewals(&attester), 0);
        expect_ok(publish_with("v1", token_until(600)));
        volumes_settle(volumes);
        assert_int_equal(fake_acquirer_renewals(&attester), 1);
}

static void restart_drops_what_is_not_mounted(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        expect_ok(publish("v1"));
        volumes_close(volumes);
        assert_int_equal(umount2(path, 0), 0);
        open_volumes();
        assert_int_equal(journal_records(), 0);
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 0);
        expect_ok(publish("v1")); /* the same pod after a reboot: from scratch */
        contains("v1", "tls.key", "key 2.0");
}

static void edit_journal(const char *id, const char *old, const char *new)
{
        AUTO(buf) struct buf text = BUF(1 << 16);
        AUTO(journal_record) struct journal_record r = {0};
        AUTO_STRING char *path = alloc_printf("%s/volumes/%s.json", paths.state, id);
        expect_ok(file_read(path, &text));
        expect_ok(journal_record_read(buf_span(&text), &r));
        assert_int_equal(strlen(old), strlen(new));
        assert_string_equal(r.boot_id, old);
        memcpy(r.boot_id, new, strlen(new));
        buf_truncate(&text, 0);
        expect_ok(journal_record_write(&r, &text));
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        expect_ok(fd_write_all(fd, buf_span(&text)));
}

static void a_record_of_another_boot_is_dropped(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        AUTO_STRING char *boot = alloc_string(journal_boot_id(volumes->journal));
        expect_ok(publish("v1"));
        volumes_close(volumes);
        assert_int_equal(umount2(path, 0), 0);
        edit_journal("v1", boot, "00000000-0000-0000-0000-000000000000");
        open_volumes();
        assert_int_equal(journal_records(), 0);
        assert_int_equal(journal_quarantined(volumes->journal), 0);
}

static void a_lost_record_is_made_good_by_the_republish(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *record = alloc_printf("%s/volumes/v1.json", paths.state);
        AUTO_STRING char *torn = alloc_printf("%s/volumes/v2.json", paths.state);
        expect_ok(publish("v1"));
        expect_ok(publish("v2"));
        volumes_close(volumes);
        assert_int_equal(unlink(record), 0);
        assert_int_equal(truncate(torn, 50), 0);
        open_volumes();
        assert_int_equal(journal_quarantined(volumes->journal), 1);
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 0);
        assert_int_equal(mounts_of_ours(), 2); /* nobody's mount is touched */
        expect_ok(publish("v1"));
        expect_ok(publish("v2"));
        assert_int_equal(fake_acquirer_calls(&attester), 2);
        assert_int_equal(mounts_of_ours(), 2);
        assert_int_equal(journal_records(), 2);
        expect_ok(unpublish("v1"));
        restart();
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 1);
}

static void a_damaged_volume_is_mended(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *status = alloc_printf("%s/pod-v1/mount/..data/status.json", paths.kubelet);
        expect_ok(publish("v1"));
        volumes_close(volumes);
        assert_int_equal(truncate(status, 10), 0);
        open_volumes();
        volumes_settle(volumes);
        contains("v1", "tls.key", "key 2.0");
        contains("v1", "status.json", "\"state\": \"fresh\"");
        assert_int_equal(mounts_of_ours(), 1);
        AUTO_STRING char *record = alloc_printf("%s/volumes/v1.json", paths.state);
        volumes_close(volumes);
        assert_int_equal(truncate(status, 10), 0);
        assert_int_equal(unlink(record), 0); /* and nobody knows it */
        open_volumes();
        expect_ok(publish("v1"));
        contains("v1", "tls.key", "key 3.0");
        assert_int_equal(mounts_of_ours(), 1);
}

/* A child publishes, renews and unpublishes until it is killed somewhere; afterwards whatever is mounted is complete and of one
 * generation, what is journalled is mounted or goes, and the next start takes over. */
static void publish_until_killed(void)
{
        for (;;) {
                fault_free(publish("v1"));
                fake_clock_advance_ms(&now, 420000);
                volumes_settle(volumes);
                fault_free(unpublish("v1"));
        }
}

static void check_after_kill(void)
{
        open_volumes();
        size_t live = volumes_count(volumes, VOLUME_FRESH) + volumes_count(volumes, VOLUME_OVERDUE) +
                      volumes_count(volumes, VOLUME_EXPIRED);
        assert_int_equal(mounts_of_ours(), live);
        assert_int_equal(journal_records(), live);
        if (live > 0) {
                AUTO(buf) struct buf key = BUF(64), chain = BUF(64), both = BUF(256);
                read_in("v1", "tls.key", &key);
                read_in("v1", "tls.crt", &chain);
                read_in("v1", "credential-bundle.pem", &both);
                assert_string_equal(buf_str(&key) + 3, buf_str(&chain) + 5);
                assert_non_null(strstr(buf_str(&both), buf_str(&key)));
        }
        unsigned calls = fake_acquirer_calls(&attester);
        expect_ok(publish("v1"));
        assert_int_equal(fake_acquirer_calls(&attester), calls + (live == 0));
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
}

static void killed_anywhere(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        for (int round = 0; round < 12; round++) {
                volumes_close(volumes);
                volumes = NULL;
                pid_t child = fork();
                assert_true(child >= 0);
                if (child == 0) {
                        fake_clock_init(&now, 1795456800000, 1000000);
                        fake_acquirer_init(&attester, &now.clock, LIFE_S);
                        open_volumes();
                        publish_until_killed();
                }
                usleep((useconds_t) (5000 + round * 1700)); /* somewhere */
                assert_int_equal(kill(child, SIGKILL), 0);
                assert_int_equal(waitpid(child, NULL, 0), child);
                check_after_kill();
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(restart_reissues_nothing),
                TEST(restart_waits_for_the_token_it_lost),
                TEST(restart_drops_what_is_not_mounted),
                TEST(a_record_of_another_boot_is_dropped),
                TEST(a_lost_record_is_made_good_by_the_republish),
                TEST(a_damaged_volume_is_mended),
                TEST(killed_anywhere),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
