/* Concerns by decisions, and what `vouchsafe appraise` asks: guardrails and concerns alone. */
#include "issuer/policy/inputs.h"
#include "issuer/policy/policy.h"

#include "tests/fakes/policy_rows.h"

#define GOOD               "{in_set: nodes}"
#define WITH(rest)         PROFILE NODES BOOT GUARDRAIL("{in_set: nodes}", rest) WORKLOAD(GOOD, "")
#define CONCERNS(text)     TEXT("verifier.concerns", ORIGIN_VERIFIER, text)
#define TOLERATES(list)    WITH(", tolerates: " list)
#define NO_GUARDRAIL_THERE PROFILE NODES BOOT WORKLOAD(GOOD, "")

static void each_concern_must_be_tolerated(void **state UNUSED)
{
        static const struct decision_row rows[] = {
                {"none", WITH(""), {CONCERNS("")}, "", NULL, 0, false},
                {"the fact is not there", WITH(""), {{0}}, "", NULL, 0, false},
                {"one, no guardrail", NO_GUARDRAIL_THERE, {CONCERNS("snp.debug")}, "concern/snp.debug", NULL, 0, false},
                {"one, not tolerated",
                 WITH(""),
                 {CONCERNS("snp.debug")},
                 "concern/snp.debug",
                 "gives a concern that no guardrail tolerates: snp.debug",
                 0,
                 false},
                {"one, tolerated", TOLERATES("[snp.debug]"), {CONCERNS("snp.debug")}, "", NULL, 0, false},
                {"another", TOLERATES("[snp.vmpl]"), {CONCERNS("snp.debug")}, "concern/snp.debug", NULL, 0, false},
                {"part of a name", TOLERATES("[snp.debug]"), {CONCERNS("snp.deb")}, "concern/snp.deb", NULL, 0, false},
                {"two, one tolerated",
                 TOLERATES("[tdx.tcb_status]"),
                 {CONCERNS("tdx.tcb_status tdx.debug")},
                 "concern/tdx.debug",
                 NULL,
                 0,
                 false},
                {"two, both",
                 TOLERATES("[tdx.tcb_status, tdx.debug]"),
                 {CONCERNS("tdx.debug tdx.tcb_status")},
                 "",
                 NULL,
                 0,
                 false},
                {"of another origin: still one",
                 WITH(""),
                 {TEXT("verifier.concerns", ORIGIN_SELF, "snp.debug")},
                 "concern/snp.debug",
                 NULL,
                 0,
                 false},
        };
        run_rows(rows, COUNT_OF(rows));
}

static void only_known_concerns_are_tolerated(void **state UNUSED)
{
        static const char *const lists[] = {"[snp.debugging]", "[]", "snp.debug", "[[snp.debug]]"};
        static const char *const tokens[] = {"POLICY_CONCERN", "POLICY_VALUE", "POLICY_VALUE", "POLICY_CONCERN"};
        for (size_t i = 0; i < COUNT_OF(lists); i++) {
                AUTO_STRING char *text = alloc_printf(
                        "%s%s" DOCUMENT("Guardrail", "floor", "admins", "{require: {in_set: nodes}, tolerates: %s}"),
                        PROFILE, NODES, lists[i]);
                AUTO(policy) struct policy *p = NULL;
                expect_fault_row(compile_text(text, &p), FAULT_INVALID, tokens[i], lists[i]);
        }
        AUTO(policy) struct policy *p = NULL;
        expect_fault(compile_text(PROFILE NODES BOOT WORKLOAD(GOOD, ", tolerates: [snp.debug]"), &p), FAULT_INVALID,
                     "POLICY_FIELD");
}

