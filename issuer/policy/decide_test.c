#include "tests/fakes/policy.h"
#include "issuer/policy/program.h"

struct tweak { /* one fact that differs from good_facts: replaced, added, or (origin -1) taken away */
        const char *name;
        int origin;
        enum fact_kind kind;
        const char *text;
        uint64_t number;
};
#define WITHOUT(name)                                                                                                  \
        {                                                                                                              \
                name, -1, FACT_TEXT, NULL, 0                                                                           \
        }
#define TEXT(name, origin, text)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_TEXT, text, 0                                                                       \
        }
#define BYTES(name, origin, hex)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_BYTES, hex, 0                                                                       \
        }
#define NUMBER(name, number)                                                                                           \
        {                                                                                                              \
                name, ORIGIN_HW, FACT_NUMBER, NULL, number                                                             \
        }
#define FLAG(name, origin, flag)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_FLAG, NULL, flag                                                                    \
        }

static void drop_fact(struct facts *f, const char *name)
{
        for (size_t i = 0; i < f->count; i++) {
                if (strcmp(f->items[i].name, name) != 0)
                        continue;
                free(f->items[i].name);
                buf_clear(&f->items[i].value);
                f->items[i] = f->items[--f->count];
                return;
        }
}

static void apply(struct facts *f, const struct tweak *t)
{
        drop_fact(f, t->name);
        if (t->origin < 0)
                return;
        enum origin origin = (enum origin) t->origin;
        if (t->kind == FACT_TEXT)
                facts_set_text(f, t->name, origin, span_str(t->text));
        if (t->kind == FACT_NUMBER)
                facts_set_number(f, t->name, origin, t->number);
        if (t->kind == FACT_FLAG)
                facts_set_flag(f, t->name, origin, t->number != 0);
        if (t->kind == FACT_BYTES) {
                AUTO(buf) struct buf bytes = BUF(64);
                expect_ok(hex_decode(span_str(t->text), &bytes));
                facts_set_bytes(f, t->name, origin, buf_span(&bytes));
        }
}

struct row {
        const char *name, *text;
        struct tweak tweaks[3];
        const char *token; /* "" allowed */
        const char *says;
        int64_t now_s;    /* 0: NOW */
        bool development; /* the issuer admits it */
};

static struct decision *decide(const struct row *row)
{
        AUTO(policy) struct policy *p = NULL;
        expect_ok(row->development ? compile_development(row->text, &p) : compile_text(row->text, &p));
        AUTO(facts) struct facts f = good_facts();
        for (size_t i = 0; i < COUNT_OF(row->tweaks) && row->tweaks[i].name != NULL; i++)
                apply(&f, &row->tweaks[i]);
        struct decision *d;
        policy_decide(p, "default", &f, row->now_s != 0 ? wall_from_unix_s(row->now_s) : NOW, &d);
        return d;
}

static void run_rows(const struct row *rows, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                AUTO(decision) struct decision *d = decide(&rows[i]);
                bool allowed = rows[i].token[0] == '\0';
                bool ok = d->allowed == allowed && strcmp(d->token, rows[i].token) == 0 && d->tree->ok == allowed &&
                          (d->identity != NULL) == allowed && (d->claims != NULL) == allowed &&
                          (d->grant_count != 0) == allowed && (d->reason == NULL) == allowed;
                if (rows[i].says != NULL)
                        ok = ok && d->reason != NULL && strstr(d->reason, rows[i].says) != NULL;
                AUTO(json) struct json *j = decision_to_json(d);
                AUTO(buf) struct buf text = BUF(1 << 20);
                expect_ok(json_write(j, &text)); /* every decision can be recorded */
                if (ok)
                        continue;
                print_error("%s: got \"%s\": %s\n  wanted \"%s\" … %s\n%s\n", rows[i].name, d->token, d->reason,
                            rows[i].token, rows[i].says, buf_str(&text));
                fail();
        }
}

#define W(match) PROFILE NODES BOOT WORKLOAD(match, "")
#define PAYROLL                                                                                                        \
        PROFILE NODES BOOT WORKLOAD_AS("payroll", "team-payroll", ID,                                                  \
                                       "{all: [{in_set: nodes}, {in_set: boot}, {k8s.namespace: payroll}, "            \
                                       "{k8s.service-account: app}]}",                                                 \
                                       ", k8s-grants: true")

