/* What docs/policy.md shows and docs/examples holds compiles, and does what it says. */
#include <dirent.h>
#include <stdlib.h>

#include "issuer/policy/inputs.h"
#include "lib/base/file.h"
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

/* ---- ready-made guardrails, asked about recorded evidence ---- */

/* The claims of a verdict (tests/vectors/verdicts), with the type and origin that the table of inputs gives them. */
static void set_claim(struct facts *f, const char *name, const struct json *value)
{
        const struct policy_input *input = policy_input_find(name);
        if (input == NULL || facts_find(f, name) != NULL)
                return; /* two items of evidence: what is common to both is the first one's */
        if (input->kind == FACT_FLAG)
                facts_set_flag(f, name, input->origin, json_bool(value));
        if (input->kind == FACT_TEXT)
                facts_set_text(f, name, input->origin, json_text(value));
        if (input->kind == FACT_BYTES) {
                AUTO(buf) struct buf bytes = BUF(1024);
                expect_ok(hex_decode(json_text(value), &bytes));
                facts_set_bytes(f, name, input->origin, buf_span(&bytes));
        }
        if (input->kind == FACT_NUMBER) {
                uint64_t number = json_kind(value) == JSON_INT ? (uint64_t) json_int(value) : 0;
                if (json_kind(value) == JSON_TEXT)
                        expect_ok(parse_u64(json_text(value), 0, UINT64_MAX, &number));
                facts_set_number(f, name, input->origin, number);
        }
}

static void add_recorded(struct facts *f, const char *verdict)
{
        AUTO_STRING char *path = alloc_printf("tests/vectors/verdicts/%s.json", verdict);
        AUTO(buf) struct buf text = BUF(1 << 18);
        AUTO(json) struct json *j = NULL;
        expect_ok(file_read(path, &text));
        expect_ok(json_parse(buf_span(&text), &j));
        const char *name = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(json_get(j, "claims"), &at, &name, &value);)
                set_claim(f, name, value);
}

/* A fact as a row has it: "name=value", numbers in decimal, bytes in hex. Set before the recorded ones, it stands in their place. */
static void set_word(struct facts *f, const char *word)
{
        char name[64];
        size_t len = strcspn(word, "=");
        assert_true(len < sizeof name && word[len] == '=');
        memcpy(name, word, len);
        name[len] = '\0';
        const struct policy_input *input = policy_input_find(name);
        assert_non_null(input);
        AUTO(json)
        struct json *value = input->kind == FACT_FLAG ? json_new_bool(strcmp(word + len + 1, "true") == 0)
                                                      : json_new_text(span_str(word + len + 1));
        set_claim(f, name, value);
}

#define CRL_CHECKED "snp.crl=checked" /* no list of AMD's was recorded */
#define RECORDED_AK "tpm.ak-trust=enrolled"
#define AKS_TD                                                                                                         \
        "evidence.kind=az-tdx", "az.vm-id=6332533D-5649-4D02-8AA7-8F64B7C3EE21",                                       \
                "tdx.mrtd="                                                                                            \
                "024a32b070383331181619fa387cb4d55d1e38879f989933055ccad5bc2db795d1737b66205949d15469dc8c1ba7ab7b"
#define NODE_1_TPM "tpm.ek=" NODE_1