static void grace_is_granted_together_with_the_concern(void **state UNUSED)
{
        static const struct {
                const char *name, *rest, *token; /* token NULL: compiles */
                int64_t grace_s;
        } rows[] = {
                {"none", "", NULL, 0},
                {"tolerated alone", ", tolerates: [collateral.grace]", NULL, 0},
                {"granted", ", tolerates: [collateral.grace], collateral-grace: 72h", NULL, 72 * 3600},
                {"beside others", ", tolerates: [snp.debug, collateral.grace], collateral-grace: 90s", NULL, 90},
                {"the shortest", ", tolerates: [collateral.grace], collateral-grace: 60s", NULL, 60},
                {"too short", ", tolerates: [collateral.grace], collateral-grace: 59s", "POLICY_GRACE", 0},
                {"the longest", ", tolerates: [collateral.grace], collateral-grace: 30d", NULL, 30 * 24 * 3600},
                {"too long", ", tolerates: [collateral.grace], collateral-grace: 2592001s", "POLICY_GRACE", 0},
                {"no whole seconds", ", tolerates: [collateral.grace], collateral-grace: 60500ms", "POLICY_GRACE", 0},
                {"without a unit", ", tolerates: [collateral.grace], collateral-grace: 72", "POLICY_GRACE", 0},
                {"below zero", ", tolerates: [collateral.grace], collateral-grace: -72h", "POLICY_GRACE", 0},
                {"a list", ", tolerates: [collateral.grace], collateral-grace: [72h]", "POLICY_FIELD", 0},
                {"not tolerated", ", collateral-grace: 72h", "POLICY_GRACE", 0},
                {"another tolerated", ", tolerates: [snp.debug], collateral-grace: 72h", "POLICY_GRACE", 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *text =
                        alloc_printf("%s" DOCUMENT("Guardrail", "floor", "admins", "{require: {in_set: nodes}%s}"),
                                     PROFILE NODES BOOT WORKLOAD(GOOD, ""), rows[i].rest);
                AUTO(policy) struct policy *p = NULL;
                struct fault *f = compile_text(text, &p);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                        continue;
                }
                expect_ok(f);
                assert_int_equal(policy_collateral_grace_s(p), rows[i].grace_s);
        }
        AUTO(policy) struct policy *p = NULL;
        expect_fault(compile_text(PROFILE NODES BOOT WORKLOAD(GOOD, ", collateral-grace: 72h"), &p), FAULT_INVALID,
                     "POLICY_FIELD");
}

static bool warns_of_no_grace(const struct policy *p)
{
        for (size_t i = 0; policy_warning(p, i) != NULL; i++)
                if (strstr(policy_warning(p, i), "grants no collateral-grace") != NULL)
                        return true;
        return false;
}

static void the_longest_grace_counts(void **state UNUSED)
{
#define GRANT(name, grace)                                                                                             \
        DOCUMENT("Guardrail", name, "admins", "{require: {in_set: nodes}, tolerates: [collateral.grace]" grace "}")
#define BASE PROFILE NODES BOOT WORKLOAD(GOOD, "")
        static const struct {
                const char *text;
                int64_t grace_s;
                bool warns;
        } rows[] = {
                {BASE, 0, false},
                {BASE GRANT("a", ""), 0, true},
                {BASE GRANT("a", ", collateral-grace: 1h") GRANT("b", ", collateral-grace: 2h") GRANT("c", ""), 7200,
                 false},
                {BASE GRANT("a", ", collateral-grace: 2h") GRANT("b", ", collateral-grace: 1h"), 7200, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(policy) struct policy *p = NULL;
                expect_ok(compile_text(rows[i].text, &p));
                assert_int_equal(policy_collateral_grace_s(p), rows[i].grace_s);
                assert_true(warns_of_no_grace(p) == rows[i].warns);
        }
}

static void the_table_is_sorted(void **state UNUSED)
{
        const char *before = "", *name, *help;
        for (size_t i = 0; (name = policy_concern_at(i, &help)) != NULL; before = name, i++) {
                assert_true(strcmp(before, name) < 0);
                assert_ptr_equal(policy_concern_find(name), name);
                assert_true(strlen(help) > 10);
        }
        assert_null(policy_concern_find("snp"));
}

static void guardrails_and_concerns_judge_alone(void **state UNUSED)
{
        static const struct {
                const char *policy, *concerns, *ek, *token;
        } rows[] = {
                {WITH(""), "", EK_1, ""},
                {WITH(""), "snp.debug", EK_1, "concern/snp.debug"},
                {TOLERATES("[snp.debug]"), "snp.debug", EK_1, ""},
                {WITH(""), "", PCR_A, "guardrail/floor"},
                {NO_GUARDRAIL_THERE, "", EK_1, "policy.guardrails"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(policy) struct policy *p = NULL;
                expect_ok(compile_text(rows[i].policy, &p));
                AUTO(facts) struct facts f = {0};
                const struct fact_tweak tweaks[] = {BYTES("tpm.ek", ORIGIN_HW, rows[i].ek), CONCERNS(rows[i].concerns)};
                for (size_t j = 0; j < COUNT_OF(tweaks); j++)
                        apply_tweak(&f, &tweaks[j]);
                struct decision *made = NULL;
                policy_judge(p, &f, NOW, &made);
                AUTO(decision) struct decision *d = made;
                assert_string_equal(d->token, rows[i].token);
                assert_true(d->allowed == (rows[i].token[0] == '\0'));
                assert_true(d->tree->ok == d->allowed);
                assert_null(d->identity);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_concern_must_be_tolerated),
                cmocka_unit_test(only_known_concerns_are_tolerated),
                cmocka_unit_test(grace_is_granted_together_with_the_concern),
                cmocka_unit_test(the_longest_grace_counts),
                cmocka_unit_test(the_table_is_sorted),
                cmocka_unit_test(guardrails_and_concerns_judge_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
