/* Volumes on real mounts in a mount namespace of the test's own, with a fake acquirer and a fake clock. */
#include "csi/volume/volumes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "csi/store/mountinfo.h"
#include "csi/store/shred.h"
#include "csi/volume/table.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "tests/fakes/acquirer.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/mounts.h"

#define LIFE_S 600

static char dir[64];
static const char *skip_reason;
static struct fake_clock now;
static struct fake_acquirer attester;
static struct volumes *volumes;
static bool read_only;
static struct {
        char state[96], kubelet[96];
} paths;

/* ---- fixture ------------------------------------------------------------------------------------------------------- */

static int group_set_up(void **state)
{
        (void) state;
        log_set_level(LOG_ERROR);
        skip_reason = mounts_enter(dir);
        if (skip_reason != NULL)
                print_message("skipped: %s\n", skip_reason);
        return 0;
}

static int group_tear_down(void **state)
{
        (void) state;
        if (skip_reason == NULL)
                mounts_leave(dir);
        return 0;
}

static void open_volumes(void)
{
        const struct volumes_options o = {
                .state_dir = paths.state,
                .kubelet_dir = paths.kubelet,
                .acquirer = &attester.acquirer,
                .clock = &now.clock,
                .tmpfs_bytes = 1 << 20,
                .tmpfs_inodes = 128,
                .mount_read_only = read_only,
                .renew_threads = 2,
                .volumes_max = 8,
        };
        expect_ok(volumes_open(&o, &volumes));
        volumes_settle(volumes);
}

static void make_dir(const char *path)
{
        assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
{
        (void) state;
        static unsigned number;
        if (skip_reason != NULL)
                return 0;
        char top[80];
        (void) snprintf(top, sizeof(top), "%s/%u", dir, number++);
        (void) snprintf(paths.state, sizeof(paths.state), "%s/state", top);
        (void) snprintf(paths.kubelet, sizeof(paths.kubelet), "%s/kubelet", top);
        make_dir(top);
        make_dir(paths.kubelet);
        read_only = false;
        fake_clock_init(&now, 1795456800000, 1000000);
        fake_acquirer_init(&attester, &now.clock, LIFE_S);
        open_volumes();
        return 0;
}

static int tear_down(void **state)
{
        (void) state;
        if (skip_reason != NULL)
                return 0;
        fake_acquirer_hold(&attester, false);
        volumes_close(volumes);
        volumes = NULL;
        fake_acquirer_clear(&attester);
        return 0;
}

#define NEEDS_MOUNTS()                                                                                                 \
        if (skip_reason != NULL)                                                                                       \
        skip()

static char *target_path(const char *id)
{
        return alloc_printf("%s/pod-%s/mount", paths.kubelet, id);
}

static struct volume_spec spec_of(const char *id)
{
        AUTO_STRING char *parent = alloc_printf("%s/pod-%s", paths.kubelet, id);
        (void) mkdir(parent, 0750); /* as kubelet does; may be there */
        struct volume_spec s = {
                .target_path = target_path(id),
                .profile = alloc_string("default"),
                .pod_namespace = alloc_string("ns"),
                .pod_name = alloc_string("pod"),
                .pod_uid = alloc_string("uid"),
                .service_account = alloc_string("sa"),
                .has_group = true,
                .group = 2000,
                .file_mode = 0440,
        };
        (void) snprintf(s.id, sizeof(s.id), "%s", id);
        return s;
}

static struct fault *publish(const char *id)
{
        AUTO(volume_spec) struct volume_spec s = spec_of(id);
        return volumes_publish(volumes, &s, NULL, NULL);
}

static struct secret *token_until(int64_t seconds_from_now)
{
        AUTO(buf) struct buf token = BUF(512), claims = BUF(128);
        int64_t exp = wall_unix_s(clock_wall(&now.clock)) + seconds_from_now;
        expect_ok(buf_printf(&claims, "{\"exp\":%lld}", (long long) exp));
        expect_ok(buf_append_str(&token, "e30."));
        expect_ok(base64url_encode(buf_span(&claims), &token));
        expect_ok(buf_append_str(&token, ".canary"));
        return secret_copy(buf_span(&token));
}

static struct fault *publish_with(const char *id, struct secret *token)
{
        AUTO(volume_spec) struct volume_spec s = spec_of(id);
        return volumes_publish(volumes, &s, token, NULL);
}

static struct fault *unpublish(const char *id)
{
        AUTO_STRING char *path = target_path(id);
        return volumes_unpublish(volumes, id, path, NULL);
}

static void read_in(const char *id, const char *file, struct buf *out)
{
        AUTO_STRING char *path = alloc_printf("%s/pod-%s/mount/%s", paths.kubelet, id, file);
        expect_ok(file_read(path, out));
}

static void contains(const char *id, const char *file, const char *want)
{
        AUTO(buf) struct buf got = BUF(1 << 16);
        read_in(id, file, &got);
        if (strstr(buf_str(&got), want) == NULL)
                fail_msg("%s: no %s in %s", file, want, buf_str(&got));
}

static size_t mounts_of_ours(void)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        size_t count = 0;
        expect_ok(mountinfo_read(&m));
        for (size_t i = 0; i < m.count; i++)
                count += strcmp(m.entries[i].source, TMPFS_SOURCE) == 0 &&
                         strstr(m.entries[i].path, paths.kubelet) != NULL;
        return count;
}

