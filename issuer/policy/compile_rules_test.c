#include "issuer/policy/policy.h"

#include "tests/fakes/compile_rows.h"

#define RULE(match) PROFILE NODES BOOT WORKLOAD("{all: [{in_set: nodes}, " match "]}", "")

static void expressions_are_closed(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"every operator",
                 RULE("{k8s.namespace: {eq: a, prefix: a}}, {k8s.pod: {in: [a, b]}}, {tpm.firmware-version: {gte: 1, "
                      "lte: 9}}, "
                      "{tpm.ak: {exists: true}}, {tpm.pcr.sha256.0: {in_set: boot}}, {not: {any: [{in_set: boot}]}}"),
                 NULL, NULL},
                {"short for eq", RULE("{k8s.namespace: a}"), NULL, NULL},
                {"unknown operator", RULE("{k8s.namespace: {matches: a}}"), "POLICY_OPERATOR",
                 "\"matches\" is not one of: eq, in, in_set"},
                {"prefix of bytes", RULE("{tpm.ak: {prefix: 00}}"), "POLICY_TYPE", "prefix does not apply to tpm.ak"},
                {"bits of text", RULE("{k8s.pod: {bits_set: 1}}"), "POLICY_TYPE", "bits_set does not apply"},
                {"no bits", RULE("{tpm.firmware-version: {bits_clear: 0}}"), "POLICY_VALUE", "of no bits"},
                {"no hexadecimal", RULE("{tpm.firmware-version: 0xg}"), "POLICY_VALUE", "is a number"},
                {"too long hexadecimal", RULE("{tpm.firmware-version: 0x11111111111111111}"), "POLICY_VALUE", NULL},
                {"tcb of nothing", RULE("{tpm: {tcb_gte: {}}}"), "POLICY_VALUE", "tcb_gte needs parts"},
                {"tcb of a list", RULE("{tpm: {tcb_gte: [1]}}"), "POLICY_VALUE", "tcb_gte needs parts"},
                {"tcb of an unknown part", RULE("{tpm: {tcb_gte: {spl: 1}}}"), "POLICY_INPUT", "tpm.spl"},
                {"tcb of bytes", RULE("{tpm: {tcb_gte: {ek: 1}}}"), "POLICY_TYPE", "tcb_gte does not apply"},
                {"tcb of text", RULE("{tpm: {tcb_gte: {reset-count: two}}}"), "POLICY_VALUE", NULL},
                {"gte of text", RULE("{k8s.pod: {gte: 1}}"), "POLICY_TYPE", "gte does not apply"},
                {"in of a flag", RULE("{tpm.clock-safe: {in: [true]}}"), "POLICY_TYPE", NULL},
                {"eq without value", RULE("{k8s.pod: {eq: }}"), "POLICY_VALUE", "null"},
                {"eq of a list", RULE("{k8s.pod: {eq: [a]}}"), "POLICY_VALUE", "single value"},
                {"in of one word", RULE("{k8s.pod: {in: a}}"), "POLICY_VALUE", "list"},
                {"in of nothing", RULE("{k8s.pod: {in: []}}"), "POLICY_LIMIT", "1 to 64"},
                {"no operator", RULE("{k8s.pod: {}}"), "POLICY_EXPRESSION", NULL},
                {"input with a list", RULE("{k8s.pod: [a]}"), "POLICY_EXPRESSION", NULL},
                {"exists of a word", RULE("{k8s.pod: {exists: maybe}}"), "POLICY_VALUE", "true or false"},
                {"empty all", RULE("{all: []}"), "POLICY_EXPRESSION", "all needs a list"},
                {"empty any", RULE("{any: []}"), "POLICY_EXPRESSION", "any needs a list"},
                {"any of a mapping", RULE("{any: {a: b}}"), "POLICY_EXPRESSION", NULL},
                {"two checks in one", RULE("{k8s.pod: a, k8s.namespace: b}"), "POLICY_EXPRESSION", "a check is one of"},
                {"a word", RULE("yes"), "POLICY_EXPRESSION", "a check is one of"},
                {"unknown input", RULE("{k8s.namspace: a}"), "POLICY_INPUT", "did you mean k8s.namespace?"},
                {"unknown set", RULE("{in_set: racks}"), "POLICY_SET", "no ReferenceSet \"racks\""},
                {"unknown set of a field", RULE("{tpm.ek: {in_set: racks}}"), "POLICY_SET", "racks"},
                {"set without the field", RULE("{tpm.ak: {in_set: nodes}}"), "POLICY_SET",
                 "no entry of set \"nodes\" has a value for tpm.ak"},
                {"text with a control character", RULE("{k8s.pod: \"a\\tb\"}"), "POLICY_VALUE", "control"},
                {"eight deep",
                 PROFILE NODES WORKLOAD(
                         "{all: [{in_set: nodes}, {not: {not: {not: {not: {not: {not: {k8s.pod: a}}}}}}}]}", ""),
                 NULL, NULL},
                {"nine deep",
                 PROFILE NODES WORKLOAD(
                         "{all: [{in_set: nodes}, {not: {not: {not: {not: {not: {not: {not: {k8s.pod: a}}}}}}}}]}", ""),
                 "POLICY_LIMIT", "8 deep"},
        };
        run_rows(rows, COUNT_OF(rows));
}

