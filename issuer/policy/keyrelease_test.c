#include "issuer/policy/policy.h"

#include "tests/fakes/compile_rows.h"

#define KEYED                                                                                                          \
        DOCUMENT("Profile", "stored", "admins",                                                                        \
                 "{mechanism: key-release, slots: [{name: x509, type: x509, algorithms: [p256, rsa3072], ttl: 1h, "    \
                 "key: api}]}")
#define OF_SLOT(mechanism, slot)                                                                                       \
        DOCUMENT("Profile", "stored", "admins", "{mechanism: " mechanism ", slots: [" slot "]}")
#define OF_KEYED(rest)                                                                                                 \
        DOCUMENT("Workload", "w", "team",                                                                              \
                 "{profiles: [stored], match: {in_set: nodes}, identity: \"" ID "\", claims: {tier: gold}" rest "}")
#define RELEASE_AS(name, owner, keys, match, rest)                                                                     \
        DOCUMENT("KeyRelease", name, owner, "{keys: " keys ", match: " match rest "}")
#define RELEASE(match, rest) RELEASE_AS("api", "team", "[api]", match, rest)
#define BASE                 KEYED NODES BOOT OF_KEYED("")
#define BOTH                 "{all: [{in_set: nodes}, {in_set: boot}]}"

static void documents(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"a release", BASE RELEASE(BOTH, ""), NULL, NULL},
                {"with any-genuine", BASE RELEASE("{in_set: boot}", ", any-genuine: true"), NULL, NULL},
                {"no keys", BASE DOCUMENT("KeyRelease", "api", "team", "{match: {in_set: nodes}}"), "POLICY_FIELD",
                 "keys"},
                {"an empty list", BASE RELEASE_AS("api", "team", "[]", BOTH, ""), "POLICY_LIMIT", "1 to 64 keys"},
                {"no name of a key", BASE RELEASE_AS("api", "team", "[\"A b\"]", BOTH, ""), "POLICY_NAME", NULL},
                {"a key twice", BASE RELEASE_AS("api", "team", "[api, api]", BOTH, ""), "POLICY_DUPLICATE",
                 "named by release/api already"},
                {"a key of two documents", BASE RELEASE(BOTH, "") RELEASE_AS("b", "team", "[api]", BOTH, ""),
                 "POLICY_DUPLICATE", "named by release/api already"},
                {"no match", BASE DOCUMENT("KeyRelease", "api", "team", "{keys: [api]}"), "POLICY_FIELD", "match"},
                {"an identity", BASE RELEASE(BOTH, ", identity: \"" ID "\""), "POLICY_FIELD", "identity"},
                {"an unknown set", BASE RELEASE("{in_set: racks}", ""), "POLICY_SET", "racks"},
                {"the node's word alone", BASE RELEASE("{node.namespace: payroll}", ""), "POLICY_ORIGIN",
                 "release/api can be fulfilled without evidence"},
                {"a token alone", BASE RELEASE("{k8s.namespace: payroll}", ", k8s-grants: true"), "POLICY_ORIGIN",
                 NULL},
                {"anybody's hardware", BASE RELEASE("{in_set: boot}", ""), "POLICY_PLATFORM", "release/api"},
                {"development", BASE RELEASE(BOTH, ", insecure-development: true"), "POLICY_DEVELOPMENT", NULL},
                {"a slot without its key", OF_SLOT("key-release", SLOT) NODES, "POLICY_KEY", "names its key"},
                {"a key by another mechanism",
                 OF_SLOT("background-check", "{name: x509, type: x509, algorithms: [p256], ttl: 1h, key: api}") NODES,
                 "POLICY_KEY", "key-release alone"},
                {"a key's bad name",
                 OF_SLOT("key-release", "{name: x509, type: x509, algorithms: [p256], ttl: 1h, key: \"a/b\"}") NODES,
                 "POLICY_NAME", NULL},
                {"an algorithm nobody has",
                 OF_SLOT("key-release", "{name: x509, type: x509, algorithms: [p521], ttl: 1h, key: api}") NODES,
                 "POLICY_VALUE", "rsa3072"},
        };
        run_rows(rows, COUNT_OF(rows));
}

struct attempt {
        const char *name, *policy, *slot, *key, *owner, *pcr;
        const char *token, *says; /* NULL: released */
};

static void decide(const struct attempt *a, struct decision **ret)
{
        AUTO(policy) struct policy *p = NULL;
        AUTO(facts) struct facts f = {0};
        expect_ok(compile_text(a->policy, &p));
        facts_set_text(&f, "evidence.kind", ORIGIN_VERIFIER, SPAN("tpm"));
        facts_set_text(&f, "verifier.status", ORIGIN_VERIFIER, SPAN("affirming"));
        set_hex(&f, "tpm.ek", EK_1);
        set_hex(&f, "tpm.pcr.sha256.0", PCR_A);
        set_hex(&f, "tpm.pcr.sha256.7", a->pcr);
        policy_decide(p, "stored", &f, NOW, ret);
        policy_release(p, "stored", a->slot, a->key, a->owner, &f, NOW, *ret);
}

