/* volume_fixture: volumes on real mounts in a mount namespace of the test's own, with a fake acquirer and a fake clock.
 * For the tests of csi/volume; each is a process, so that what is static here is one test program's. */
#pragma once

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

static inline int group_set_up(void **state)
{
        (void) state;
        log_set_level(LOG_ERROR);
        skip_reason = mounts_enter(dir);
        if (skip_reason != NULL)
                print_message("skipped: %s\n", skip_reason);
        return 0;
}

static inline int group_tear_down(void **state)
{
        (void) state;
        if (skip_reason == NULL)
                mounts_leave(dir);
        return 0;
}

static inline void open_volumes(void)
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

static inline void make_dir(const char *path)
{
        assert_int_equal(mkdir(path, 0755), 0);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline char *target_path(const char *id)
{
        return alloc_printf("%s/pod-%s/mount", paths.kubelet, id);
}

static inline struct volume_spec spec_of(const char *id)
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

static inline struct fault *publish(const char *id)
{
        AUTO(volume_spec) struct volume_spec s = spec_of(id);
        return volumes_publish(volumes, &s, NULL, NULL);
}

static inline struct secret *token_until(int64_t seconds_from_now)
{
        AUTO(buf) struct buf token = BUF(512), claims = BUF(128);
        int64_t exp = wall_unix_s(clock_wall(&now.clock)) + seconds_from_now;
        expect_ok(buf_printf(&claims, "{\"exp\":%lld}", (long long) exp));
        expect_ok(buf_append_str(&token, "e30."));
        expect_ok(base64url_encode(buf_span(&claims), &token));
        expect_ok(buf_append_str(&token, ".canary"));
        return secret_copy(buf_span(&token));
}

static inline struct fault *publish_with(const char *id, struct secret *token)
{
        AUTO(volume_spec) struct volume_spec s = spec_of(id);
        return volumes_publish(volumes, &s, token, NULL);
}

static inline struct fault *unpublish(const char *id)
{
        AUTO_STRING char *path = target_path(id);
        return volumes_unpublish(volumes, id, path, NULL);
}

static inline void read_in(const char *id, const char *file, struct buf *out)
{
        AUTO_STRING char *path = alloc_printf("%s/pod-%s/mount/%s", paths.kubelet, id, file);
        expect_ok(file_read(path, out));
}

static inline void contains(const char *id, const char *file, const char *want)
{
        AUTO(buf) struct buf got = BUF(1 << 16);
        read_in(id, file, &got);
        if (strstr(buf_str(&got), want) == NULL)
                fail_msg("%s: no %s in %s", file, want, buf_str(&got));
}

static inline size_t mounts_of_ours(void)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        size_t count = 0;
        expect_ok(mountinfo_read(&m));
        for (size_t i = 0; i < m.count; i++)
                count += strcmp(m.entries[i].source, TMPFS_SOURCE) == 0 &&
                         strstr(m.entries[i].path, paths.kubelet) != NULL;
        return count;
}

static inline struct fault *count_one(void *arg, int d UNUSED, const char *name UNUSED, unsigned char type)
{
        *(size_t *) arg += type == DT_REG;
        return NULL;
}

static inline size_t journal_records(void)
{
        AUTO_STRING char *path = alloc_printf("%s/volumes", paths.state);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t count = 0;
        assert_true(fd >= 0);
        expect_ok(shred_walk(fd, count_one, &count));
        return count;
}

static inline bool target_exists(const char *id)
{
        AUTO_STRING char *path = target_path(id);
        return access(path, F_OK) == 0;
}

/* What a refused or undone publish leaves: nothing. */
static inline void expect_nothing_of(const char *id)
{
        assert_int_equal(mounts_of_ours(), 0);
        assert_int_equal(journal_records(), 0);
        assert_false(target_exists(id));
        assert_int_equal(volumes_count(volumes, VOLUME_FRESH) + volumes_count(volumes, VOLUME_ACQUIRING), 0);
}

static inline void pass_s(int64_t s)
{
        fake_clock_advance_ms(&now, s * 1000);
        volumes_settle(volumes);
}

static inline void restart(void)
{
        volumes_close(volumes);
        open_volumes();
}

static inline int64_t row(enum volumes_metric which, size_t index)
{
        return metric_get(&volumes->rows[which], index);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
