#include "issuer/policy/policy.h"

#include "tests/fakes/policy_rows.h"

#define PAYROLL                                                                                                        \
        PROFILE NODES BOOT WORKLOAD_AS("payroll", "team-payroll", ID,                                                  \
                                       "{all: [{in_set: nodes}, {in_set: boot}, {k8s.namespace: payroll}, "            \
                                       "{k8s.service-account: app}]}",                                                 \
                                       ", k8s-grants: true")

static void one_workload_must_match(void **state)
{
        (void) state;
        static const struct decision_row rows[] = {
                {"all as it should be", PAYROLL, {{0}}, "", NULL, 0, false},
                {"no rule at all",
                 PROFILE,
                 {{0}},
                 "policy.no_match",
                 "no workload is admitted to profile \"default\"",
                 0,
                 false},
                {"another account",
                 PAYROLL,
                 {TEXT("k8s.service-account", ORIGIN_K8S, "other")},
                 "policy.no_match",
                 "no workload matches: nearest \"payroll\" (team-payroll) wanted k8s.service-account = \"app\", found "
                 "\"other\" (k8s)",
                 0,
                 false},
                {"no token",
                 PAYROLL,
                 {WITHOUT("k8s.service-account")},
                 "policy.no_match",
                 "wanted k8s.service-account = \"app\", found nothing",
                 0,
                 false},
                {"the node says it instead",
                 PAYROLL,
                 {TEXT("k8s.service-account", ORIGIN_NODE, "app")},
                 "policy.no_match",
                 "found \"app\", which as a fact of origin node does not count here",
                 0,
                 false},
                {"a longer name",
                 PAYROLL,
                 {TEXT("k8s.service-account", ORIGIN_K8S, "app2")},
                 "policy.no_match",
                 NULL,
                 0,
                 false},
                {"another machine",
                 PAYROLL,
                 {BYTES("tpm.ek", ORIGIN_HW, EK_2)},
                 "policy.no_match",
                 "wanted in set nodes, found a tpm.ek that is not in it (hw)",
                 0,
                 false},
                {"a machine that names itself",
                 PAYROLL,
                 {BYTES("tpm.ek", ORIGIN_SELF, EK_1)},
                 "policy.no_match",
                 "in set nodes",
                 0,
                 false},
                {"a name instead of a digest",
                 PAYROLL,
                 {TEXT("tpm.ek", ORIGIN_HW, EK_1)},
                 "policy.no_match",
                 "in set nodes",
                 0,
                 false},
                {"another boot",
                 PAYROLL,
                 {BYTES("tpm.pcr.sha256.7", ORIGIN_HW, PCR_A)},
                 "policy.no_match",
                 "wanted in set boot, found tpm.pcr.sha256.7 " PCR_A " (nearest entry \"v1\" has " PCR_B ") (hw)",
                 0,
                 false},
                {"a PCR that was not quoted",
                 PAYROLL,
                 {WITHOUT("tpm.pcr.sha256.7")},
                 "policy.no_match",
                 "tpm.pcr.sha256.7 unknown",
                 0,
                 false},
                {"development evidence",
                 PAYROLL,
                 {FLAG("evidence.insecure-development", ORIGIN_VERIFIER, 1)},
                 "policy.no_match",
                 "found development evidence",
                 0,
                 false},
                {"two match",
                 PROFILE NODES BOOT WORKLOAD_AS("a", "ta", ID,
                                                "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 1}}]}", "")
                         WORKLOAD_AS("b", "tb", ID "2", "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 2}}]}",
                                     ""),
                 {{0}},
                 "policy.ambiguous",
                 "workloads \"a\" (ta) and \"b\" (tb) match both; exactly one must",
                 0,
                 false},
                {"one of the two",
                 PROFILE NODES BOOT WORKLOAD_AS("a", "ta", ID,
                                                "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 1}}]}", "")
                         WORKLOAD_AS("b", "tb", ID "2", "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 9}}]}",
                                     ""),
                 {{0}},
                 "",
                 NULL,
                 0,
                 false},
                {"told apart by the node's word only",
                 PROFILE NODES BOOT WORKLOAD_AS(
                         "a", "ta", ID,
                         "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 1}}, {node.namespace: payroll}]}", "")
                         WORKLOAD_AS(
                                 "b", "tb", ID "2",
                                 "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 2}}, {node.namespace: other}]}",
                                 ""),
                 {{0}},
                 "policy.ambiguous",
                 "told apart only by facts that may narrow but not choose",
                 0,
                 false},
                {"k8s that only narrows",
                 PROFILE NODES BOOT WORKLOAD_AS(
                         "a", "ta", ID,
                         "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 1}}, {k8s.namespace: payroll}]}", "")
                         WORKLOAD_AS(
                                 "b", "tb", ID "2",
                                 "{all: [{in_set: nodes}, {tpm.firmware-version: {gte: 2}}, {k8s.namespace: other}]}",
                                 ", k8s-grants: true"),
                 {{0}},
                 "",
                 NULL,
                 0,
                 false},
        };
        run_rows(rows, COUNT_OF(rows));
}