static void ready_made_guardrails_decide(void **state)
{
        (void) state;
        /* NOLINTBEGIN(bugprone-suspicious-missing-comma): digests that are longer than a line */
        static const struct {
                const char *name, *folder, *recorded[2], *words[10];
                const char *field; /* that the reason names; NULL: allowed */
        } rows[] = {
                {"a chip of ours", "bare-metal-sev-snp", {"snp-genoa-v3-auxblob"}, {CRL_CHECKED}, NULL},
                {"Siena", "bare-metal-sev-snp", {"snp-siena-bergamo-v3"}, {CRL_CHECKED}, NULL},
                {"Turin", "bare-metal-sev-snp", {"snp-turin-v5"}, {CRL_CHECKED}, NULL},
                {"somebody else's chip",
                 "bare-metal-sev-snp",
                 {"snp-genoa-v3-auxblob"},
                 {CRL_CHECKED, "snp.chip-id="
                               "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
                               "11111111111111111111111111111111111111111"},
                 "snp.chip-id"},
                {"no revocation list", "bare-metal-sev-snp", {"snp-genoa-v3-auxblob"}, {0}, "snp.crl"},
                {"microcode too old",
                 "bare-metal-sev-snp",
                 {"snp-genoa-v3-auxblob"},
                 {CRL_CHECKED, "snp.tcb.ucode=83"},
                 "snp.tcb.ucode"},
                {"no check for aliases",
                 "bare-metal-sev-snp",
                 {"snp-genoa-v3-auxblob"},
                 {CRL_CHECKED, "snp.platform-info=5"},
                 "snp.platform-info"},
                {"debug",
                 "bare-metal-sev-snp",
                 {"snp-genoa-v3-auxblob"},
                 {CRL_CHECKED, "verifier.concerns=snp.debug"},
                 "snp.debug"},
                {"a platform of ours", "bare-metal-tdx", {"tdx-v4"}, {0}, NULL},
                {"named by its PPID", "bare-metal-tdx", {"tdx-v5"}, {0}, NULL},
                {"somebody else's platform",
                 "bare-metal-tdx",
                 {"tdx-v4"},
                 {"tdx.platform-instance-id=11111111111111111111111111111111"},
                 "tdx.platform-instance-id"},
                {"module too old", "bare-metal-tdx", {"tdx-v4"}, {"tdx.tee-tcb-svn.0=5"}, "tdx.tee-tcb-svn.0"},
                {"old collateral", "bare-metal-tdx", {"tdx-v4"}, {"tdx.evaluation-number=16"}, "tdx.evaluation-number"},
                {"exceptions at the host's will", "bare-metal-tdx", {"tdx-v4"}, {"tdx.attributes=0"}, "tdx.attributes"},
                {"debug", "bare-metal-tdx", {"tdx-v4"}, {"verifier.concerns=tdx.debug"}, "tdx.debug"},
                {"a TPM of ours", "bare-metal-tpm", {"tpm-gce-sha256"}, {NODE_1_TPM, RECORDED_AK}, NULL},
                {"somebody else's TPM",
                 "bare-metal-tpm",
                 {"tpm-gce-sha256"},
                 {"tpm.ek=" IMAGE_4_1, RECORDED_AK},
                 "tpm.ek"},
                {"not enrolled", "bare-metal-tpm", {"tpm-gce-sha256"}, {NODE_1_TPM}, "tpm.ak-trust"},
                {"a node of the project", "gke-sev-snp", {"snp-milan-v3", "tpm-gce-sha256"}, {CRL_CHECKED}, NULL},
                {"Genoa", "gke-sev-snp", {"snp-genoa-v3-auxblob", "tpm-gce-sha256"}, {CRL_CHECKED}, NULL},
                {"somebody else's project",
                 "gke-sev-snp",
                 {"snp-milan-v3", "tpm-gce-sha256"},
                 {CRL_CHECKED, "tpm.gce-project-number=1"},
                 "tpm.gce-project-number"},
                {"no TPM beside it", "gke-sev-snp", {"snp-milan-v3"}, {CRL_CHECKED}, "tpm.gce-project-number"},
                {"firmware too old",
                 "gke-sev-snp",
                 {"snp-milan-v3", "tpm-gce-sha256"},
                 {CRL_CHECKED, "snp.tcb.snp=23"},
                 "snp.tcb.snp"},
                {"a node of the project", "gke-tdx", {"tdx-v4", "tpm-gce-sha256"}, {0}, NULL},
                {"somebody else's project",
                 "gke-tdx",
                 {"tdx-v4", "tpm-gce-sha256"},
                 {"tpm.gce-project-number=1"},
                 "tpm.gce-project-number"},
                {"out of date",
                 "gke-tdx",
                 {"tdx-v4", "tpm-gce-sha256"},
                 {"tdx.tcb-status=OutOfDate", "verifier.concerns=tdx.tcb_status"},
                 "tdx.tcb-status"},
                {"a node of ours", "aks-sev-snp", {"az-snp-milan-v3"}, {CRL_CHECKED}, NULL},
                {"somebody else's node",
                 "aks-sev-snp",
                 {"az-snp-milan-v3"},
                 {CRL_CHECKED, "tpm.ak-key=" IMAGE_4_1},
                 "tpm.ak-key"},
                {"another paravisor",
                 "aks-sev-snp",
                 {"az-snp-milan-v3"},
                 {CRL_CHECKED,
                  "snp.id-key-digest="
                  "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"},
                 "snp.id-key-digest"},
                {"asked for by the guest", "aks-sev-snp", {"az-snp-milan-v3"}, {CRL_CHECKED, "snp.vmpl=2"}, "snp.vmpl"},
                {"a node of ours",
                 "aks-tdx",
                 {"tdx-v5", "az-snp-milan-v3"},
                 {AKS_TD, "tdx.sept-ve-disable=false", "tdx.attributes=0"},
                 NULL},
                {"firmware of another family waits",
                 "aks-tdx",
                 {"tdx-v5", "az-snp-milan-v3"},
                 {AKS_TD, "tdx.tcb-status=OutOfDate", "tdx.fmspc=000000000000", "verifier.concerns=tdx.tcb_status"},
                 "tdx.tcb-status"},
                {"firmware of this family waits",
                 "aks-tdx",
                 {"tdx-v5", "az-snp-milan-v3"},
                 {AKS_TD, "tdx.tcb-status=OutOfDate", "verifier.concerns=tdx.tcb_status"},
                 NULL},
                {"debug",
                 "aks-tdx",
                 {"tdx-v5", "az-snp-milan-v3"},
                 {AKS_TD, "verifier.concerns=tdx.debug"},
                 "tdx.debug"},
                {"the region", "eks-sev-snp", {"snp-milan-v3-vlek"}, {CRL_CHECKED}, NULL},
                {"another region",
                 "eks-sev-snp",
                 {"snp-milan-v3-vlek"},
                 {CRL_CHECKED, "snp.csp-id=CN=cc-eu-west-1.amazonaws.com"},
                 "snp.csp-id"},
                {"microcode too old",
                 "eks-sev-snp",
                 {"snp-milan-v3-vlek"},
                 {CRL_CHECKED, "snp.tcb.ucode=216"},
                 "snp.tcb.ucode"},
                {"the role", "eks-nitro", {"nitro-prod"}, {0}, NULL},
                {"another role",
                 "eks-nitro",
                 {"nitro-prod"},
                 {"nitro.parent-role="
                  "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"},
                 "nitro.parent-role"},
                {"debug", "eks-nitro", {"nitro-prod"}, {"verifier.concerns=nitro.debug"}, "nitro.debug"},
        };
        /* NOLINTEND(bugprone-suspicious-missing-comma) */
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *path = alloc_printf("docs/examples/%s", rows[i].folder);
                AUTO(policy) struct policy *p = NULL;
                AUTO(facts) struct facts f = {0};
                AUTO(decision) struct decision *d = NULL;
                const struct policy_options o = {.trust_domain = "demo.example"};
                compile_folder(path, &o, &p);
                assert_null(policy_warning(p, 0));
                for (size_t k = 0; k < COUNT_OF(rows[i].words) && rows[i].words[k] != NULL; k++)
                        set_word(&f, rows[i].words[k]);
                for (size_t k = 0; k < COUNT_OF(rows[i].recorded) && rows[i].recorded[k] != NULL; k++)
                        add_recorded(&f, rows[i].recorded[k]);
                policy_judge(p, &f, wall_from_unix_s(DECEMBER), &d);
                bool is_told = rows[i].field == NULL ||
                               strstr(d->reason, rows[i].field) != NULL; /* the field, in words for people */
                if (d->allowed != (rows[i].field == NULL) || !is_told)
                        print_error("%s, %s: %s\n", rows[i].folder, rows[i].name, d->allowed ? "allowed" : d->reason);
                assert_int_equal(d->allowed, rows[i].field == NULL);
                assert_true(is_told);
        }
}

/* What isn't in a row above would be in no test: every folder is. */
/* All but docs/examples/proofs, which holds programs. */
static void every_folder_compiles(void **state)
{
        (void) state;
        struct dirent **entries = NULL;
        int count = scandir("docs/examples", &entries, NULL, alphasort);
        assert_true(count > 2);
        for (int i = 0; i < count; i++) {
                if (entries[i]->d_name[0] != '.' && strcmp(entries[i]->d_name, "proofs") != 0) {
                        AUTO_STRING char *path = alloc_printf("docs/examples/%s", entries[i]->d_name);
                        AUTO(policy) struct policy *p = NULL;
                        const struct policy_options o = {.insecure_development = true};
                        compile_folder(path, &o, &p);
                }
                free(entries[i]);
        }
        free(entries);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_lab_works_as_described),
                cmocka_unit_test(development_needs_both_words),
                cmocka_unit_test(ready_made_guardrails_decide),
                cmocka_unit_test(every_folder_compiles),
        };
        return cmocka_run_group_tests_name("policy_examples", tests, NULL, NULL);
}
