#include "issuer/policy/policy.h"

#include "issuer/policy/program.h"
#include "tests/fakes/compile_rows.h"

static void documents_have_a_frame(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"a whole policy", PROFILE NODES WORKLOAD(GOOD, ""), NULL, NULL},
                {"comments between separators", "# a\n---\n# b\n" PROFILE "---\n# c\n", NULL, NULL},
                {"nothing at all", "", "POLICY_EMPTY", "no policy document"},
                {"not YAML", "a: [", "BAD_YAML", "p.yaml:"},
                {"no mapping", "- a\n", "POLICY_DOCUMENT", "p.yaml:1:1"},
                {"no version", "kind: Profile\n", "POLICY_FIELD", "p.yaml:1:1: apiVersion is missing"},
                {"newer version", "apiVersion: vouchsafe.dev/v2\nkind: X\n", "POLICY_VERSION",
                 "p.yaml:1:13: apiVersion \"vouchsafe.dev/v2\""},
                {"unknown kind", DOCUMENT("Rule", "a", "b", "{}"), "POLICY_KIND", "p.yaml:3:7: kind \"Rule\""},
                {"unknown top field", "apiVersion: vouchsafe.dev/v1\nkind: Profile\nextra: 1\n", "POLICY_FIELD",
                 "p.yaml:3:1: unknown field \"extra\" in the document: allowed are apiVersion, kind, metadata, spec"},
                {"no metadata", "apiVersion: vouchsafe.dev/v1\nkind: Profile\nspec: {}\n", "POLICY_FIELD",
                 "metadata is missing"},
                {"unknown metadata",
                 "apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: a, owner: b, nmae: c}\nspec: {}\n",
                 "POLICY_FIELD", "p.yaml:3:31: unknown field \"nmae\""},
                {"no owner", "apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: a}\nspec: {}\n",
                 "POLICY_FIELD", "owner is missing"},
                {"bad name", DOCUMENT("Profile", "A_b", "b", "{}"), "POLICY_NAME", "p.yaml:4:18"},
                {"name begins with a dash", DOCUMENT("Profile", "\"-a\"", "b", "{}"), "POLICY_NAME", "-a"},
                {"null name", DOCUMENT("Profile", "null", "b", "{}"), "POLICY_NAME", NULL},
                {"rule name of 48",
                 DOCUMENT("Guardrail", "a23456789012345678901234567890123456789012345678", "b", "{}"), "POLICY_FIELD",
                 "require is missing"},
                {"rule name of 49",
                 DOCUMENT("Guardrail", "a234567890123456789012345678901234567890123456789", "b", "{}"), "POLICY_NAME",
                 "48 bytes"},
                {"revision 0",
                 "apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: a, owner: b, revision: 0}\nspec: {}\n",
                 "POLICY_VALUE", "revision"},
                {"no spec", "apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: a, owner: b}\n",
                 "POLICY_FIELD", "spec is missing"},
                {"spec is a list", DOCUMENT("Profile", "a", "b", "[]"), "POLICY_FIELD",
                 "p.yaml:5:7: spec must be a mapping"},
                {"twice", PROFILE PROFILE, "POLICY_DUPLICATE",
                 "p.yaml:7:1: Profile \"default\" is there already: p.yaml:2"},
        };
        run_rows(rows, COUNT_OF(rows));
}

#define SLOTS(slots) DOCUMENT("Profile", "default", "admins", "{slots: " slots "}")
#define TTL(ttl)     SLOTS("[{name: x509, type: x509, algorithms: [p256], ttl: " ttl "}]")

