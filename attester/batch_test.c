/* The batch against an issuer that says what we want, over real TLS: who rides together, what is tried again, how it ends. */
#include "attester/batch.h"

#include "tests/fakes/attester_fixture.h"

static struct fixture f;

static void alone(void **state UNUSED)
{
        struct result r;
        ask(&f, &r, "v1", NULL);
        expect_delivered(&r, 1);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.pods), 1);
        assert_int_equal(source_count(&f.source), 1);
        ask(&f, &r, "v2", &(struct wish){.profile = "two"});
        expect_delivered(&r, 2);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.challenges), 1); /* the second one was warm */
}

static void what_waits_shares_a_quote(void **state UNUSED)
{
        struct result first, rest[10];
        issuer_server_hold(&f.issuer, true);
        ask(&f, &first, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        static const char *const names[] = {"v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10"};
        for (size_t i = 0; i < COUNT_OF(rest); i++)
                ask(&f, &rest[i], names[i], NULL);
        struct batch_status s;
        batch_status(f.batch, &s);
        assert_int_equal(s.waiting, COUNT_OF(rest));
        issuer_server_hold(&f.issuer, false);
        expect_delivered(&first, 1);
        for (size_t i = 0; i < COUNT_OF(rest); i++)
                expect_delivered(&rest[i], 1);
        assert_int_equal(source_count(&f.source), 2);
}

/* Everything that is wrong with one order stays with it. */
static void each_pod_is_answered_on_its_own(void **state UNUSED)
{
        struct result held, good, denied, no_profile, no_mechanism, no_type;
        issuer_server_hold(&f.issuer, true);
        ask(&f, &held, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        ask(&f, &denied, "v1", &(struct wish){.pod = "denied"});
        ask(&f, &no_profile, "v2", &(struct wish){.profile = "none"});
        ask(&f, &no_mechanism, "v3", &(struct wish){.profile = "passport"});
        ask(&f, &no_type, "v4", &(struct wish){.profile = "key"});
        ask(&f, &good, "v5", NULL);
        issuer_server_hold(&f.issuer, false);
        expect_delivered(&held, 1);
        expect_refused(&denied, FAULT_DENIED, "policy.no_match");
        expect_refused(&no_profile, FAULT_DENIED, "policy.no_profile");
        expect_refused(&no_mechanism, FAULT_UNIMPLEMENTED, "profile.mechanism");
        expect_refused(&no_type, FAULT_UNIMPLEMENTED, "slot.type");
        expect_delivered(&good, 1);
        assert_int_equal(source_count(&f.source), 2);
}

static void remedies(void **state UNUSED)
{
        static const struct {
                const char *name;
                enum fault_code code;
                const char *token;
                unsigned times;
                const char *wanted; /* NULL: delivered in the end */
                unsigned requests, enrolments;
        } rows[] = {
                {"nonce too old", FAULT_UNAUTHENTICATED, "nonce.expired", 1, NULL, 2, 0},
                {"another connection", FAULT_UNAUTHENTICATED, "binding.exporter", 2, NULL, 3, 0},
                {"policy changed", FAULT_PRECONDITION, "stale_policy", 1, NULL, 2, 0},
                {"key unknown", FAULT_DENIED, "tpm.ak_unknown", 1, NULL, 2, 1},
                {"key unknown after enrolment as well", FAULT_DENIED, "tpm.ak_unknown", 9, "tpm.ak_unknown", 2, 1},
                {"nonce refused for ever", FAULT_UNAUTHENTICATED, "nonce.future", 99, "nonce.future", 5, 0},
                {"denied", FAULT_DENIED, "tpm.pcr", 1, "tpm.pcr", 1, 0},
                {"issuer overloaded", FAULT_EXHAUSTED, "RATE_LIMIT", 1, "RATE_LIMIT", 1, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct result r;
                unsigned requests = issuer_server_count(&f.issuer, &f.issuer.requests);
                unsigned enrolments = issuer_server_count(&f.issuer, &f.issuer.enrolments);
                print_message("%s\n", rows[i].name);
                issuer_server_refuse_next(&f.issuer, rows[i].times, rows[i].code, rows[i].token);
                ask(&f, &r, "v1", NULL);
                if (rows[i].wanted == NULL)
                        expect_delivered(&r, 1);
                else
                        expect_refused(&r, rows[i].code, rows[i].wanted);
                assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.requests) - requests, rows[i].requests);
                assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.enrolments) - enrolments, rows[i].enrolments);
                issuer_server_refuse_next(&f.issuer, 0, FAULT_UNKNOWN, "");
        }
}

static void unknown_key_is_enrolled_once(void **state UNUSED)
{
        struct result r;
        issuer_server_set(&f.issuer, knows_key, false);
        ask(&f, &r, "v1", NULL);
        expect_delivered(&r, 1);
        ask(&f, &r, "v2", NULL);
        expect_delivered(&r, 1);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.enrolments), 1);
}

static void wiped_key_is_enrolled_anew(void **state UNUSED)
{
        struct result r;
        source_fail(&f.source, FAULT_PRECONDITION, "tee.wiped", /* until_enrolled= */ true);
        ask(&f, &r, "v1", NULL);
        expect_delivered(&r, 1);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.enrolments), 1);
}