static void guardrails_deny(void **state)
{
        (void) state;
#define FLOOR(require, rest) PROFILE NODES BOOT GUARDRAIL(require, rest) WORKLOAD("{all: [{in_set: nodes}]}", "")
        static const struct decision_row rows[] = {
                {"holds", FLOOR("{in_set: boot}", ""), {{0}}, "", NULL, 0, false},
                {"denies what a workload allows",
                 FLOOR("{in_set: boot}", ""),
                 {BYTES("tpm.pcr.sha256.0", ORIGIN_HW, PCR_B)},
                 "guardrail/floor",
                 "guardrail \"floor\" (admins) wanted in set boot, found tpm.pcr.sha256.0",
                 0,
                 false},
                {"speaks before the workloads",
                 FLOOR("{in_set: boot}", ""),
                 {WITHOUT("tpm.ek"), WITHOUT("tpm.pcr.sha256.0")},
                 "guardrail/floor",
                 NULL,
                 0,
                 false},
                {"unknown fails",
                 FLOOR("{not: {verifier.status: contraindicated}}", ""),
                 {WITHOUT("verifier.status")},
                 "guardrail/floor",
                 "found nothing",
                 0,
                 false},
                {"of k8s",
                 FLOOR("{k8s.cluster: lab}", ", k8s-grants: true"),
                 {TEXT("k8s.cluster", ORIGIN_K8S, "home")},
                 "guardrail/floor",
                 NULL,
                 0,
                 false},
        };
        run_rows(rows, COUNT_OF(rows));
}

/* Development evidence: the software kind's facts, of whatever name. */
#define DEV_NODES                                                                                                      \
        DOCUMENT("ReferenceSet", "dev", "admins",                                                                      \
                 "{platform: true, entries: [{name: laptop, values: {software.instance: laptop}}]}")
#define DEV ", insecure-development: true"