static void profiles_are_shapes(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"shortest life", TTL("10s"), NULL, NULL},
                {"a second shorter", TTL("9s"), "POLICY_TTL", "p.yaml:5:"},
                {"longest life", TTL("24h"), NULL, NULL},
                {"a second longer", TTL("86401s"), "POLICY_TTL", NULL},
                {"fraction of a second", TTL("10500ms"), "POLICY_TTL", NULL},
                {"life without unit", TTL("60"), "POLICY_TTL", NULL},
                {"no slots", SLOTS("[]"), "POLICY_LIMIT", "1 to 8 slots"},
                {"nine slots", SLOTS("[1,2,3,4,5,6,7,8,9]"), "POLICY_LIMIT", "1 to 8 slots"},
                {"slot twice", SLOTS("[" SLOT "," SLOT "]"), "POLICY_DUPLICATE", "slot \"x509\""},
                {"slot type", SLOTS("[{name: x, type: jwt, algorithms: [p256], ttl: 1h}]"), "POLICY_VALUE",
                 "type \"jwt\" is not one of: x509"},
                {"algorithm", SLOTS("[{name: x, type: x509, algorithms: [ed25519], ttl: 1h}]"), "POLICY_VALUE",
                 "algorithm \"ed25519\""},
                {"algorithm twice", SLOTS("[{name: x, type: x509, algorithms: [p256, p256], ttl: 1h}]"),
                 "POLICY_DUPLICATE", NULL},
                {"no algorithm", SLOTS("[{name: x, type: x509, algorithms: [], ttl: 1h}]"), "POLICY_LIMIT", NULL},
                {"no ttl", SLOTS("[{name: x, type: x509, algorithms: [p256]}]"), "POLICY_FIELD", "ttl is missing"},
                {"unknown field of a slot", SLOTS("[{name: x, kind: x509}]"), "POLICY_FIELD",
                 "unknown field \"kind\" in the slot"},
                {"slot is a word", SLOTS("[x509]"), "POLICY_FIELD", "the slot is not a mapping"},
                {"mechanism", DOCUMENT("Profile", "a", "b", "{mechanism: trust-me, slots: [" SLOT "]}"), "POLICY_VALUE",
                 "mechanism"},
                {"the mechanism that there is",
                 DOCUMENT("Profile", "a", "b", "{mechanism: background-check, slots: [" SLOT "]}"), NULL, NULL},
        };
        run_rows(rows, COUNT_OF(rows));
}

#define SET(spec)    DOCUMENT("ReferenceSet", "s", "platform", spec)
#define ENTRY(rest)  SET("{entries: [{name: a" rest "}]}")
#define VALUE(value) ENTRY(", values: {tpm.ek: " value "}")

