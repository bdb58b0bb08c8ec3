/* key-release through the batch, against an issuer that says what we want, over real TLS. */
#include "attester/batch.h"

#include "tests/fakes/attester_fixture.h"

static struct fixture f;

static void each_key_has_an_exchange_of_its_own(void **state UNUSED)
{
        struct result one, two;
        ask(&f, &one, "v1", &(struct wish){.profile = "stored"});
        expect_delivered(&one, 1);
        assert_int_equal(source_count(&f.source), 1);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.challenges), 1);
        ask(&f, &two, "v2", &(struct wish){.profile = "stored-two"});
        expect_delivered(&two, 2);
        assert_int_equal(source_count(&f.source), 3);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.releases), 3);
}

static void what_does_not_fit_never_leaves(void **state UNUSED)
{
        static const struct {
                const char *name;
                enum release_wrong wrong;
                const char *token;
        } rows[] = {
                {"not the certificate's key", RELEASE_OTHER_KEY, "reply.key"},
                {"another key's name", RELEASE_OTHER_NAME, "reply.key"},
                {"another slot", RELEASE_OTHER_SLOT, "reply.slots"},
                {"sealed to somebody else", RELEASE_TO_OTHER, "jwe.key"},
                {"sealed for another exchange", RELEASE_OTHER_NONCE, "jwe.party"},
                {"changed on the way", RELEASE_CHANGED, "jwe.tag"},
                {"no key", RELEASE_NO_KEY, "KEY_ENCODING"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct result r;
                issuer_server_set(&f.issuer, release_wrong, rows[i].wrong);
                ask(&f, &r, "v1", &(struct wish){.profile = "stored"});
                result_wait(&r);
                if (r.code != FAULT_INTERNAL || strcmp(r.token, rows[i].token) != 0)
                        fail_msg("%s: %d %s", rows[i].name, (int) r.code, r.token);
        }
}

static void a_swapped_identity_never_leaves(void **state UNUSED)
{
        struct result r;
        issuer_server_set(&f.issuer, twisted, true);
        ask(&f, &r, "v1", &(struct wish){.profile = "stored"});
        expect_refused(&r, FAULT_INTERNAL, "reply.identity");
}

/* A refusal is one pod's; the others of the batch, by whatever mechanism, get theirs. */
static void each_pod_is_answered_on_its_own(void **state UNUSED)
{
        struct result held, denied, good, issued;
        issuer_server_hold(&f.issuer, true);
        ask(&f, &held, "v0", NULL);
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        ask(&f, &denied, "v1", &(struct wish){.profile = "stored", .pod = "denied"});
        ask(&f, &good, "v2", &(struct wish){.profile = "stored"});
        ask(&f, &issued, "v3", NULL);
        issuer_server_hold(&f.issuer, false);
        expect_delivered(&held, 1);
        expect_refused(&denied, FAULT_DENIED, "release/api");
        expect_delivered(&good, 1);
        expect_delivered(&issued, 1);
}

static void what_can_be_remedied_is_tried_again(void **state UNUSED)
{
        static const struct {
                enum fault_code code;
                const char *token;
        } rows[] = {
                {FAULT_UNAUTHENTICATED, "nonce.expired"},
                {FAULT_PRECONDITION, "stale_policy"},
                {FAULT_DENIED, "tpm.ak_unknown"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct result r;
                issuer_server_refuse_next(&f.issuer, 1, rows[i].code, rows[i].token);
                ask(&f, &r, "v1", &(struct wish){.profile = "stored"});
                expect_delivered(&r, 1);
        }
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

#define WITH_ISSUER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_ISSUER(each_key_has_an_exchange_of_its_own), WITH_ISSUER(what_does_not_fit_never_leaves),
                WITH_ISSUER(a_swapped_identity_never_leaves),     WITH_ISSUER(each_pod_is_answered_on_its_own),
                WITH_ISSUER(what_can_be_remedied_is_tried_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