static void development_is_kept_apart(void **state)
{
        (void) state;
#define D(guardrail, rest) PROFILE NODES DEV_NODES guardrail WORKLOAD("{any: [{in_set: dev}, {in_set: nodes}]}", rest)
        static const struct fact_tweak laptop = TEXT("software.instance", ORIGIN_SOFTWARE, "laptop");
        static const struct fact_tweak kind = TEXT("evidence.kind", ORIGIN_SOFTWARE, "software");
        const struct decision_row rows[] = {
                {"admitted by a rule that says so", D("", DEV), {laptop, kind, WITHOUT("tpm.ek")}, "", NULL, 0, true},
                {"which takes hardware as well", D("", DEV), {{0}}, "", NULL, 0, true},
                {"another instance",
                 D("", DEV),
                 {TEXT("software.instance", ORIGIN_SOFTWARE, "phone"), kind, WITHOUT("tpm.ek")},
                 NO,
                 NULL,
                 0,
                 true},
                {"software that claims silicon's facts",
                 PROFILE NODES WORKLOAD("{in_set: nodes}", ""),
                 {BYTES("tpm.ek", ORIGIN_SOFTWARE, EK_1)},
                 NO,
                 "development evidence",
                 0,
                 true},
                {"a guardrail of production denies it",
                 D(GUARDRAIL("{not: {verifier.status: contraindicated}}", ""), DEV),
                 {laptop, kind},
                 "guardrail/floor",
                 "wanted evidence that is not of the development kind",
                 0,
                 true},
                {"even one that holds",
                 D(GUARDRAIL("{evidence.kind: {exists: true}}", ""), DEV),
                 {laptop, kind},
                 "guardrail/floor",
                 NULL,
                 0,
                 true},
                {"a guardrail that says so does not",
                 D(GUARDRAIL("{verifier.status: affirming}", DEV), DEV),
                 {laptop, kind},
                 "",
                 NULL,
                 0,
                 true},
                {"the kind alone tells",
                 D(GUARDRAIL("{verifier.status: affirming}", ""), DEV),
                 {TEXT("evidence.kind", ORIGIN_VERIFIER, "software")},
                 "guardrail/floor",
                 NULL,
                 0,
                 true},
        };
        run_rows(rows, COUNT_OF(rows));

        AUTO(decision) struct decision *d = decide_row(&rows[0]);
        assert_true(d->insecure_development);
        AUTO(decision) struct decision *hardware = decide_row(&rows[1]);
        assert_false(hardware->insecure_development);
}

static void claims_come_from_the_policy_alone(void **state)
{
        (void) state;
        static const char text[] = PROFILE NODES BOOT WORKLOAD_AS(
                "payroll", "team-payroll", ID, "{all: [{in_set: nodes}, {in_set: boot}]}",
                ", k8s-grants: true, claims: {tier: 1, app: Payroll, pci: true, data-class: [pii], kind: {from: "
                "evidence.kind}, "
                "firmware: {from: tpm.firmware-version}, ns: {from: k8s.namespace}}, "
                "credentials: {x509: {ttl: 20s, dns: [app.payroll.svc]}}");
        const struct decision_row good = {.name = "good", .text = text, .token = ""};
        AUTO(decision) struct decision *d = decide_row(&good);
        assert_true(d->allowed);
        assert_string_equal(d->identity, ID);
        assert_string_equal(d->workload, "payroll");
        assert_string_equal(d->owner, "team-payroll");
        assert_int_equal(d->grant_count, 1);
        assert_string_equal(d->grants[0].slot, "x509");
        assert_string_equal(d->grants[0].type, "x509");
        assert_int_equal(d->grants[0].ttl_s, 20);
        assert_int_equal(d->grants[0].dns_count, 1);
        assert_string_equal(d->grants[0].dns[0], "app.payroll.svc");
        AUTO(buf) struct buf claims = BUF(4096), references = BUF(4096);
        expect_ok(json_write(d->claims, &claims));
        assert_string_equal(buf_str(&claims),
                            "{\"app\":\"Payroll\",\"data-class\":[\"pii\"],\"firmware\":7,\"kind\":\"tpm\","
                            "\"ns\":\"payroll\",\"pci\":true,\"tier\":1}");
        expect_ok(json_write(d->references, &references));
        assert_string_equal(buf_str(&references), "[\"nodes/n1\",\"boot/v1\"]");

        const struct decision_row rows[] = {
                {"a claim whose source is unknown",
                 text,
                 {WITHOUT("tpm.firmware-version")},
                 "workload/payroll",
                 "claim \"firmware\" of workload \"payroll\" (team-payroll) wanted tpm.firmware-version, found nothing",
                 0,
                 false},
                {"a claim whose source is the node",
                 text,
                 {TEXT("k8s.namespace", ORIGIN_NODE, "x")},
                 "workload/payroll",
                 "claim \"ns\"",
                 0,
                 false},
        };
        run_rows(rows, COUNT_OF(rows));
}