static void sets_hold_reference_values(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"empty", SET("{entries: []}"), NULL, NULL},
                {"digest with its algorithm", VALUE("\"sha256:" EK_1 "\""), NULL, NULL},
                {"digest in capitals", VALUE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), NULL,
                 NULL},
                {"digest of another algorithm", VALUE("\"sha384:" EK_1 "\""), "POLICY_VALUE",
                 "no digest algorithm of tpm.ek"},
                {"unknown algorithm", VALUE("\"md5:" EK_1 "\""), "POLICY_VALUE", "\"md5\""},
                {"one byte short", VALUE("11111111111111111111111111111111111111111111111111111111111111"),
                 "POLICY_VALUE", "31 bytes where tpm.ek has 32"},
                {"one byte long", VALUE("\"" EK_1 "11\""), "POLICY_VALUE", "33 bytes where tpm.ek has 32"},
                {"half a byte", VALUE("111"), "POLICY_VALUE", "hexadecimal"},
                {"nothing", VALUE("\"\""), "POLICY_VALUE", "0 bytes"},
                {"null", VALUE("~"), "POLICY_VALUE", "null"},
                {"only an algorithm", VALUE("\"sha256:\""), "POLICY_VALUE", "hexadecimal"},
                {"no such input", ENTRY(", values: {tpm.ekk: 00}"), "POLICY_INPUT",
                 "p.yaml:5:37: there is no input \"tpm.ekk\": did you mean tpm.ek?"},
                {"PCR 23", ENTRY(", values: {tpm.pcr.sha256.23: " PCR_A "}"), NULL, NULL},
                {"PCR 24", ENTRY(", values: {tpm.pcr.sha256.24: " PCR_A "}"), "POLICY_INPUT", "tpm.pcr.sha256.N"},
                {"PCR 07", ENTRY(", values: {tpm.pcr.sha256.07: " PCR_A "}"), "POLICY_INPUT", NULL},
                {"SHA-1 bank", ENTRY(", values: {tpm.pcr.sha1.7: 00}"), "POLICY_INPUT", NULL},
                {"the node's word", ENTRY(", values: {node.namespace: a}"), "POLICY_ORIGIN", "origin node"},
                {"the cluster's word", ENTRY(", values: {k8s.namespace: a}"), "POLICY_ORIGIN", "origin k8s"},
                {"no values", ENTRY(""), "POLICY_FIELD", "values is missing"},
                {"empty values", ENTRY(", values: {}"), "POLICY_LIMIT", NULL},
                {"number", ENTRY(", values: {tpm.firmware-version: 7}"), NULL, NULL},
                {"number in quotes", ENTRY(", values: {tpm.firmware-version: \"7\"}"), "POLICY_VALUE",
                 "without quotes"},
                {"number past 64 bits", ENTRY(", values: {tpm.firmware-version: 18446744073709551616}"), "POLICY_VALUE",
                 NULL},
                {"flag", ENTRY(", values: {tpm.clock-safe: true}"), NULL, NULL},
                {"flag as yes", ENTRY(", values: {tpm.clock-safe: yes}"), "POLICY_VALUE", "true or false"},
                {"entry twice",
                 SET("{entries: [{name: a, values: {tpm.ek: " EK_1 "}}, {name: a, values: {tpm.ek: " EK_2 "}}]}"),
                 "POLICY_DUPLICATE", "entry \"a\" is there already"},
                {"values twice",
                 SET("{entries: [{name: a, values: {tpm.ek: " EK_1 "}}, {name: b, values: {tpm.ek: " EK_1 "}}]}"),
                 "POLICY_DUPLICATE", "entries \"a\" and \"b\" have the same values"},
                {"one entry within another",
                 SET("{entries: [{name: a, values: {tpm.ek: " EK_1 "}}, {name: b, values: {tpm.ek: " EK_1
                     ", tpm.pcr.sha256.0: " PCR_A "}}]}"),
                 NULL, NULL},
                {"platform set without a machine",
                 SET("{platform: true, entries: [{name: a, values: {tpm.pcr.sha256.0: " PCR_A "}}]}"),
                 "POLICY_PLATFORM", "p.yaml:5:52"},
                {"unknown state", ENTRY(", state: old, values: {tpm.ek: " EK_1 "}"), "POLICY_VALUE",
                 "active, deprecated, candidate"},
                {"deprecated without end", ENTRY(", state: deprecated, values: {tpm.ek: " EK_1 "}"), "POLICY_FIELD",
                 "until"},
                {"active with an end", ENTRY(", until: 2026-12-01, values: {tpm.ek: " EK_1 "}"), "POLICY_FIELD",
                 "deprecated"},
                {"end that is no date", ENTRY(", state: deprecated, until: tomorrow, values: {tpm.ek: " EK_1 "}"),
                 "POLICY_VALUE", "2026-12-01"},
                {"end that is no day", ENTRY(", state: deprecated, until: 2026-13-01, values: {tpm.ek: " EK_1 "}"),
                 "POLICY_VALUE", NULL},
                {"floor without svn", SET("{floor-svn: 2, entries: [{name: a, values: {tpm.ek: " EK_1 "}}]}"),
                 "POLICY_FIELD", "svn"},
                {"floor in words", SET("{floor-svn: two, entries: []}"), "POLICY_VALUE", "floor-svn"},
                {"svn below zero", ENTRY(", svn: -1, values: {tpm.ek: " EK_1 "}"), "POLICY_VALUE", "svn"},
                {"unknown field", ENTRY(", share: 10%, values: {tpm.ek: " EK_1 "}"), "POLICY_FIELD",
                 "unknown field \"share\" in the entry"},
        };
        run_rows(rows, COUNT_OF(rows));
}