static void rules_have_fields(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"profile that is not there",
                 PROFILE NODES DOCUMENT("Workload", "w", "t",
                                        "{profiles: [other], match: " GOOD ", identity: \"" ID "\"}"),
                 "POLICY_PROFILE", "no Profile \"other\""},
                {"profile twice",
                 PROFILE NODES DOCUMENT("Workload", "w", "t",
                                        "{profiles: [default, default], match: " GOOD ", identity: \"" ID "\"}"),
                 "POLICY_DUPLICATE", NULL},
                {"no profile",
                 PROFILE NODES DOCUMENT("Workload", "w", "t", "{profiles: [], match: " GOOD ", identity: \"" ID "\"}"),
                 "POLICY_LIMIT", NULL},
                {"no match",
                 PROFILE NODES DOCUMENT("Workload", "w", "t", "{profiles: [default], identity: \"" ID "\"}"),
                 "POLICY_FIELD", "match is missing"},
                {"match is a word", PROFILE NODES WORKLOAD("any", ""), "POLICY_FIELD", "match must be a mapping"},
                {"no identity", PROFILE NODES DOCUMENT("Workload", "w", "t", "{profiles: [default], match: " GOOD "}"),
                 "POLICY_FIELD", "identity is missing"},
                {"unknown field", PROFILE NODES WORKLOAD(GOOD, ", claim: {}"), "POLICY_FIELD",
                 "unknown field \"claim\""},
                {"flag in words", PROFILE NODES WORKLOAD(GOOD, ", any-genuine: \"true\""), "POLICY_VALUE",
                 "any-genuine must be true or false"},
                {"any-genuine is no guardrail's", PROFILE NODES GUARDRAIL(GOOD, ", any-genuine: true"), "POLICY_FIELD",
                 "any-genuine"},
                {"no require", PROFILE DOCUMENT("Guardrail", "g", "a", "{}"), "POLICY_FIELD", "require is missing"},

                {"identity elsewhere", PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://other.example/a", GOOD, ""),
                 "POLICY_IDENTITY", "trust domain demo.example"},
                {"identity without path", PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example", GOOD, ""),
                 "POLICY_IDENTITY", NULL},
                {"identity that is none", PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/a/", GOOD, ""),
                 "POLICY_IDENTITY", NULL},
                {"identity with a template",
                 PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/{k8s.namespace}", GOOD, ""),
                 "POLICY_IDENTITY", NULL},
                {"identity with a percent", PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/%61", GOOD, ""),
                 "POLICY_IDENTITY", NULL},
                {"identity of vouchsafe's",
                 PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/vouchsafe/issuer", GOOD, ""),
                 "POLICY_RESERVED", NULL},
                {"all of vouchsafe's", PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/vouchsafe", GOOD, ""),
                 "POLICY_RESERVED", NULL},
                {"not quite vouchsafe's",
                 PROFILE NODES WORKLOAD_AS("w", "t", "spiffe://demo.example/vouchsafer", GOOD, ""), NULL, NULL},

                {"claims",
                 PROFILE NODES WORKLOAD(GOOD, ", claims: {app: Payroll, tier: 1, pci: true, data-class: [pii, \"1\"], "
                                              "firmware: {from: tpm.firmware-version}}"),
                 NULL, NULL},
                {"claim from the node", PROFILE NODES WORKLOAD(GOOD, ", claims: {ns: {from: node.namespace}}"),
                 "POLICY_ORIGIN", "never become a claim"},
                {"claim from k8s", PROFILE NODES WORKLOAD(GOOD, ", claims: {ns: {from: k8s.namespace}}"),
                 "POLICY_ORIGIN", "k8s-grants"},
                {"claim from k8s where the rule says so",
                 PROFILE NODES WORKLOAD(GOOD, ", k8s-grants: true, claims: {ns: {from: k8s.namespace}}"), NULL, NULL},
                {"claim from development", PROFILE NODES WORKLOAD(GOOD, ", claims: {v: {from: software.version}}"),
                 "POLICY_DEVELOPMENT", NULL},
                {"claim that is a measurement",
                 PROFILE NODES WORKLOAD(GOOD, ", claims: {pcr: {from: tpm.pcr.sha256.7}}"), "POLICY_CLAIM",
                 "measurement"},
                {"claim that names the machine", PROFILE NODES WORKLOAD(GOOD, ", claims: {ek: {from: tpm.ek}}"),
                 "POLICY_CLAIM", NULL},
                {"claim from nowhere", PROFILE NODES WORKLOAD(GOOD, ", claims: {a: {from: label.location}}"),
                 "POLICY_INPUT", NULL},
                {"claim with other fields", PROFILE NODES WORKLOAD(GOOD, ", claims: {a: {form: tpm.ek}}"),
                 "POLICY_FIELD", "allowed are from"},
                {"registered claim", PROFILE NODES WORKLOAD(GOOD, ", claims: {sub: me}"), "POLICY_RESERVED", "\"sub\""},
                {"claim without value", PROFILE NODES WORKLOAD(GOOD, ", claims: {a: null}"), "POLICY_VALUE", "null"},
                {"claim of an empty list", PROFILE NODES WORKLOAD(GOOD, ", claims: {a: []}"), "POLICY_LIMIT", NULL},
                {"claim of a nested list", PROFILE NODES WORKLOAD(GOOD, ", claims: {a: [[b]]}"), "POLICY_VALUE", NULL},
                {"claim name", PROFILE NODES WORKLOAD(GOOD, ", claims: {App: b}"), "POLICY_NAME", NULL},

                {"credential",
                 PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {ttl: 20s, dns: [app.payroll.svc, a]}}"), NULL,
                 NULL},
                {"no such slot", PROFILE NODES WORKLOAD(GOOD, ", credentials: {wit: {ttl: 20s}}"), "POLICY_SLOT",
                 "slot \"wit\""},
                {"as long as the profile", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {ttl: 3600s}}"), NULL,
                 NULL},
                {"longer than the profile", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {ttl: 3601s}}"),
                 "POLICY_TTL", "3600s that profile \"default\" allows"},
                {"wildcard", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [\"*.svc\"]}}"), "POLICY_DNS",
                 "*.svc"},
                {"address", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [10.0.0.1]}}"), "POLICY_DNS",
                 NULL},
                {"capitals", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [App.svc]}}"), "POLICY_DNS",
                 NULL},
                {"final dot", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [app.svc.]}}"), "POLICY_DNS",
                 NULL},
                {"label ends in a dash", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [app-.svc]}}"),
                 "POLICY_DNS", NULL},
                {"label begins with a dash",
                 PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [\"-app.svc\"]}}"), "POLICY_DNS", NULL},
                {"label of 64",
                 PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: "
                                              "[a234567890123456789012345678901234567890123456789012345678901234.b]}}"),
                 "POLICY_DNS", NULL},
                {"the issuer's name",
                 PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [issuer.demo.example]}}"), "POLICY_RESERVED",
                 "issuer's own"},
                {"name twice", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [a.b, a.b]}}"),
                 "POLICY_DUPLICATE", NULL},
                {"nine names", PROFILE NODES WORKLOAD(GOOD, ", credentials: {x509: {dns: [a,b,c,d,e,f,g,h,i]}}"),
                 "POLICY_LIMIT", NULL},

                {"development rule, production issuer", PROFILE NODES WORKLOAD(GOOD, ", insecure-development: true"),
                 "POLICY_DEVELOPMENT", "not configured"},
                {"development input, production rule",
                 PROFILE NODES WORKLOAD("{all: [{in_set: nodes}, {software.stage: a}]}", ""), "POLICY_DEVELOPMENT",
                 "insecure-development: true"},
                {"development set, production rule",
                 PROFILE DOCUMENT("ReferenceSet", "nodes", "p",
                                  "{platform: true, entries: [{name: a, values: {software.instance: x}}]}")
                         WORKLOAD(GOOD, ""),
                 "POLICY_DEVELOPMENT", "lists development"},
        };
        run_rows(rows, COUNT_OF(rows));
}