static struct fault *count_one(void *arg, int d UNUSED, const char *name UNUSED, unsigned char type)
{
        *(size_t *) arg += type == DT_REG;
        return NULL;
}

static size_t journal_records(void)
{
        AUTO_STRING char *path = alloc_printf("%s/volumes", paths.state);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t count = 0;
        assert_true(fd >= 0);
        expect_ok(shred_walk(fd, count_one, &count));
        return count;
}

static bool target_exists(const char *id)
{
        AUTO_STRING char *path = target_path(id);
        return access(path, F_OK) == 0;
}

/* What a refused or undone publish leaves: nothing. */
static void expect_nothing_of(const char *id)
{
        assert_int_equal(mounts_of_ours(), 0);
        assert_int_equal(journal_records(), 0);
        assert_false(target_exists(id));
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH) + volumes_count(volumes, VOLUME_ACQUIRING), 0);
}

static void pass_s(int64_t s)
{
        fake_clock_advance_ms(&now, s * 1000);
        volumes_settle(volumes);
}

static void restart(void)
{
        volumes_close(volumes);
        open_volumes();
}

static int64_t row(enum volumes_metric which, size_t index)
{
        return metric_get(&volumes->rows[which], index);
}

/* ---- publish -------------------------------------------------------------------------------------------------------- */

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

/* ---- overlap -------------------------------------------------------------------------------------------------------- */

struct call {
        const char *id;
        struct cancel *cancel;
        pthread_t thread;
        struct fault *result;
};

static void *run_publish(void *arg)
{
        struct call *c = arg;
        AUTO(volume_spec) struct volume_spec s = spec_of(c->id);
        c->result = volumes_publish(volumes, &s, NULL, c->cancel);
        return NULL;
}

static void *run_unpublish(void *arg)
{
        struct call *c = arg;
        c->result = unpublish(c->id);
        return NULL;
}

static void start(struct call *c, void *(*run)(void *) )
{
        assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
}

static void overlapping_publish_is_aborted(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct call first = {.id = "v1"};
        fake_acquirer_hold(&attester, true);
        start(&first, run_publish);
        fake_acquirer_wait_waiting(&attester, 1);
        assert_int_equal(volumes_count(volumes, VOLUME_ACQUIRING), 1);
        expect_fault(publish("v1"), FAULT_ABORTED, "OVERLAP");
        assert_int_equal(mounts_of_ours(), 0); /* nothing is shown before it is complete */
        fake_acquirer_hold(&attester, false);
        pthread_join(first.thread, NULL);
        expect_ok(first.result);
        assert_int_equal(mounts_of_ours(), 1);
}

