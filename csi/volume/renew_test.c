#include "tests/fakes/volume_fixture.h"

static void renews(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *root = target_path("v1");
        expect_ok(publish("v1"));
        AUTO_STRING char *data = alloc_printf("%s/..data", root);
        AUTO_CLOSE int old = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pass_s(330);
        contains("v1", "tls.key", "key 1.0");
        pass_s(90);
        contains("v1", "tls.key", "key 2.0");
        contains("v1", "tls.crt", "chain 2.0");
        contains("v1", "status.json", "\"generation\": 2");
        AUTO(buf) struct buf before = BUF(64);
        expect_ok(file_read_at(old, "tls.key", &before)); /* a reader's time */
        assert_string_equal(buf_str(&before), "key 1.0\n");
        pass_s(6);
        expect_fault(file_read_at(old, "tls.key", &before), FAULT_NOT_FOUND, "NO_FILE");
        for (int i = 0; i < 3; i++)
                pass_s(420);
        contains("v1", "status.json", "\"generation\": 5");
        assert_int_equal(row(METRIC_RENEWALS, RENEWAL_OK), 4);
        assert_int_equal(row(METRIC_GENERATIONS, 0), 5);
        assert_int_equal(mounts_of_ours(), 1);
}

static void renews_lives_of_seconds(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        attester.life_s = 20;
        expect_ok(publish("v1"));
        for (int i = 0; i < 120; i++)
                pass_s(1);
        assert_in_range(fake_acquirer_renewals(&attester), 8, 11);
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH), 1);
}

static void renews_what_is_mounted_read_only(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        read_only = true;
        restart();
        expect_ok(publish("v1"));
        AUTO_STRING char *file = alloc_printf("%s/pod-v1/mount/x", paths.kubelet);
        assert_int_equal(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
        assert_int_equal(errno, EROFS);
        pass_s(420);
        contains("v1", "tls.key", "key 2.0");
        restart();
        pass_s(420);
        contains("v1", "tls.key", "key 3.0");
        assert_int_equal(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
        expect_ok(unpublish("v1"));
}

static void a_denied_renewal_keeps_what_is_there(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        struct volume_stats stats;
        expect_ok(publish("v1"));
        fake_acquirer_fail(&attester, FAULT_DENIED, "tpm.pcr", 0);
        pass_s(401);
        contains("v1", "tls.key", "key 1.0");
        contains("v1", "status.json", "\"check\": \"tpm.pcr\"");
        contains("v1", "status.json", "\"state\": \"fresh\"");
        expect_ok(publish("v1")); /* kubelet must not be told: it would take the volume down */
        pass_s(60);
        contains("v1", "status.json", "\"state\": \"overdue\"");
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_true(stats.abnormal);
        assert_non_null(strstr(stats.message, "tpm.pcr"));
        pass_s(140);
        contains("v1", "status.json", "\"state\": \"expired\"");
        contains("v1", "tls.key", "key 1.0");
        assert_int_equal(volumes_count(volumes, VOLUME_EXPIRED), 1);
        expect_ok(publish("v1"));

        unsigned asked = fake_acquirer_renewals(&attester);
        assert_in_range(asked, 2, 12);
        fake_acquirer_succeed(&attester);
        pass_s(60);
        contains("v1", "status.json", "\"state\": \"fresh\"");
        AUTO(buf) struct buf status = BUF(1 << 16);
        read_in("v1", "status.json", &status);
        assert_null(strstr(buf_str(&status), "lastProblem"));
        assert_int_equal(row(METRIC_RENEWALS, RENEWAL_DENIED), asked);
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_false(stats.abnormal);
}

static void renewal_waits_for_a_token(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish_with("v1", token_until(100)));
        pass_s(420);
        assert_int_equal(fake_acquirer_renewals(&attester), 0);
        contains("v1", "status.json", "\"check\": \"token.expired\"");
        assert_int_equal(row(METRIC_RENEWALS, RENEWAL_NOT_READY), 1);
        pass_s(60);
        assert_int_equal(row(METRIC_RENEWALS, RENEWAL_NOT_READY), 1); /* waits, does not poll */
        expect_ok(publish_with("v1", token_until(-5)));               /* dead on arrival */
        volumes_settle(volumes);
        assert_int_equal(fake_acquirer_renewals(&attester), 0);
        expect_ok(publish_with("v1", token_until(600)));
        volumes_settle(volumes);
        assert_int_equal(fake_acquirer_renewals(&attester), 1);
        contains("v1", "tls.key", "key 2.0");
        AUTO(buf) struct buf journal = BUF(1 << 16);
        AUTO_STRING char *record = alloc_printf("%s/volumes/v1.json", paths.state);
        expect_ok(file_read(record, &journal));
        assert_null(strstr(buf_str(&journal), "canary"));
        assert_non_null(strstr(attester.last_token, "canary"));
}

static void full_volume_keeps_the_old_generation(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish("v1"));
        attester.padding = 900 * 1024;
        pass_s(401);
        contains("v1", "tls.key", "key 1.0");
        contains("v1", "status.json", "VOLUME_FULL");
        attester.padding = 0;
        pass_s(60);
        AUTO(buf) struct buf status = BUF(1 << 16);
        read_in("v1", "status.json", &status);
        assert_null(strstr(buf_str(&status), "VOLUME_FULL"));
        contains("v1", "status.json", "\"state\": \"fresh\"");
}