/* design: every disjunct needs hw, measured or verifier once what may only narrow counts as true, whatever its polarity. */
static void origins_are_kept(void **state)
{
        (void) state;
#define M(match)         PROFILE NODES BOOT WORKLOAD(match, "")
#define K(match)         PROFILE NODES BOOT WORKLOAD(match, ", k8s-grants: true")
#define G(require, rest) PROFILE NODES BOOT GUARDRAIL(require, rest)
        static const struct row rows[] = {
                {"node alone", M("{node.namespace: a}"), "POLICY_ORIGIN",
                 "p.yaml:20:37: workload/w can be fulfilled without evidence"},
                {"not over node alone", M("{not: {node.namespace: a}}"), "POLICY_ORIGIN", NULL},
                {"k8s alone", M("{k8s.namespace: a}"), "POLICY_ORIGIN", "k8s-grants"},
                {"k8s alone where the rule says so", K("{k8s.namespace: a}"), "POLICY_ORIGIN", NULL},
                {"node beside hw", M("{all: [{in_set: nodes}, {node.namespace: a}]}"), NULL, NULL},
                {"node or hw", M("{any: [{in_set: nodes}, {node.namespace: a}]}"), "POLICY_ORIGIN", NULL},
                {"not node or hw", M("{any: [{in_set: nodes}, {not: {node.namespace: a}}]}"), "POLICY_ORIGIN", NULL},
                {"k8s or hw", K("{any: [{in_set: nodes}, {k8s.namespace: a}]}"), "POLICY_ORIGIN", NULL},
                {"hw and (hw or node)", M("{all: [{in_set: nodes}, {any: [{in_set: boot}, {node.pod: a}]}]}"), NULL,
                 NULL},
                {"(hw or node) and (hw or node)",
                 M("{all: [{any: [{in_set: nodes}, {node.pod: a}]}, {any: [{in_set: boot}, {node.pod: a}]}]}"),
                 "POLICY_ORIGIN", NULL},
                {"not (node and hw)", M("{not: {all: [{node.pod: a}, {tpm.clock-safe: false}]}}"), "POLICY_ORIGIN",
                 NULL},
                {"not (node or hw), on a platform",
                 M("{all: [{in_set: nodes}, {not: {any: [{node.pod: a}, {tpm.clock-safe: false}]}}]}"), NULL, NULL},
                {"not not node", M("{not: {not: {node.pod: a}}}"), "POLICY_ORIGIN", NULL},
                {"node exists", M("{node.pod: {exists: true}}"), "POLICY_ORIGIN", NULL},
                {"absence of hw", M("{tpm.ak: {exists: false}}"), "POLICY_ORIGIN", NULL},
                {"not presence of hw", M("{not: {tpm.ak: {exists: true}}}"), "POLICY_ORIGIN", NULL},
                {"verifier's finding alone", M("{evidence.kind: tpm}"), "POLICY_PLATFORM", "any-genuine: true"},
                {"genuine, not ours", M("{in_set: boot}"), "POLICY_PLATFORM", "p.yaml:20:37"},
                {"genuine, said so", PROFILE BOOT WORKLOAD("{in_set: boot}", ", any-genuine: true"), NULL, NULL},
                {"ours or any", M("{any: [{in_set: nodes}, {in_set: boot}]}"), "POLICY_PLATFORM", NULL},
                {"by the field", M("{tpm.ek: {in_set: nodes}}"), NULL, NULL},
                {"by a field that names no machine",
                 PROFILE DOCUMENT("ReferenceSet", "nodes", "p",
                                  "{platform: true, entries: [{name: a, values: {tpm.ek: " EK_1
                                  ", tpm.pcr.sha256.0: " PCR_A "}}]}")
                         WORKLOAD("{tpm.pcr.sha256.0: {in_set: nodes}}", ""),
                 "POLICY_PLATFORM", NULL},
                {"not in a platform set", M("{not: {in_set: nodes}}"), "POLICY_PLATFORM", NULL},
                {"a machine written in the rule is no set", M("{tpm.ek: " EK_1 "}"), "POLICY_PLATFORM", NULL},
                {"a guardrail brings the platform",
                 PROFILE NODES BOOT GUARDRAIL("{in_set: nodes}", "") WORKLOAD("{in_set: boot}", ""), NULL, NULL},
                {"a guardrail with a way around",
                 PROFILE NODES BOOT GUARDRAIL("{any: [{in_set: nodes}, {in_set: boot}]}", "")
                         WORKLOAD("{in_set: boot}", ""),
                 "POLICY_PLATFORM", NULL},
                {"a guardrail does not bring the evidence",
                 PROFILE NODES GUARDRAIL("{in_set: nodes}", "") WORKLOAD("{k8s.namespace: a}", ", k8s-grants: true"),
                 "POLICY_ORIGIN", NULL},
                {"guardrail of node facts", G("{not: {node.namespace: a}}", ""), "POLICY_ORIGIN", "guardrail/floor"},
                {"guardrail that node facts open", G("{any: [{in_set: nodes}, {node.namespace: a}]}", ""),
                 "POLICY_ORIGIN", NULL},
                {"guardrail that k8s facts open", G("{any: [{in_set: nodes}, {k8s.namespace: a}]}", ""),
                 "POLICY_ORIGIN", NULL},
                {"guardrail that says so", G("{any: [{in_set: nodes}, {k8s.namespace: a}]}", ", k8s-grants: true"),
                 NULL, NULL},
        };
        run_rows(rows, COUNT_OF(rows));
}