static void unpublish_ends_a_running_publish(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct call first = {.id = "v1"};
        fake_acquirer_hold(&attester, true);
        start(&first, run_publish);
        fake_acquirer_wait_waiting(&attester, 1);
        expect_ok(unpublish("v1"));
        pthread_join(first.thread, NULL);
        expect_fault(first.result, FAULT_ABORTED, "UNPUBLISHED");
        expect_nothing_of("v1");
}

static void callers_cancel_ends_a_publish(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, &now.clock, CANCEL_NO_DEADLINE);
        struct call first = {.id = "v1", .cancel = &cancel};
        fake_acquirer_hold(&attester, true);
        start(&first, run_publish);
        fake_acquirer_wait_waiting(&attester, 1);
        cancel_trip(&cancel);
        pthread_join(first.thread, NULL);
        expect_fault(first.result, FAULT_CANCELLED, "CANCELLED");
        expect_nothing_of("v1");
}

static void unpublish_ends_a_running_renewal(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        expect_ok(publish("v1"));
        fake_acquirer_hold(&attester, true);
        fake_clock_advance_ms(&now, 420000);
        timer_kick(volumes);
        fake_acquirer_wait_waiting(&attester, 1);
        expect_ok(publish("v1")); /* healthy, though it is being renewed */
        expect_ok(unpublish("v1"));
        expect_nothing_of("v1");
        assert_int_equal(attester.cancelled, 1);
        fake_acquirer_hold(&attester, false);
        volumes_settle(volumes);
        assert_int_equal(row(METRIC_RENEWALS, RENEWAL_NOT_READY) + row(METRIC_RENEWALS, RENEWAL_FAILED), 0);
}

/* Calls of all kinds on two volumes from four threads: whatever the order, answers are of the allowed kind and nothing is left. */
static void *hammer(void *arg)
{
        const unsigned seed = *(unsigned *) arg;
        uint32_t dice = seed;
        for (int i = 0; i < 60; i++) {
                dice = dice * 1664525u + 1013904223u;
                const char *id = (dice >> 16 & 1) != 0 ? "v1" : "v2";
                struct fault *f = (dice >> 20 & 1) != 0 ? publish(id) : unpublish(id);
                if (f != NULL && fault_code(f) != FAULT_ABORTED) {
                        print_error("%s: %s\n", fault_token(f), fault_text(f));
                        abort();
                }
                fault_free(f);
                json_free(volumes_describe(volumes));
        }
        return NULL;
}

static void survives_overlap(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        pthread_t threads[4];
        unsigned seeds[4] = {1, 2, 3, 4};
        for (int i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, hammer, &seeds[i]), 0);
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        expect_ok(unpublish("v1"));
        expect_ok(unpublish("v2"));
        expect_nothing_of("v1");
        expect_nothing_of("v2");
}

/* ---- renewal -------------------------------------------------------------------------------------------------------- */

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

/* ---- restart -------------------------------------------------------------------------------------------------------- */

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

/* ---- unpublish ------------------------------------------------------------------------------------------------------ */

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
        AUTO(volume_spec) struct volume_spec s = spec_of("v1");
        make_dir(path);
        AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
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

