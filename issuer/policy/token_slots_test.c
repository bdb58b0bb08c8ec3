/* Slots of Workload Identity Tokens, and of other keys than P-256. */
#include "issuer/policy/policy.h"

#include "tests/fakes/policy.h"

#define SLOTS(slots) DOCUMENT("Profile", "default", "admins", "{slots: [" slots "]}")
#define X509         "{name: x509, type: x509, algorithms: [p256], ttl: 1h}"
#define WIT(alg)     "{name: wit, type: wit, algorithms: [" alg "], ttl: 10m}"
#define MATCH        "{all: [{in_set: nodes}]}"

static const char *token_of(const struct fault *f)
{
        return f == NULL ? "(compiles)" : fault_token(f);
}

static void profiles_and_workloads(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"a token beside a certificate", SLOTS(X509 "," WIT("p256")), "(compiles)"},
                {"a token alone", SLOTS(WIT("p256")), "(compiles)"},
                {"a token for P-384", SLOTS(WIT("p384")), "POLICY_VALUE"},
                {"a token for RSA", SLOTS(WIT("p256, rsa3072")), "POLICY_VALUE"},
                {"certificates of all kinds",
                 SLOTS("{name: a, type: x509, algorithms: [p384], ttl: 1h},{name: b, type: x509, algorithms: "
                       "[rsa3072, p256], ttl: 1h}"),
                 "(compiles)"},
                {"a certificate for RSA of another size",
                 SLOTS("{name: a, type: x509, algorithms: [rsa2048], ttl: 1h}"), "POLICY_VALUE"},
                {"a stored key for a token",
                 DOCUMENT("Profile", "default", "admins",
                          "{mechanism: key-release, slots: [{name: wit, type: wit, algorithms: [p256], ttl: 1h, key: "
                          "k}]}"),
                 "POLICY_KEY"},
                {"a workload with DNS names for its certificate",
                 SLOTS(X509 "," WIT("p256"))
                         NODES WORKLOAD(MATCH, ", credentials: {x509: {dns: [a.b]}, wit: {ttl: 5m}}"),
                 "(compiles)"},
                {"a workload with DNS names for its token",
                 SLOTS(X509 "," WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {dns: [a.b]}}"), "POLICY_DNS"},
                {"claims", SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", claims: {app: payroll}"), "(compiles)"},
                {"a claim that would be a measurement",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", claims: {boot: {from: tpm.pcr.sha256.7}}"),
                 "POLICY_CLAIM"},
                {"a claim that would name a machine",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", claims: {chip: {from: tpm.ek}}"), "POLICY_CLAIM"},
                {"an identity of a slot's own",
                 SLOTS(X509 "," WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: "
                                                                   "spiffe://demo.example/out}}"),
                 "(compiles)"},
                {"of a slot that is not there",
                 SLOTS(X509) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://demo.example/out}}"),
                 "POLICY_SLOT"},
                {"that is no SPIFFE id",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: https://demo.example/out}}"),
                 "POLICY_IDENTITY"},
                {"of another trust domain",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://a.example/out}}"),
                 "POLICY_IDENTITY"},
                {"without a path",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://demo.example}}"),
                 "POLICY_IDENTITY"},
                {"of vouchsafe's own",
                 SLOTS(WIT("p256"))
                         NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://demo.example/vouchsafe/a}}"),
                 "POLICY_RESERVED"},
                {"that another owner's workload has",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://demo.example/out}}")
                         WORKLOAD_AS("v", "others", "spiffe://demo.example/out",
                                     "{all: [{in_set: nodes}, {tpm.ek: {eq: \"" EK_2 "\"}}]}", ""),
                 "POLICY_IDENTITY"},
                {"that another owner's slot has",
                 SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", credentials: {wit: {identity: spiffe://demo.example/out}}")
                         WORKLOAD_AS("v", "others", "spiffe://demo.example/v",
                                     "{all: [{in_set: nodes}, {tpm.ek: {eq: \"" EK_2 "\"}}]}",
                                     ", credentials: {wit: {identity: spiffe://demo.example/out}}"),
                 "POLICY_IDENTITY"},
                {"of a stored key's slot",
                 DOCUMENT("Profile", "default", "admins",
                          "{mechanism: key-release, slots: [{name: x509, type: x509, algorithms: [p256], ttl: 1h, key: "
                          "k}]}") NODES WORKLOAD(MATCH, ", credentials: {x509: {identity: spiffe://demo.example/out}}"),
                 "POLICY_KEY"},
                {"a registered claim", SLOTS(WIT("p256")) NODES WORKLOAD(MATCH, ", claims: {cnf: x}"),
                 "POLICY_RESERVED"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(policy) struct policy *p = NULL;
                AUTO(fault) struct fault *f = compile_text(rows[i].text, &p);
                if (strcmp(token_of(f), rows[i].token) != 0)
                        fail_msg("%s: %s, wanted %s (%s)", rows[i].name, token_of(f), rows[i].token,
                                 f == NULL ? "" : fault_text(f));
        }
}

/* Claims of a token are named after it. */
static void a_trust_domain_of_one_label(void **state UNUSED)
{
        static const struct policy_options o = {.trust_domain = "demo"};
        static const struct {
                const char *profile, *claims, *token;
        } rows[] = {
                {SLOTS(X509), ", claims: {app: payroll}", "(compiles)"},
                {SLOTS(WIT("p256")), "", "(compiles)"},
                {SLOTS(WIT("p256")), ", claims: {app: payroll}", "POLICY_CLAIM"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(policy) struct policy *p = NULL;
                AUTO_STRING char *text = alloc_printf(
                        "%s" NODES "---\napiVersion: vouchsafe.dev/v1\nkind: Workload\nmetadata: {name: w, owner: t}\n"
                        "spec: {profiles: [default], match: " MATCH ", identity: \"spiffe://demo/app\"%s}\n",
                        rows[i].profile, rows[i].claims);
                AUTO(fault) struct fault *f = compile_with(text, &o, &p);
                if (strcmp(token_of(f), rows[i].token) != 0)
                        fail_msg("row %zu: %s (%s)", i, token_of(f), f == NULL ? "" : fault_text(f));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(profiles_and_workloads),
                cmocka_unit_test(a_trust_domain_of_one_label),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
