/* The bundle in hand while the issuer changes it, fails, goes back, or is not there yet. */
#include "attester/bundle_cache.h"

#include "tests/fakes/attester_fixture.h"

static struct fixture f;

struct getting {
        pthread_t thread;
        uint64_t at_least;
        struct cancel cancel;
        struct fault *failed;
        uint64_t sequence;
};

static void *run_get(void *arg)
{
        struct getting *g = arg;
        AUTO(bundle_copy) struct bundle_copy copy = {0};
        g->failed = bundle_cache_get(f.bundles, g->at_least, &g->cancel, &copy);
        g->sequence = copy.bundle.sequence;
        return NULL;
}

static void get(struct getting *g, uint64_t at_least, int64_t budget_ms)
{
        *g = (struct getting){.at_least = at_least};
        cancel_init(&g->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + budget_ms});
        assert_int_equal(pthread_create(&g->thread, NULL, run_get, g), 0);
}

static struct fault *got(struct getting *g)
{
        pthread_join(g->thread, NULL);
        cancel_clear(&g->cancel);
        return TAKE(g->failed);
}

static void first_bundle_is_waited_for(void **state UNUSED)
{
        struct getting g;
        get(&g, 0, FIXTURE_TIMEOUT_MS);
        expect_ok(got(&g));
        assert_int_equal(g.sequence, 1);
        assert_int_equal(bundle_cache_sequence(f.bundles), 1);
}

static void copies_are_whole(void **state UNUSED)
{
        AUTO(bundle_copy) struct bundle_copy copy = {0};
        expect_ok(bundle_cache_get(f.bundles, 1, NULL, &copy));
        assert_int_equal(copy.bundle.root_count, 1);
        assert_true(span_starts_with(buf_span(&copy.roots_pem), SPAN("-----BEGIN CERTIFICATE-----")));
        assert_true(copy.json.len > 0);
}

static void newer_one_is_fetched_when_named(void **state UNUSED)
{
        struct getting g;
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        issuer_server_set(&f.issuer, bundle, 5);
        get(&g, 5, FIXTURE_TIMEOUT_MS); /* the hint says an hour */
        expect_ok(got(&g));
        assert_int_equal(g.sequence, 5);
        pthread_mutex_lock(&f.mu);
        while (f.seen_bundle != 5) /* the listener hears of it a moment later */
                pthread_cond_wait(&f.changed, &f.mu);
        pthread_mutex_unlock(&f.mu);
}

static void lagging_issuer_is_asked_again(void **state UNUSED)
{
        struct getting g;
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        get(&g, 2, FIXTURE_TIMEOUT_MS);
        issuer_server_wait(&f.issuer, &f.issuer.bundles_unchanged, 2);
        issuer_server_set(&f.issuer, bundle, 2);
        expect_ok(got(&g));
}

static void older_one_is_not_taken(void **state UNUSED)
{
        struct getting g;
        issuer_server_set(&f.issuer, bundle, 4);
        get(&g, 4, FIXTURE_TIMEOUT_MS);
        expect_ok(got(&g));
        issuer_server_set(&f.issuer, bundle, 3);
        unsigned before = issuer_server_count(&f.issuer, &f.issuer.bundles);
        get(&g, 5, 300);
        expect_fault(got(&g), FAULT_DEADLINE, "DEADLINE");
        assert_true(issuer_server_count(&f.issuer, &f.issuer.bundles) > before); /* it was offered */
        assert_int_equal(bundle_cache_sequence(f.bundles), 4);
}

static void failing_issuer_keeps_the_last_one(void **state UNUSED)
{
        struct getting g;
        AUTO(bundle_copy) struct bundle_copy copy = {0};
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        get(&g, 1, FIXTURE_TIMEOUT_MS);
        expect_ok(got(&g));
        issuer_server_set(&f.issuer, bundle_fails, true);
        get(&g, 2, 50);
        expect_fault(got(&g), FAULT_DEADLINE, "DEADLINE");
        expect_ok(bundle_cache_get(f.bundles, 1, NULL, &copy));
}

static void cancel_ends_waiting_at_once(void **state UNUSED)
{
        struct getting g;
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        get(&g, 9, FIXTURE_TIMEOUT_MS);
        issuer_server_wait(&f.issuer, &f.issuer.bundles_unchanged, 1); /* it waits by now */
        int64_t before_ms = clock_boot(&clock_system).ms;
        cancel_trip(&g.cancel);
        expect_fault(got(&g), FAULT_CANCELLED, "CANCELLED");
        assert_true(clock_boot(&clock_system).ms - before_ms < FIXTURE_TIMEOUT_MS / 2);
}

static int set_up(void **state UNUSED)
{
        fixture_start(&f);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fixture_stop(&f);
        return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(first_bundle_is_waited_for),      TEST(copies_are_whole),
                TEST(newer_one_is_fetched_when_named), TEST(lagging_issuer_is_asked_again),
                TEST(older_one_is_not_taken),          TEST(failing_issuer_keeps_the_last_one),
                TEST(cancel_ends_waiting_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
