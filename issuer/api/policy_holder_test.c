/* Reloading: all or nothing, never back, and a request keeps what it began with. */
#include "issuer/api/policy_holder.h"
#include "tests/fakes/issuer.h"

static struct fake_issuer issuer;

#define PROFILE(revision, ttl)                                                                                         \
        "apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: default, owner: a, revision: " revision "}\n"   \
        "spec: {slots: [{name: x509, type: x509, algorithms: [p256], ttl: " ttl "}]}\n"

static void put(const char *name, const char *text)
{
        fake_issuer_write(&issuer, name, span_str(text));
}

static void a_reload_goes_forward_or_not_at_all(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *check; /* NULL: taken */
                uint64_t in_force;
        } rows[] = {
                {"lower revision", PROFILE("2", "5m"), "POLICY_ROLLBACK", 3},
                {"no revision any more", PROFILE("0", "5m"), "POLICY_VALUE", 3},
                {"same revision, another text", PROFILE("3", "5m"), NULL, 3},
                {"next", PROFILE("4", "5m"), NULL, 4},
                {"the one before", PROFILE("3", "5m"), "POLICY_ROLLBACK", 4},
                {"not YAML", "{", "BAD_YAML", 4},
                {"unchanged", PROFILE("4", "5m"), NULL, 4},
        };
        struct policy_holder *h = issuer.api.holder;
        uint64_t failures = 0;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                put("policy.yaml", rows[i].text);
                AUTO(ruleset) struct ruleset *held = policy_holder_get(h);
                uint64_t before = policy_revision(held->policy);
                AUTO(fault) struct fault *refused = policy_holder_reload(h);
                if ((refused == NULL) != (rows[i].check == NULL) ||
                    (refused != NULL && strncmp(fault_token(refused), rows[i].check, strlen(rows[i].check)) != 0))
                        fail_msg("%s: %s", rows[i].name, refused != NULL ? fault_token(refused) : "taken");
                AUTO(ruleset) struct ruleset *now = policy_holder_get(h);
                assert_int_equal(policy_revision(now->policy), rows[i].in_force);
                assert_int_equal(policy_revision(held->policy), before); /* who has begun goes on with it */
                failures += refused != NULL;
                assert_int_equal(policy_holder_failures(h), failures);
        }
}

/* A restart forgets nothing: what was in force before is the least that may be. */
static void a_restart_does_not_go_back(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *check; /* NULL: it starts */
        } rows[] = {
                {"the revision before", PROFILE("3", "5m"), "POLICY_ROLLBACK"},
                {"the one that was in force", PROFILE("4", "5m"), NULL},
                {"older rules under a higher number", PROFILE("6", "4m"), NULL},
                {"the one from before that", PROFILE("5", "5m"), "POLICY_ROLLBACK"},
                {"back to where the next test begins", PROFILE("6", "5m"), NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct policy_holder *again = NULL;
                put("policy.yaml", rows[i].text);
                AUTO(fault) struct fault *refused = policy_holder_new(&issuer.config, issuer.api.store, &again);
                if ((refused == NULL) != (rows[i].check == NULL) ||
                    (refused != NULL && strcmp(fault_token(refused), rows[i].check) != 0))
                        fail_msg("%s: %s", rows[i].name, refused != NULL ? fault_token(refused) : "taken");
                policy_holder_free(again);
        }
}

static void roots_are_known_by_their_keys(void **state UNUSED)
{
        uint8_t id[SHA256_LEN];
        AUTO(ruleset) struct ruleset *now = policy_holder_get(issuer.api.holder);
        key_spki_sha256(issuer.maker, id);
        assert_true(ruleset_has_ek_root(now, id));
        id[31] ^= 1;
        assert_false(ruleset_has_ek_root(now, id));
        memset(id, 0, sizeof id); /* of keys from before roots were kept */
        assert_false(ruleset_has_ek_root(now, id));
}

static void what_cannot_be_read_leaves_everything_in_force(void **state UNUSED)
{
        static const struct {
                const char *name, *file, *text, *check;
        } rows[] = {
                {"no keys of the cluster", "jwks.json", "{\"keys\":[]}", "NO_KEY"},
                {"keys are no JSON", "jwks.json", "keys", "BAD_JWK"},
                {"EK roots are no PEM", "ek.pem", "hello", "NO_CERTIFICATE"},
        };
        struct policy_holder *h = issuer.api.holder;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", issuer.folder, rows[i].file);
                AUTO(buf) struct buf saved = BUF(1 << 16);
                expect_ok(file_read(path, &saved));
                put(rows[i].file, rows[i].text);
                AUTO(fault) struct fault *refused = policy_holder_reload(h);
                if (refused == NULL || strcmp(fault_token(refused), rows[i].check) != 0)
                        fail_msg("%s: %s", rows[i].name, refused != NULL ? fault_token(refused) : "taken");
                AUTO(ruleset) struct ruleset *now = policy_holder_get(h);
                assert_int_equal(jwk_set_count(now->clusters[0].keys), 1);
                assert_int_equal(now->ek_roots.count, 1);
                fake_issuer_write(&issuer, rows[i].file, buf_span(&saved));
                expect_ok(policy_holder_reload(h));
        }
}

static void no_policy_is_said_at_once(void **state UNUSED)
{
        struct issuer_config c = issuer.config;
        struct policy_holder *h = NULL;
        c.policy.count = 0;
        AUTO(fault) struct fault *refused = policy_holder_new(&c, issuer.api.store, &h);
        assert_non_null(refused);
        assert_string_equal(fault_token(refused), "NO_POLICY");
}

static void too_many_roots_are_refused(void **state UNUSED)
{
        char *again[64];
        struct issuer_config c = issuer.config;
        struct policy_holder *h = NULL;
        for (size_t i = 0; i < COUNT_OF(again); i++)
                again[i] = c.ek_roots.texts[0];
        c.ek_roots = (struct option_texts){COUNT_OF(again), again};
        if (COUNT_OF(again) <= COUNT_OF(((struct cert_list *) NULL)->certs))
                skip();
        AUTO(fault) struct fault *refused = policy_holder_new(&c, issuer.api.store, &h);
        assert_non_null(refused);
        assert_string_equal(fault_token(refused), "TOO_MANY_ROOTS");
}

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reload_goes_forward_or_not_at_all),
                cmocka_unit_test(a_restart_does_not_go_back),
                cmocka_unit_test(roots_are_known_by_their_keys),
                cmocka_unit_test(what_cannot_be_read_leaves_everything_in_force),
                cmocka_unit_test(no_policy_is_said_at_once),
                cmocka_unit_test(too_many_roots_are_refused),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
