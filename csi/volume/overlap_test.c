#include "tests/fakes/volume_fixture.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(overlapping_publish_is_aborted),
                TEST(unpublish_ends_a_running_publish),
                TEST(callers_cancel_ends_a_publish),
                TEST(unpublish_ends_a_running_renewal),
                TEST(survives_overlap),
                TEST(unpublish_overlap_is_aborted),
        };
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