/* The shape that records and `vouchsafe record` show. */
static void the_tree_tells_everything(void **state)
{
        (void) state;
        const struct decision_row row = {
                .name = "tree",
                .text = PROFILE NODES BOOT GUARDRAIL("{evidence.kind: tpm}", "") WORKLOAD_AS(
                        "payroll", "team-payroll", ID,
                        "{all: [{in_set: nodes}, {any: [{in_set: boot}, {k8s.pod: a}]}, {k8s.namespace: payroll}]}",
                        ", k8s-grants: true"),
                .tweaks = {TEXT("k8s.namespace", ORIGIN_K8S, "shop")},
                .token = NO};
        AUTO(decision) struct decision *d = decide_row(&row);
        assert_int_equal(d->tree->child_count, 4);
        static const struct {
                const char *name, *wanted, *got, *owner;
                bool ok;
                int origin;
        } top[] =
                {
                        {"policy.profile", "a Profile \"default\"", "background-check", NULL, true, -1},
                        {"guardrail/floor", NULL, NULL, "admins", true, -1},
                        {"policy.workloads", "exactly one that matches", "0 of 1", NULL, false, -1},
                        {"workload/payroll", NULL, NULL, "team-payroll", false, -1},
                },
          below[] = {
                  {"workload/payroll/all[0]", "in set nodes", "entry \"n1\"", "platform", true, ORIGIN_HW},
                  {"workload/payroll/all[1]", "one of these", NULL, "team-payroll", true, -1},
                  {"workload/payroll/all[2]", "k8s.namespace = \"payroll\"", "\"shop\"", "team-payroll", false,
                   ORIGIN_K8S},
          };
        for (size_t i = 0; i < COUNT_OF(top) + COUNT_OF(below); i++) {
                bool is_top = i < COUNT_OF(top);
                const struct check *c =
                        is_top ? d->tree->children[i] : d->tree->children[3]->children[i - COUNT_OF(top)];
                const char *const wanted[] = {is_top ? top[i].name : below[i - COUNT_OF(top)].name,
                                              is_top ? top[i].wanted : below[i - COUNT_OF(top)].wanted,
                                              is_top ? top[i].got : below[i - COUNT_OF(top)].got,
                                              is_top ? top[i].owner : below[i - COUNT_OF(top)].owner};
                const char *const got[] = {c->name, c->wanted, c->got, c->owner};
                for (size_t j = 0; j < COUNT_OF(wanted); j++)
                        assert_string_equal(got[j] == NULL ? "(none)" : got[j],
                                            wanted[j] == NULL ? "(none)" : wanted[j]);
                assert_int_equal(c->ok, is_top ? top[i].ok : below[i - COUNT_OF(top)].ok);
                assert_int_equal(c->origin, is_top ? top[i].origin : below[i - COUNT_OF(top)].origin);
        }
        const struct check *any = d->tree->children[3]->children[1];
        assert_int_equal(any->child_count, 2);
        assert_string_equal(any->children[1]->name, "workload/payroll/all[1]/any[1]");
        assert_string_equal(d->workload, "payroll"); /* the nearest */
        assert_string_equal(d->owner, "team-payroll");
}

static void the_profile_must_exist(void **state)
{
        (void) state;
        AUTO(policy) struct policy *p = NULL;
        expect_ok(compile_text(PAYROLL, &p));
        AUTO(facts) struct facts f = good_facts();
        AUTO(decision) struct decision *d = NULL;
        policy_decide(p, "other", &f, NOW, &d);
        assert_false(d->allowed);
        assert_string_equal(d->token, "policy.no_profile");
        assert_string_equal(d->reason, "there is no profile \"other\"");
}

/* Same facts, same policy: the same bytes, on every replica and however its files are cut. */
static void decisions_are_deterministic(void **state)
{
        (void) state;
        AUTO(buf) struct buf first = BUF(1 << 20), second = BUF(1 << 20);
        static const char one[] = PAYROLL;
        static const char other[] = WORKLOAD_AS("payroll", "team-payroll", ID,
                                                "{all: [{in_set: nodes}, {in_set: boot}, {k8s.namespace: payroll}, "
                                                "{k8s.service-account: app}]}",
                                                ", k8s-grants: true") BOOT NODES PROFILE;
        const struct decision_row rows[] = {{.name = "one", .text = one, .token = ""},
                                            {.name = "other", .text = other, .token = ""}};
        for (size_t i = 0; i < 2; i++) {
                AUTO(decision) struct decision *d = decide_row(&rows[i]);
                AUTO(json) struct json *j = decision_to_json(d);
                expect_ok(json_write(j, i == 0 ? &first : &second));
        }
        assert_string_equal(buf_str(&first), buf_str(&second));
}