static void one_workload_must_match(void **state)
{
        (void) state;
        static const struct row rows[] = {
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

static void operators_compare(void **state)
{
        (void) state;
#define O(check) W("{all: [{in_set: nodes}, " check "]}")
#define NO       "policy.no_match"
        static const struct row rows[] = {
                {"eq", O("{tpm.firmware-version: {eq: 7}}"), {{0}}, "", NULL, 0, false},
                {"eq, other",
                 O("{tpm.firmware-version: {eq: 8}}"),
                 {{0}},
                 NO,
                 "wanted tpm.firmware-version = 8, found 7 (hw)",
                 0,
                 false},
                {"in", O("{evidence.kind: {in: [sev-snp, tpm]}}"), {{0}}, "", NULL, 0, false},
                {"in, other",
                 O("{evidence.kind: {in: [a, b, c, d, e]}}"),
                 {{0}},
                 NO,
                 "one of \"a\", \"b\", \"c\", \"d\" and 1 more, found \"tpm\"",
                 0,
                 false},
                {"prefix", O("{evidence.kind: {prefix: tp}}"), {{0}}, "", NULL, 0, false},
                {"prefix, whole", O("{evidence.kind: {prefix: tpm}}"), {{0}}, "", NULL, 0, false},
                {"prefix, longer",
                 O("{evidence.kind: {prefix: tpm2}}"),
                 {{0}},
                 NO,
                 "beginning with \"tpm2\"",
                 0,
                 false},
                {"gte", O("{tpm.firmware-version: {gte: 7}}"), {{0}}, "", NULL, 0, false},
                {"gte, one more", O("{tpm.firmware-version: {gte: 8}}"), {{0}}, NO, ">= 8", 0, false},
                {"lte", O("{tpm.firmware-version: {lte: 7}}"), {{0}}, "", NULL, 0, false},
                {"lte, one less", O("{tpm.firmware-version: {lte: 6}}"), {{0}}, NO, "<= 6", 0, false},
                {"both ends", O("{tpm.firmware-version: {gte: 6, lte: 8}}"), {{0}}, "", NULL, 0, false},
                {"not both ends",
                 O("{not: {tpm.firmware-version: {gte: 6, lte: 8}}}"),
                 {{0}},
                 NO,
                 "tpm.firmware-version < 6",
                 0,
                 false},
                {"largest number",
                 O("{tpm.firmware-version: {lte: 18446744073709551615}}"),
                 {NUMBER("tpm.firmware-version", UINT64_MAX)},
                 "",
                 NULL,
                 0,
                 false},
                {"flag", O("{tpm.clock-safe: true}"), {{0}}, "", NULL, 0, false},
                {"flag, other",
                 O("{tpm.clock-safe: true}"),
                 {FLAG("tpm.clock-safe", ORIGIN_HW, 0)},
                 NO,
                 "tpm.clock-safe = true, found false",
                 0,
                 false},
                {"exists", O("{tpm.clock-safe: {exists: true}}"), {{0}}, "", NULL, 0, false},
                {"exists, unknown",
                 O("{tpm.clock-safe: {exists: true}}"),
                 {WITHOUT("tpm.clock-safe")},
                 NO,
                 "tpm.clock-safe known, found nothing",
                 0,
                 false},
                {"absent", O("{tpm.clock-safe: {exists: false}}"), {WITHOUT("tpm.clock-safe")}, "", NULL, 0, false},
                {"absent, known", O("{tpm.clock-safe: {exists: false}}"), {{0}}, NO, NULL, 0, false},
                {"absent, of an origin that does not count",
                 O("{tpm.clock-safe: {exists: false}}"),
                 {FLAG("tpm.clock-safe", ORIGIN_SELF, 1)},
                 NO,
                 NULL,
                 0,
                 false},
                {"unknown fails", O("{tpm.clock-safe: true}"), {WITHOUT("tpm.clock-safe")}, NO, NULL, 0, false},
                {"unknown fails below not as well",
                 O("{not: {tpm.clock-safe: true}}"),
                 {WITHOUT("tpm.clock-safe")},
                 NO,
                 NULL,
                 0,
                 false},
                {"not", O("{not: {tpm.clock-safe: false}}"), {{0}}, "", NULL, 0, false},
                {"not, the same", O("{not: {tpm.clock-safe: true}}"), {{0}}, NO, "tpm.clock-safe != true", 0, false},
                {"any", O("{any: [{tpm.clock-safe: false}, {evidence.kind: tpm}]}"), {{0}}, "", NULL, 0, false},
                {"any of none", O("{any: [{tpm.clock-safe: false}, {evidence.kind: tdx}]}"), {{0}}, NO, NULL, 0, false},
                {"not any",
                 O("{not: {any: [{tpm.clock-safe: false}, {evidence.kind: tdx}]}}"),
                 {{0}},
                 "",
                 NULL,
                 0,
                 false},
                {"not all",
                 O("{not: {all: [{tpm.clock-safe: true}, {evidence.kind: tdx}]}}"),
                 {{0}},
                 "",
                 NULL,
                 0,
                 false},
                {"field in a set", O("{tpm.pcr.sha256.0: {in_set: boot}}"), {{0}}, "", NULL, 0, false},
                {"field not in a set",
                 O("{tpm.pcr.sha256.0: {in_set: boot}}"),
                 {BYTES("tpm.pcr.sha256.0", ORIGIN_HW, PCR_B)},
                 NO,
                 "tpm.pcr.sha256.0 in set boot, found " PCR_B,
                 0,
                 false},
                {"not a field in a set",
                 O("{not: {tpm.pcr.sha256.0: {in_set: boot}}}"),
                 {BYTES("tpm.pcr.sha256.0", ORIGIN_HW, PCR_B)},
                 "",
                 NULL,
                 0,
                 false},
                {"not in a set",
                 O("{not: {in_set: boot}}"),
                 {BYTES("tpm.pcr.sha256.0", ORIGIN_HW, PCR_B)},
                 "",
                 NULL,
                 0,
                 false},
                {"not in a set, in it",
                 O("{not: {in_set: boot}}"),
                 {{0}},
                 NO,
                 "not in set boot, found an entry of it",
                 0,
                 false},
                {"not in a set, unknown",
                 O("{not: {in_set: boot}}"),
                 {WITHOUT("tpm.pcr.sha256.0")},
                 NO,
                 "no way to tell",
                 0,
                 false},
                {"not in a set, unknown but different",
                 O("{not: {in_set: boot}}"),
                 {WITHOUT("tpm.pcr.sha256.0"), BYTES("tpm.pcr.sha256.7", ORIGIN_HW, PCR_A)},
                 "",
                 NULL,
                 0,
                 false},
        };
        run_rows(rows, COUNT_OF(rows));
}

#define UNTIL 1795460400 /* 2026-11-23T19:00:00Z */
#define STATES                                                                                                         \
        DOCUMENT(                                                                                                      \
                "ReferenceSet", "versions", "team",                                                                    \
                "{floor-svn: 41, entries: [{name: v5, svn: 43, state: candidate, values: {tpm.firmware-version: 5}}, " \
                "{name: v6, svn: 41, state: deprecated, until: 2026-11-23T19:00:00Z, values: {tpm.firmware-version: "  \
                "6}}, "                                                                                                \
                "{name: v7, svn: 42, state: active, values: {tpm.firmware-version: 7}}, "                              \
                "{name: v4, svn: 40, state: active, values: {tpm.firmware-version: 4}}]}")
#define EMPTY DOCUMENT("ReferenceSet", "empty", "team", "{entries: []}")

static void sets_have_states(void **state)
{
        (void) state;
#define S(match) PROFILE NODES STATES EMPTY WORKLOAD("{all: [{in_set: nodes}, " match "]}", "")
        static const struct row rows[] = {
                {"active", S("{in_set: versions}"), {{0}}, "", NULL, 0, false},
                {"candidate",
                 S("{in_set: versions}"),
                 {NUMBER("tpm.firmware-version", 5)},
                 NO,
                 "entry \"v5\" is a candidate, not yet active",
                 0,
                 false},
                {"below the floor",
                 S("{in_set: versions}"),
                 {NUMBER("tpm.firmware-version", 4)},
                 NO,
                 "entry \"v4\" is below the set's floor",
                 0,
                 false},
                {"deprecated, a second before its end",
                 S("{in_set: versions}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 "",
                 NULL,
                 UNTIL - 1,
                 false},
                {"deprecated, at its end",
                 S("{in_set: versions}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 NO,
                 "entry \"v6\" was deprecated and its time is over",
                 UNTIL,
                 false},
                {"deprecated, a second after",
                 S("{in_set: versions}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 NO,
                 "its time is over",
                 UNTIL + 1,
                 false},
                {"by field, a second before",
                 S("{tpm.firmware-version: {in_set: versions}}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 "",
                 NULL,
                 UNTIL - 1,
                 false},
                {"by field, at its end",
                 S("{tpm.firmware-version: {in_set: versions}}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 NO,
                 NULL,
                 UNTIL,
                 false},
                {"by field, candidate",
                 S("{tpm.firmware-version: {in_set: versions}}"),
                 {NUMBER("tpm.firmware-version", 5)},
                 NO,
                 NULL,
                 0,
                 false},
                {"not in, though its time is over",
                 S("{not: {in_set: versions}}"),
                 {NUMBER("tpm.firmware-version", 6)},
                 NO,
                 NULL,
                 UNTIL + 1,
                 false},
                {"not by field, though a candidate",
                 S("{not: {tpm.firmware-version: {in_set: versions}}}"),
                 {NUMBER("tpm.firmware-version", 5)},
                 NO,
                 NULL,
                 0,
                 false},
                {"not listed",
                 S("{not: {in_set: versions}}"),
                 {NUMBER("tpm.firmware-version", 99)},
                 "",
                 NULL,
                 0,
                 false},
                {"an empty set denies",
                 S("{in_set: empty}"),
                 {{0}},
                 NO,
                 "wanted in set empty, found the set is empty",
                 0,
                 false},
                {"an empty set denies below not", S("{not: {in_set: empty}}"), {{0}}, NO, NULL, 0, false},
                {"an empty set of a field", S("{tpm.firmware-version: {in_set: empty}}"), {{0}}, NO, NULL, 0, false},
                {"an empty set of a field, below not",
                 S("{not: {tpm.firmware-version: {in_set: empty}}}"),
                 {{0}},
                 NO,
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
        static const struct row rows[] = {
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
        static const struct tweak laptop = TEXT("software.instance", ORIGIN_SOFTWARE, "laptop");
        static const struct tweak kind = TEXT("evidence.kind", ORIGIN_SOFTWARE, "software");
        const struct row rows[] = {
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

        AUTO(decision) struct decision *d = decide(&rows[0]);
        assert_true(d->insecure_development);
        AUTO(decision) struct decision *hardware = decide(&rows[1]);
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
        const struct row good = {.name = "good", .text = text, .token = ""};
        AUTO(decision) struct decision *d = decide(&good);
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

        const struct row rows[] = {
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
        const struct row row = {
                .name = "tree",
                .text = PROFILE NODES BOOT GUARDRAIL("{evidence.kind: tpm}", "") WORKLOAD_AS(
                        "payroll", "team-payroll", ID,
                        "{all: [{in_set: nodes}, {any: [{in_set: boot}, {k8s.pod: a}]}, {k8s.namespace: payroll}]}",
                        ", k8s-grants: true"),
                .tweaks = {TEXT("k8s.namespace", ORIGIN_K8S, "shop")},
                .token = NO};
        AUTO(decision) struct decision *d = decide(&row);
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
        const struct row rows[] = {{.name = "one", .text = one, .token = ""},
                                   {.name = "other", .text = other, .token = ""}};
        for (size_t i = 0; i < 2; i++) {
                AUTO(decision) struct decision *d = decide(&rows[i]);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_workload_must_match),
                cmocka_unit_test(operators_compare),
                cmocka_unit_test(sets_have_states),
                cmocka_unit_test(guardrails_deny),
                cmocka_unit_test(development_is_kept_apart),
                cmocka_unit_test(claims_come_from_the_policy_alone),
                cmocka_unit_test(the_tree_tells_everything),
                cmocka_unit_test(the_profile_must_exist),
                cmocka_unit_test(decisions_are_deterministic),
                cmocka_unit_test(a_big_set_is_one_look),
        };
        return cmocka_run_group_tests_name("policy_decide", tests, NULL, NULL);
}