static void releases(void **state)
{
        (void) state;
        static const struct attempt rows[] = {
                {"all fits", BASE RELEASE(BOTH, ""), "x509", "api", "team", PCR_B, NULL, NULL},
                {"changed PCR", BASE RELEASE(BOTH, ""), "x509", "api", "team", PCR_A, "release/api",
                 "tpm.pcr.sha256.7"},
                {"no KeyRelease", BASE, "x509", "api", "team", PCR_B, "release.no_policy", "\"api\""},
                {"one of another key", BASE RELEASE_AS("b", "team", "[other]", BOTH, ""), "x509", "api", "team", PCR_B,
                 "release.no_policy", NULL},
                {"the KeyRelease is another owner's", BASE RELEASE_AS("api", "mallory", "[api]", BOTH, ""), "x509",
                 "api", "team", PCR_B, "release.owner", "mallory"},
                {"the slot is for another key", BASE RELEASE_AS("api", "team", "[api, other]", BOTH, ""), "x509",
                 "other", "team", PCR_B, "release.slot", NULL},
                {"there is no such slot", BASE RELEASE(BOTH, ""), "wit", "api", "team", PCR_B, "release.slot", NULL},
                {"no workload matches", KEYED NODES BOOT RELEASE(BOTH, ""), "x509", "api", "team", PCR_B,
                 "policy.no_match", NULL},
                {"a guardrail refuses", BASE RELEASE(BOTH, "") GUARDRAIL("{in_set: boot}", ""), "x509", "api", "team",
                 PCR_A, "guardrail/floor", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(decision) struct decision *d = NULL;
                decide(&rows[i], &d);
                bool ok = d->allowed == (rows[i].token == NULL) &&
                          strcmp(d->token, rows[i].token == NULL ? "" : rows[i].token) == 0 &&
                          (rows[i].says == NULL || strstr(d->reason, rows[i].says) != NULL) &&
                          (d->identity != NULL) == d->allowed && (d->claims != NULL) == d->allowed &&
                          d->tree->ok == d->allowed;
                if (!ok)
                        fail_msg("%s: got %d %s: %s", rows[i].name, d->allowed, d->token,
                                 d->reason == NULL ? "" : d->reason);
        }
}

/* Windows of a ReferenceSet count for releases as they do for workloads. */
static void windows_close(void **state)
{
        (void) state;
#define WINDOW(window)                                                                                                 \
        KEYED NODES OF_KEYED("") DOCUMENT("ReferenceSet", "boot", "platform",                                          \
                                          "{entries: [{name: v1, " window ", values: {tpm.pcr.sha256.7: " PCR_B        \
                                          "}}]}") RELEASE(BOTH, "")
        static const struct attempt rows[] = {
                {"open", WINDOW("state: active"), "x509", "api", "team", PCR_B, NULL, NULL},
                {"candidate", WINDOW("state: candidate"), "x509", "api", "team", PCR_B, "release/api", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(decision) struct decision *d = NULL;
                decide(&rows[i], &d);
                if (d->allowed != (rows[i].token == NULL))
                        fail_msg("%s: %s %s", rows[i].name, d->token, d->reason == NULL ? "" : d->reason);
        }
}

static void says_whose_identities_are(void **state)
{
        (void) state;
        AUTO(policy) struct policy *p = NULL;
        struct policy_identity id;
        expect_ok(compile_text(KEYED NODES BOOT OF_KEYED(", credentials: {x509: {dns: [api.payroll.example]}}")
                                       RELEASE(BOTH, ""),
                               &p));
        assert_true(policy_find_identity(p, ID, "api", &id));
        assert_string_equal(id.owner, "team");
        assert_string_equal(id.workload, "w");
        assert_int_equal(id.dns_count, 1);
        assert_string_equal(id.dns[0], "api.payroll.example");
        assert_int_equal(id.ttl_s, 3600);
        assert_true(policy_find_identity(p, ID, "other", &id));
        assert_int_equal(id.dns_count, 0);
        assert_false(policy_find_identity(p, ID "x", "api", &id));
        assert_string_equal(policy_release_of(p, "api"), "api");
        assert_null(policy_release_of(p, "other"));
        assert_string_equal(policy_find_profile(p, "stored")->slots[0].key, "api");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents),
                cmocka_unit_test(releases),
                cmocka_unit_test(windows_close),
                cmocka_unit_test(says_whose_identities_are),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