static void follows_a_set_clock(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish("v1"));
        pass_s(60);
        fake_clock_step_wall_ms(&now, 390000); /* forwards: due at once */
        volumes_settle(volumes);
        assert_int_equal(fake_acquirer_renewals(&attester), 1);
        fake_clock_step_wall_ms(&now, -390000); /* back: what was just issued is good for longer */
        volumes_settle(volumes);
        pass_s(440);
        assert_int_equal(fake_acquirer_renewals(&attester), 1);
        pass_s(420);
        assert_int_equal(fake_acquirer_renewals(&attester), 2);
}

/* For half an hour somebody sets the clock an hour ahead and back again, twice a minute. */
static void a_swinging_clock_makes_no_storm(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        const char *const ids[] = {"v1", "v2", "v3", "v4"};
        for (size_t i = 0; i < COUNT_OF(ids); i++)
                expect_ok(publish(ids[i]));
        for (int i = 0; i < 60; i++) {
                fake_clock_step_wall_ms(&now, i % 2 == 0 ? 3600000 : -3600000);
                pass_s(30);
        }
        assert_in_range(fake_acquirer_renewals(&attester), COUNT_OF(ids), COUNT_OF(ids) * 10);
        for (size_t i = 0; i < COUNT_OF(ids); i++)
                contains(ids[i], "status.json", "\"state\": \"fresh\"");
        assert_int_equal(mounts_of_ours(), COUNT_OF(ids));
        int64_t before = row(METRIC_RENEWALS, RENEWAL_OK);
        pass_s(3600 + 420); /* what was issued in the hour ahead has come to its renewal */
        assert_true(row(METRIC_RENEWALS, RENEWAL_OK) > before);
}

static void shows_a_new_bundle_and_touches_no_key(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct stat before, after;
        AUTO_STRING char *key = alloc_printf("%s/pod-v1/mount/tls.key", paths.kubelet);
        fake_acquirer_wait_watched(&attester);
        expect_ok(publish("v1"));
        expect_ok(publish("v2"));
        assert_int_equal(stat(key, &before), 0);
        fake_acquirer_set_bundle(&attester, 2);
        fake_acquirer_wait_watched(&attester);
        volumes_settle(volumes);
        contains("v1", "ca.crt", "roots 2");
        contains("v2", "ca.crt", "roots 2");
        contains("v1", "trust-bundle.json", ":2}");
        contains("v1", "tls.key", "key 1.0");
        contains("v1", "tls.crt", "chain 1.0");
        contains("v1", "status.json", "\"bundle\": 2");
        contains("v1", "status.json", "\"generation\": 2");
        assert_int_equal(stat(key, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(fake_acquirer_calls(&attester), 2);
        pass_s(6);
        contains("v1", "tls.key", "key 1.0"); /* the reaped generation had the same file */
        pass_s(420);
        contains("v1", "tls.key", "key ");
        contains("v1", "status.json", "\"generation\": 3");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(renews),
                TEST(renews_lives_of_seconds),
                TEST(renews_what_is_mounted_read_only),
                TEST(a_denied_renewal_keeps_what_is_there),
                TEST(renewal_waits_for_a_token),
                TEST(full_volume_keeps_the_old_generation),
                TEST(follows_a_set_clock),
                TEST(a_swinging_clock_makes_no_storm),
                TEST(shows_a_new_bundle_and_touches_no_key),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