static void tee_that_is_gone_fails_all_that_wait(void **state UNUSED)
{
        struct result r;
        struct batch_status s;
        source_fail(&f.source, FAULT_UNAVAILABLE, "tee.gone", false);
        ask(&f, &r, "v1", NULL);
        expect_refused(&r, FAULT_UNAVAILABLE, "tee.gone");
        batch_status(f.batch, &s);
        assert_true(s.has_problem);
        assert_string_equal(s.problem_token, "tee.gone");
        source_fail(&f.source, 0, NULL, false);
        for (int i = 0; i < 2; i++) { /* the status follows the answer: the second order finds that of the first */
                ask(&f, &r, "v1", NULL);
                expect_delivered(&r, 1);
        }
        batch_status(f.batch, &s);
        assert_false(s.has_problem);
}

static void swapped_certificate_never_leaves(void **state UNUSED)
{
        struct result r;
        issuer_server_set(&f.issuer, twisted, true);
        ask(&f, &r, "v1", NULL);
        expect_refused(&r, FAULT_INTERNAL, "reply.identity");
}

static void full_queue_refuses_at_once(void **state UNUSED)
{
        struct result held, waiting[FIXTURE_QUEUE_MAX], refused;
        static const char *const names[FIXTURE_QUEUE_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                                             "i", "j", "k", "l", "m", "n", "o", "p"};
        issuer_server_hold(&f.issuer, true);
        ask(&f, &held, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        for (size_t i = 0; i < FIXTURE_QUEUE_MAX; i++)
                ask(&f, &waiting[i], names[i], NULL);
        ask(&f, &refused, "v1", NULL);
        expect_refused(&refused, FAULT_EXHAUSTED, "QUEUE_FULL");
        issuer_server_hold(&f.issuer, false);
        expect_delivered(&held, 1);
        for (size_t i = 0; i < FIXTURE_QUEUE_MAX; i++)
                expect_delivered(&waiting[i], 1);
}

/* Retry-After: whoever can wait waits, and rides together; whoever can't hears at once how long it would have been. */
static void an_issuer_without_room_is_left_alone(void **state UNUSED)
{
        struct result first, hasty, patient[2];
        int64_t began_ms = clock_boot(&clock_system).ms;
        issuer_server_set(&f.issuer, refusal_retry_ms, 1000);
        issuer_server_refuse_next(&f.issuer, 1, FAULT_UNAVAILABLE, "QUEUE_FULL");
        ask(&f, &first, "v0", NULL);
        expect_refused(&first, FAULT_UNAVAILABLE, "QUEUE_FULL");
        ask(&f, &hasty, "v1", &(struct wish){.budget_ms = 100});
        expect_refused(&hasty, FAULT_UNAVAILABLE, "ISSUER_BUSY");
        ask(&f, &patient[0], "v2", NULL);
        ask(&f, &patient[1], "v3", NULL);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.requests), 1);
        expect_delivered(&patient[0], 1);
        expect_delivered(&patient[1], 1);
        assert_true(clock_boot(&clock_system).ms - began_ms >= 1000);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.requests), 2);
}

static void nobody_is_asked_for_who_has_left(void **state UNUSED)
{
        struct result held, late, cancelled;
        issuer_server_hold(&f.issuer, true);
        ask(&f, &held, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        ask(&f, &late, "v1", &(struct wish){.budget_ms = -1});
        ask(&f, &cancelled, "v2", &(struct wish){.is_cancelled = true});
        issuer_server_hold(&f.issuer, false);
        expect_delivered(&held, 1);
        expect_refused(&late, FAULT_DEADLINE, "DEADLINE");
        expect_refused(&cancelled, FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.requests), 1);
        assert_int_equal(source_count(&f.source), 1);
}

static void bundle_that_the_reply_names_is_waited_for(void **state UNUSED)
{
        struct result r;
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        issuer_server_set(&f.issuer, bundle_named, 2); /* of another replica: this one still has 1 */
        ask(&f, &r, "v1", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.bundles_unchanged, 1);
        issuer_server_set(&f.issuer, bundle, 2);
        expect_delivered(&r, 1);
        assert_int_equal(bundle_cache_sequence(f.bundles), 2);
}

static void attempt_ends_at_its_limit(void **state UNUSED)
{
        struct result r;
        issuer_server_hold(&f.issuer, true);
        fixture_restart_batch(&f, /* attempt_timeout_ms= */ 100);
        ask(&f, &r, "v1", NULL);
        expect_refused(&r, FAULT_DEADLINE, "DEADLINE");
        issuer_server_hold(&f.issuer, false);
        ask(&f, &r, "v1", NULL);
        expect_delivered(&r, 1);
}

static void stop_ends_what_runs_and_what_waits(void **state UNUSED)
{
        struct result running, waiting;
        issuer_server_hold(&f.issuer, true);
        ask(&f, &running, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        ask(&f, &waiting, "v1", NULL);
        batch_stop(TAKE(f.batch));
        expect_refused(&running, FAULT_CANCELLED, "CANCELLED");
        expect_refused(&waiting, FAULT_UNAVAILABLE, "STOPPING");
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
                TEST(alone),
                TEST(what_waits_shares_a_quote),
                TEST(each_pod_is_answered_on_its_own),
                TEST(remedies),
                TEST(unknown_key_is_enrolled_once),
                TEST(wiped_key_is_enrolled_anew),
                TEST(tee_that_is_gone_fails_all_that_wait),
                TEST(swapped_certificate_never_leaves),
                TEST(full_queue_refuses_at_once),
                TEST(an_issuer_without_room_is_left_alone),
                TEST(nobody_is_asked_for_who_has_left),
                TEST(bundle_that_the_reply_names_is_waited_for),
                TEST(attempt_ends_at_its_limit),
                TEST(stop_ends_what_runs_and_what_waits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