static void workloads_can_be_told_apart(void **state)
{
        (void) state;
#define TWO(a, a_rest, b, b_rest)                                                                                      \
        PROFILE NODES BOOT WORKLOAD_AS("a", "team", ID "-a", a, a_rest) WORKLOAD_AS("b", "team", ID "-b", b, b_rest)
#define K8S ", k8s-grants: true"
        static const struct row rows[] = {
                {"by k8s",
                 TWO("{all: [{in_set: nodes}, {k8s.namespace: a}]}", K8S,
                     "{all: [{in_set: nodes}, {k8s.namespace: b}]}", K8S),
                 NULL, NULL},
                {"by k8s, which neither says",
                 TWO("{all: [{in_set: nodes}, {k8s.namespace: a}]}", "", "{all: [{in_set: nodes}, {k8s.namespace: b}]}",
                     ""),
                 "POLICY_SHADOWED",
                 "p.yaml:22:1: workload/b can never be granted: whenever it matches, workload/a (p.yaml:17)"},
                {"by k8s, which one says",
                 TWO("{all: [{in_set: nodes}, {k8s.namespace: a}]}", K8S,
                     "{all: [{in_set: nodes}, {k8s.namespace: b}]}", ""),
                 "POLICY_SHADOWED", "workload/a can never"},
                {"by node",
                 TWO("{all: [{in_set: nodes}, {node.namespace: a}]}", K8S,
                     "{all: [{in_set: nodes}, {node.namespace: b}]}", K8S),
                 "POLICY_SHADOWED", "k8s-grants"},
                {"by node inside any",
                 TWO("{all: [{in_set: nodes}, {any: [{node.pod: a}, {in_set: boot}]}]}", "",
                     "{all: [{in_set: nodes}, {in_set: boot}]}", ""),
                 "POLICY_SHADOWED", NULL},
                {"the same", TWO("{in_set: nodes}", "", "{all: [{in_set: nodes}]}", ""), "POLICY_SHADOWED", NULL},
                {"one within the other", TWO("{in_set: nodes}", "", "{all: [{in_set: boot}, {in_set: nodes}]}", ""),
                 "POLICY_SHADOWED", "workload/b"},
                {"by measurement",
                 TWO("{all: [{in_set: nodes}, {tpm.firmware-version: 1}]}", "",
                     "{all: [{in_set: nodes}, {tpm.firmware-version: 2}]}", ""),
                 NULL, NULL},
                {"in other profiles",
                 PROFILE NODES DOCUMENT("Profile", "p2", "a", "{slots: [" SLOT "]}")
                         WORKLOAD_AS("a", "t", ID, "{in_set: nodes}", "")
                                 DOCUMENT("Workload", "b", "t",
                                          "{profiles: [p2], match: {in_set: nodes}, identity: \"" ID "\"}"),
                 NULL, NULL},
                {"one identity, two owners",
                 PROFILE NODES WORKLOAD_AS("a", "t", ID, "{all: [{in_set: nodes}, {tpm.firmware-version: 1}]}", "")
                         WORKLOAD_AS("b", "u", ID, "{all: [{in_set: nodes}, {tpm.firmware-version: 2}]}", ""),
                 "POLICY_IDENTITY", "belongs to workload/a of t"},
        };
        run_rows(rows, COUNT_OF(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(expressions_are_closed),
                cmocka_unit_test(rules_have_fields),
                cmocka_unit_test(origins_are_kept),
                cmocka_unit_test(workloads_can_be_told_apart),
        };
        return cmocka_run_group_tests_name("policy_compile_rules", tests, NULL, NULL);
}