static void a_big_set_is_one_look(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(1 << 22);
        expect_ok(buf_append_str(&text, PROFILE "---\napiVersion: vouchsafe.dev/v1\nkind: ReferenceSet\nmetadata: "
                                                "{name: nodes, owner: o}\nspec: {platform: true, entries: ["));
        for (unsigned i = 0; i < 5000; i++)
                expect_ok(buf_printf(&text, "{name: n%u, values: {tpm.ek: \"%064x\"}},\n", i, i));
        expect_ok(buf_append_str(&text, "]}\n" WORKLOAD("{in_set: nodes}", "")));
        AUTO(policy) struct policy *p = NULL;
        expect_ok(compile_text(buf_str(&text), &p));
        for (unsigned i = 0; i < 5001; i += i == 4000 ? 999u : 1000u) { /* 0, 1000, …, 4000, 4999 */
                char hex[65];
                (void) snprintf(hex, sizeof hex, "%064x", i);
                AUTO(facts) struct facts f = {0};
                set_hex(&f, "tpm.ek", hex);
                AUTO(decision) struct decision *d = NULL;
                policy_decide(p, "default", &f, NOW, &d);
                assert_true(d->allowed);
                AUTO_STRING char *hit = alloc_printf("nodes/n%u", i);
                assert_true(span_eq_str(json_text(json_at(d->references, 0)), hit));
        }
}

static size_t count_checks(const struct check *c)
{
        size_t count = 1;
        for (size_t i = 0; i < c->child_count; i++)
                count += count_checks(c->children[i]);
        return count;
}

/* However many guardrails hold, the tree can be read back; one that does not hold is always shown whole. */
static void a_tree_stays_readable(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(1 << 22);
        expect_ok(buf_append_str(&text, PROFILE NODES WORKLOAD("{in_set: nodes}", "")));
        for (int i = 0; i < 40; i++) {
                expect_ok(buf_printf(&text,
                                     "---\napiVersion: vouchsafe.dev/v1\nkind: Guardrail\n"
                                     "metadata: {name: g%02d, owner: o}\nspec: {require: {all: [{in_set: nodes}",
                                     i));
                for (int k = 0; k < 200; k++)
                        expect_ok(
                                buf_printf(&text, ", {tpm.firmware-version: {gte: %d}}", i == 39 && k == 199 ? 9 : 1));
                expect_ok(buf_append_str(&text, "]}}\n"));
        }
        AUTO(policy) struct policy *p = NULL;
        expect_ok(compile_text(buf_str(&text), &p));
        AUTO(facts) struct facts f = good_facts();
        AUTO(decision) struct decision *d = NULL;
        policy_decide(p, "default", &f, NOW, &d);
        assert_string_equal(d->token, "guardrail/g39");
        assert_true(count_checks(d->tree) < 4096);
        AUTO(json) struct json *j = check_to_json(d->tree);
        AUTO(check) struct check *back = NULL;
        expect_ok(check_from_json(j, &back));
        assert_string_equal(check_first_failure(back)->name, "guardrail/g39/all[200]");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_workload_must_match),     cmocka_unit_test(guardrails_deny),
                cmocka_unit_test(development_is_kept_apart),   cmocka_unit_test(claims_come_from_the_policy_alone),
                cmocka_unit_test(the_tree_tells_everything),   cmocka_unit_test(the_profile_must_exist),
                cmocka_unit_test(decisions_are_deterministic), cmocka_unit_test(a_big_set_is_one_look),
                cmocka_unit_test(a_tree_stays_readable),
        };
        return cmocka_run_group_tests_name("policy_decide", tests, NULL, NULL);
}