static void limits_hold(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(1 << 22);
        expect_ok(buf_append_str(&text, PROFILE "---\napiVersion: vouchsafe.dev/v1\nkind: ReferenceSet\nmetadata: "
                                                "{name: s, owner: o}\nspec: {entries: ["));
        for (int i = 0; i <= POLICY_ENTRIES_MAX; i++)
                expect_ok(buf_printf(&text, "{name: e%d, values: {tpm.firmware-version: %d}},\n", i, i));
        expect_ok(buf_append_str(&text, "]}\n"));
        AUTO(policy) struct policy *p = NULL;
        expect_fault(compile_text(buf_str(&text), &p), FAULT_INVALID, "POLICY_LIMIT");

        buf_truncate(&text, 0);
        expect_ok(buf_append_str(&text, PROFILE NODES "---\napiVersion: vouchsafe.dev/v1\nkind: Workload\nmetadata: "
                                                      "{name: w, owner: o}\nspec: {profiles: [default], identity: \"" ID
                                                      "\", match: {all: [{in_set: nodes}"));
        size_t head = text.len;
        for (int over = 0; over < 2; over++) {
                buf_truncate(&text, head);
                for (int i = 0; i < POLICY_NODES_MAX - 2 + over; i++)
                        expect_ok(buf_printf(&text, ", {tpm.firmware-version: {gte: %d}}", i));
                expect_ok(buf_append_str(&text, "]}}\n"));
                struct fault *f = compile_text(buf_str(&text), &p);
                if (over == 0)
                        expect_ok(f);
                else
                        expect_fault(f, FAULT_INVALID, "POLICY_LIMIT");
        }
}

static void the_digest_is_of_the_meaning(void **state)
{
        (void) state;
        AUTO(policy) struct policy *a = NULL, *b = NULL, *c = NULL, *d = NULL;
        expect_ok(compile_text(PROFILE NODES, &a));
        expect_ok(compile_text("# the other way round\n" NODES "# and a comment\n" PROFILE, &b));
        assert_string_equal(policy_digest(a), policy_digest(b));
        assert_int_equal(strlen(policy_digest(a)), strlen("sha256:") + 64);
        expect_ok(compile_text(TTL("2h") NODES, &c));
        assert_string_not_equal(policy_digest(a), policy_digest(c));
        /* fields in another order, block style */
        expect_ok(compile_text(
                NODES "---\nspec:\n  slots:\n  - ttl: 1h\n    algorithms:\n    - p256\n    type: x509\n    name: x509\n"
                      "metadata:\n  owner: admins\n  name: default\nkind: Profile\napiVersion: vouchsafe.dev/v1\n",
                &d));
        assert_string_equal(policy_digest(a), policy_digest(d));
        assert_int_equal(policy_document_count(a), 2);
}

static void revision_and_profiles_are_told(void **state)
{
        (void) state;
        AUTO(policy) struct policy *p = NULL;
        expect_ok(
                compile_text("apiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: b, owner: o, revision: 7}\n"
                             "spec: {slots: [{name: main, type: x509, algorithms: [p256], ttl: 1h}]}\n" PROFILE,
                             &p));
        assert_int_equal(policy_revision(p), 7);
        assert_int_equal(policy_profile_count(p), 2);
        assert_string_equal(policy_profile(p, 0)->name, "b");
        assert_null(policy_profile(p, 2));
        const struct profile_shape *shape = policy_find_profile(p, "default");
        assert_non_null(shape);
        assert_string_equal(shape->mechanism, "background-check");
        assert_string_equal(shape->slots[0].algorithms[0], "p256");
        assert_null(policy_find_profile(p, "none"));
        assert_non_null(strstr(policy_warning(p, 0), "Profile \"b\" is used by no workload"));
        assert_null(policy_warning(p, 2));

        struct policy *other = policy_ref(p);
        policy_free(other); /* p is still there */
        assert_int_equal(policy_revision(p), 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents_have_a_frame),       cmocka_unit_test(profiles_are_shapes),
                cmocka_unit_test(sets_hold_reference_values),   cmocka_unit_test(limits_hold),
                cmocka_unit_test(the_digest_is_of_the_meaning), cmocka_unit_test(revision_and_profiles_are_told),
        };
        return cmocka_run_group_tests_name("policy_compile", tests, NULL, NULL);
}
