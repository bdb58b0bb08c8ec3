/* What docs/policy.md shows compiles, and does what it says. */
#include "tests/fakes/policy.h"

static void compile_folder(const char *path, const struct policy_options *o, struct policy **ret)
{
        AUTO(sources) struct sources s = {0};
        expect_ok(sources_read(&path, 1, &s));
        expect_ok(policy_compile(s.items, s.count, o, ret));
}

static struct decision *ask(const struct policy *p, const char *account, const char *ek, const char *pcr4,
                            int64_t now_s)
{
        AUTO(facts) struct facts f = {0};
        facts_set_text(&f, "evidence.kind", ORIGIN_VERIFIER, SPAN("tpm"));
        facts_set_text(&f, "verifier.status", ORIGIN_VERIFIER, SPAN("affirming"));
        facts_set_flag(&f, "tpm.clock-safe", ORIGIN_HW, true);
        facts_set_number(&f, "tpm.firmware-version", ORIGIN_HW, 7);
        set_hex(&f, "tpm.ek", ek);
        set_hex(&f, "tpm.pcr.sha256.0", "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969");
        set_hex(&f, "tpm.pcr.sha256.4", pcr4);
        set_hex(&f, "tpm.pcr.sha256.7", "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068");
        set_k8s(&f, "payroll", account);
        struct decision *d;
        policy_decide(p, "default", &f, wall_from_unix_s(now_s), &d);
        return d;
}

#define NODE_1    "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define NODE_2    "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"
#define IMAGE_4_1 "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define IMAGE_4_2 "7a94ffe8a7729a566d3d3c577fcb4b6b1e671f31540375f80eae6382ab785e35"
#define IMAGE_4_3 "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a"
#define DECEMBER  1796083200 /* 2026-12-01T00:00:00Z */

static void the_lab_works_as_described(void **state)
{
        (void) state;
        const struct policy_options o = {.trust_domain = "demo.example"};
        AUTO(policy) struct policy *p = NULL;
        compile_folder("docs/examples/policy", &o, &p);
        assert_null(policy_warning(p, 0));
        assert_int_equal(policy_revision(p), 7);

        static const struct {
                const char *name, *account, *ek, *pcr4;
                int64_t now_s;
                const char *identity, *token;
        } rows[] = {
                {"app", "app", NODE_1, IMAGE_4_2, DECEMBER, "spiffe://demo.example/ns/payroll/sa/app", ""},
                {"reports", "reports-nightly", NODE_1, IMAGE_4_2, DECEMBER,
                 "spiffe://demo.example/ns/payroll/sa/reports", ""},
                {"reports on a machine it avoids", "reports", NODE_2, IMAGE_4_2, DECEMBER, NULL, "policy.no_match"},
                {"nobody's account", "intruder", NODE_1, IMAGE_4_2, DECEMBER, NULL, "policy.no_match"},
                {"foreign machine", "app", PCR_A, IMAGE_4_2, DECEMBER, NULL, "guardrail/lab-floor"},
                {"old image in time", "app", NODE_1, IMAGE_4_1, DECEMBER - 1, "spiffe://demo.example/ns/payroll/sa/app",
                 ""},
                {"old image too late", "app", NODE_1, IMAGE_4_1, DECEMBER, NULL, "policy.no_match"},
                {"image that is not out", "app", NODE_1, IMAGE_4_3, DECEMBER, NULL, "policy.no_match"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(decision) struct decision *d = ask(p, rows[i].account, rows[i].ek, rows[i].pcr4, rows[i].now_s);
                if (strcmp(d->token, rows[i].token) != 0)
                        print_error("%s: %s\n", rows[i].name, d->reason);
                assert_string_equal(d->token, rows[i].token);
                assert_string_equal(d->identity == NULL ? "" : d->identity,
                                    rows[i].identity == NULL ? "" : rows[i].identity);
        }
}

static void development_needs_both_words(void **state)
{
        (void) state;
        AUTO(policy) struct policy *p = NULL;
        const struct policy_options development = {.insecure_development = true};
        compile_folder("docs/examples/policy-development", &development, &p);
        assert_non_null(strstr(policy_warning(p, 0), "development evidence"));

        const char *path = "docs/examples/policy-development/all.yaml";
        AUTO(sources) struct sources s = {0};
        expect_ok(sources_read(&path, 1, &s));
        const struct policy_options production = {0};
        struct policy *none = NULL;
        expect_fault(policy_compile(s.items, s.count, &production, &none), FAULT_INVALID, "POLICY_DEVELOPMENT");
        assert_null(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_lab_works_as_described),
                cmocka_unit_test(development_needs_both_words),
        };
        return cmocka_run_group_tests_name("policy_examples", tests, NULL, NULL);
}
