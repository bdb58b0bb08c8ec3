/* renewals: hours of a node's life in a minute: volumes on real mounts, a fake clock, and an attester that is at times away.
 *
 *     renewals HOURS      (in a mount namespace of its own; root)
 *
 * 200 volumes with lives of ten minutes are renewed, get new tokens and trust bundles, come and go; every hour the attester fails for ten minutes, and the
 * wall clock is set four minutes ahead and back again. After the first hour, which fills every cache, descriptors, threads and heap
 * must be what they were at each full hour after it. In the end everything is unpublished, and nothing is left of it.
 *
 * The bound of the heap is a page a volume: status texts and problems change their lengths, and nothing else may. */
#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>

#include "tests/fakes/volume_fixture.h"

#define VOLUMES    200
#define STEP_S     30
#define HEAP_BOUND (VOLUMES * (size_t) 4096)
#define HOUR_STEPS (3600 / STEP_S)
#define RENEWED_MIN                                                                                                    \
        6 /* of a volume in an hour: lives of ten minutes are renewed after six or so, but not in the outage */
#define RENEWED_MAX  14 /* with what the clock's steps bring forward */
#define ATTEMPTS_MAX 40 /* with those that failed */

static uint64_t hours;

struct use {
        size_t descriptors, threads, heap;
};

static size_t entries(const char *path)
{
        size_t count = 0;
        DIR *folder = opendir(path);
        assert_non_null(folder);
        while (readdir(folder) != NULL)
                count++;
        (void) closedir(folder);
        return count - 2;
}

static struct use use_now(void)
{
        return (struct use){entries("/proc/self/fd"), entries("/proc/self/task"), mallinfo2().uordblks};
}

static void id_of(unsigned number, char ret[16])
{
        (void) snprintf(ret, 16, "v%u", number);
}

static void open_many(void)
{
        const struct volumes_options o = {
                .state_dir = paths.state,
                .kubelet_dir = paths.kubelet,
                .acquirer = &attester.acquirer,
                .clock = &now.clock,
                .tmpfs_bytes = 1 << 20,
                .tmpfs_inodes = 128,
                .renew_threads = 16,
                .volumes_max = VOLUMES,
        };
        expect_ok(volumes_open(&o, &volumes));
        volumes_settle(volumes);
}

static void publish_number(unsigned number)
{
        char id[16];
        id_of(number, id);
        expect_ok(publish_with(id, token_until(3600)));
}

static void unpublish_number(unsigned number)
{
        char id[16];
        id_of(number, id);
        expect_ok(unpublish(id));
}

/* What kubelet does all the time: a new token for everybody, some pods end and others begin. */
static void kubelet_passes(unsigned step)
{
        for (unsigned i = 0; i < VOLUMES; i++)
                publish_number(i);
        unsigned going = step % VOLUMES;
        unpublish_number(going);
        publish_number(going);
}

static void one_hour(unsigned hour)
{
        for (unsigned step = 0; step < HOUR_STEPS; step++) {
                if (step == HOUR_STEPS / 2)
                        fake_acquirer_fail(&attester, FAULT_UNAVAILABLE, "ATTESTER_GONE", 0);
                if (step == HOUR_STEPS / 2 + 600 / STEP_S)
                        fake_acquirer_succeed(&attester);
                if (step == 10)
                        fake_clock_step_wall_ms(&now, INT64_C(240000));
                if (step == 12)
                        fake_clock_step_wall_ms(&now, INT64_C(-240000));
                if (step == 20) {
                        fake_acquirer_set_bundle(&attester, hour + 2);
                        fake_acquirer_wait_watched(&attester);
                }
                pass_s(STEP_S);
                if (step % 4 == 0 && (step < HOUR_STEPS / 2 || step >= HOUR_STEPS / 2 + 600 / STEP_S))
                        kubelet_passes(hour * HOUR_STEPS + step);
        }
}

static void check_volumes(unsigned hour)
{
        char id[16];
        for (unsigned i = 0; i < VOLUMES; i++) {
                id_of(i, id);
                contains(id, "status.json", "\"state\": \"fresh\"");
                AUTO_STRING char *bundle = alloc_printf("roots %u", hour + 2);
                contains(id, "ca.crt", bundle);
        }
        assert_int_equal(mounts_of_ours(), VOLUMES);
        assert_int_equal(journal_records(), VOLUMES);
}

static void hours_change_nothing(void **state UNUSED)
{
        NEEDS_MOUNTS();
        volumes_close(volumes);
        open_many();
        struct use none = use_now(), first = {0};
        for (unsigned i = 0; i < VOLUMES; i++)
                publish_number(i);
        for (unsigned hour = 0; hour < hours; hour++) {
                unsigned tried = fake_acquirer_renewals(&attester);
                int64_t renewed = row(METRIC_RENEWALS, RENEWAL_OK);
                one_hour(hour);
                check_volumes(hour);
                tried = fake_acquirer_renewals(&attester) - tried;
                renewed = row(METRIC_RENEWALS, RENEWAL_OK) - renewed;
                struct use u = use_now();
                print_message("hour %u: %lld renewals, %u attempts, %zu descriptors, %zu threads, %zu kB\n", hour + 1,
                              (long long) renewed, tried, u.descriptors, u.threads, u.heap / 1024);
                assert_in_range(renewed, VOLUMES * RENEWED_MIN, VOLUMES * RENEWED_MAX);
                assert_true(tried <= VOLUMES * ATTEMPTS_MAX);
                if (hour == 0) {
                        first = u;
                        continue;
                }
                assert_int_equal(u.descriptors, first.descriptors);
                assert_int_equal(u.threads, first.threads);
                assert_true(u.heap < first.heap + HEAP_BOUND);
        }
        for (unsigned i = 0; i < VOLUMES; i++)
                unpublish_number(i);
        struct use end = use_now();
        assert_int_equal(mounts_of_ours(), 0);
        assert_int_equal(journal_records(), 0);
        assert_int_equal(end.descriptors, none.descriptors);
        assert_true(end.threads <= first.threads || hours == 1);
        print_message("in the end: %zu kB, %zu kB before\n", end.heap / 1024, none.heap / 1024);
        assert_true(end.heap < none.heap + HEAP_BOUND);
}

int main(int argc, char **argv)
{
        AUTO(fault) struct fault *bad = argc == 2 ? parse_u64(span_str(argv[1]), 1, 1000, &hours) : NULL;
        if (argc != 2 || bad != NULL) {
                print_error("usage: %s HOURS\n", argv[0]);
                return 2;
        }
        const struct CMUnitTest tests[] = {TEST(hours_change_nothing)};
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