static void unpublish_overlap_is_aborted(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        /* one unpublish waits for a publish that ignores its cancel for a while: the second one must not wait as well */
        struct call first = {.id = "v1"}, second = {.id = "v1"};
        attester.deaf = true;
        fake_acquirer_hold(&attester, true);
        start(&first, run_publish);
        fake_acquirer_wait_waiting(&attester, 1);
        start(&second, run_unpublish);
        for (bool leaving = false; !leaving;) {
                pthread_mutex_lock(&volumes->mu);
                struct volume *v = map_get(volumes->by_id, "v1");
                leaving = v != NULL && v->leaving;
                pthread_mutex_unlock(&volumes->mu);
        }
        expect_fault(unpublish("v1"), FAULT_ABORTED, "OVERLAP");
        expect_fault(publish("v1"), FAULT_ABORTED, "OVERLAP");
        fake_acquirer_hold(&attester, false);
        pthread_join(first.thread, NULL);
        pthread_join(second.thread, NULL);
        expect_fault(first.result, FAULT_ABORTED, "UNPUBLISHED");
        expect_ok(second.result);
}

/* ---- telling -------------------------------------------------------------------------------------------------------- */

static void tells_about_itself(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        AUTO_STRING char *path = target_path("v1");
        struct volume_stats stats;
        size_t count = 0;
        expect_fault(volumes_stats(volumes, "v1", path, &stats), FAULT_NOT_FOUND, "NO_VOLUME");
        expect_ok(publish_with("v1", token_until(600)));
        expect_fault(volumes_stats(volumes, "v1", "/elsewhere", &stats), FAULT_NOT_FOUND, "NO_VOLUME");
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_int_equal(stats.bytes_total, 1 << 20);
        assert_int_equal(stats.inodes_total, 128);
        assert_true(stats.bytes_used > 0 && stats.bytes_used + stats.bytes_free == stats.bytes_total);
        assert_true(stats.inodes_used > 0 && stats.inodes_used + stats.inodes_free == stats.inodes_total);
        assert_false(stats.abnormal);
        assert_string_equal(stats.message, "fresh, valid until 2026-11-23T18:10:00Z");

        AUTO(json) struct json *list = volumes_describe(volumes);
        AUTO(buf) struct buf text = BUF(1 << 16), rows = BUF(1 << 16);
        expect_ok(json_write(list, &text));
        assert_non_null(strstr(buf_str(&text), "\"state\":\"fresh\""));
        assert_null(strstr(buf_str(&text), "canary"));

        struct metric *const *table = volumes_metrics(volumes, &count);
        expect_ok(metrics_render(table, count, &rows));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_volumes{state=\"fresh\"} 1"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_generations_total 1"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_renewals_total{outcome=\"denied\"} 0"));
        assert_non_null(strstr(buf_str(&rows), "vouchsafe_csi_next_renewal_seconds"));

        assert_int_equal(umount2(path, 0), 0);
        expect_ok(volumes_stats(volumes, "v1", path, &stats));
        assert_true(stats.abnormal);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
                TEST(overlapping_publish_is_aborted),
                TEST(unpublish_ends_a_running_publish),
                TEST(callers_cancel_ends_a_publish),
                TEST(unpublish_ends_a_running_renewal),
                TEST(survives_overlap),
                TEST(renews),
                TEST(renews_lives_of_seconds),
                TEST(renews_what_is_mounted_read_only),
                TEST(a_denied_renewal_keeps_what_is_there),
                TEST(renewal_waits_for_a_token),
                TEST(full_volume_keeps_the_old_generation),
                TEST(follows_a_set_clock),
                TEST(shows_a_new_bundle_and_touches_no_key),
                TEST(restart_reissues_nothing),
                TEST(restart_waits_for_the_token_it_lost),
                TEST(restart_drops_what_is_not_mounted),
                TEST(a_record_of_another_boot_is_dropped),
                TEST(a_lost_record_is_made_good_by_the_republish),
                TEST(a_damaged_volume_is_mended),
                TEST(killed_anywhere),
                TEST(unpublish_is_idempotent),
                TEST(a_busy_volume_goes_on),
                TEST(what_stands_in_the_way_is_an_error),
                TEST(all_stacked_mounts_go),
                TEST(unpublish_overlap_is_aborted),
                TEST(tells_about_itself),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
