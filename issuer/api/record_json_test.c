#include "issuer/api/record_json.h"

#include "tests/fakes/expect.h"

#define NOW_S 1795456800
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "0101010101010101010101010101010101010101010101010101010101010101"
#define TWOS  "0202020202020202020202020202020202020202020202020202020202020202"

/* A pod, evidence with one check, a decision with one, and who they belong to. */
struct parts {
        struct pod_request pod;
        struct attestation_result result;
        struct decision decision;
        struct cluster cluster;
        struct k8s_token token;
        struct ak_record ak;
        uint8_t nonce[SHA256_LEN], client[SHA256_LEN];
        struct record_credential credential;
        struct buf result_items;
        struct record_source source;
};

static void fill_pod(struct parts *p)
{
        static char volume[] = "csi-1", profile[] = "default", namespace[] = "ns-told", name[] = "pod-told",
                    uid[] = "uid-told", account[] = "sa-told";
        p->pod.volume = volume;
        p->pod.profile = profile;
        p->pod.node.namespace = namespace;
        p->pod.node.name = name;
        p->pod.node.uid = uid;
        p->pod.node.service_account = account;
}

static void fill_token(struct parts *p)
{
        static char cluster[] = "demo", namespace[] = "ns", account[] = "sa", pod[] = "pod", uid[] = "uid",
                    node[] = "node-1";
        p->cluster.name = cluster;
        p->token = (struct k8s_token){.cluster = &p->cluster,
                                      .namespace = namespace,
                                      .service_account = account,
                                      .pod = pod,
                                      .pod_uid = uid,
                                      .node = node};
}

static void fill_decision(struct parts *p, bool allowed)
{
        static char workload[] = "w", owner[] = "team", identity[] = "spiffe://demo.example/w";
        p->decision = (struct decision){.allowed = allowed,
                                        .workload = workload,
                                        .owner = owner,
                                        .identity = allowed ? identity : NULL,
                                        .references = json_new_array(),
                                        .claims = json_new_object(),
                                        .any_genuine = true,
                                        .tree = check_new("workload/w", allowed)};
        json_push(p->decision.references, json_new_text(SPAN("nodes/n1")));
        json_set_text(p->decision.claims, "app", "Payroll");
}

static void begin(struct parts *p, bool allowed)
{
        *p = (struct parts){.credential = {"x509", SLOT_TYPE_X509, "0a0b", NOW_S - 30, NOW_S + 600}};
        fill_pod(p);
        fill_token(p);
        fill_decision(p, allowed);
        memset(p->nonce, 1, sizeof p->nonce);
        memset(p->client, 2, sizeof p->client);
        p->result.kind = EVIDENCE_TPM;
        p->result.checks = check_new("evidence", true);
        p->ak.name = BUF(8);
        expect_ok(buf_append(&p->ak.name, SPAN("\x00\x0b")));
        p->result_items = BUF(SIZE_MAX);
        record_write_result(&p->result, &p->result_items);
        p->source = (struct record_source){
                .result_items = buf_span(&p->result_items),
                .now = {NOW_S * 1000LL + 999},
                .pod = &p->pod,
                .token = &p->token,
                .decision = &p->decision,
                .result = &p->result,
                .ak = &p->ak,
                .policy_digest = "sha256:ab",
                .policy_revision = 7,
                .verifier_id = "https://issuer.example",
                .verifier_build = "1.2.3",
                .nonce_digest = p->nonce,
                .client_spki_digest = p->client,
                .credential_count = allowed ? 1 : 0,
                .credentials = &p->credential,
        };
}

static void end(struct parts *p)
{
        attestation_result_clear(&p->result);
        json_free(p->decision.references);
        json_free(p->decision.claims);
        check_free(p->decision.tree);
        buf_clear(&p->ak.name);
        buf_clear(&p->result_items);
}

static void expect_bytes(const struct record_source *s, const char *wanted)
{
        AUTO(json) struct json *j = record_to_json(s);
        AUTO(buf) struct buf text = BUF(1 << 16);
        expect_ok(json_write(j, &text));
        assert_string_equal(buf_str(&text), wanted);
}

/* The names of a tree, in its order; the inverse must take it, and its root must say what the record says. */
static void expect_tree(const struct record_source *s, const char *wanted, const char *first_failure)
{
        AUTO(json) struct json *record = record_to_json(s), *j = NULL;
        AUTO(check) struct check *tree = NULL;
        AUTO(buf) struct buf names = BUF(4096), text = BUF(1 << 16);
        expect_ok(json_write(record, &text));
        expect_ok(json_parse(buf_span(&text), &j));
        expect_ok(check_from_json(json_get(j, "tree"), &tree));
        assert_int_equal(tree->ok, s->problem == NULL);
        for (size_t i = 0; i < tree->child_count; i++)
                expect_ok(buf_printf(&names, "%s%s", i > 0 ? " " : "", tree->children[i]->name));
        assert_string_equal(buf_str(&names), wanted);
        const struct check *failure = check_first_failure(tree);
        if (first_failure == NULL)
                assert_null(failure);
        else
                assert_string_equal(failure->name, first_failure);
}

/* ---- the whole text: what is on disk for years ---- */

static void issued_has_everything(void **state UNUSED)
{
        struct parts p;
        begin(&p, true);
        expect_bytes(&p.source,
                     "{\"ak\":\"000b\",\"any_genuine\":true,\"claims\":{\"app\":\"Payroll\"},\"client\":\"sha256:" TWOS
                     "\",\"credentials\":[{\"not_after\":1795457400,\"not_before\":1795456770,\"serial\":\"0a0b\","
                     "\"slot\":\"x509\",\"type\":\"x509\"}],\"decision\":\"issued\",\"evidence\":{\"digest\":"
                     "\"sha256:" ZEROS "\",\"insecure_development\":false,\"kind\":\"tpm\"},\"identity\":"
                     "\"spiffe://demo.example/w\",\"nonce\":\"sha256:" ONES "\",\"owner\":\"team\",\"pod\":{"
                     "\"cluster\":\"demo\",\"name\":\"pod\",\"namespace\":\"ns\",\"node\":\"node-1\","
                     "\"service_account\":\"sa\",\"uid\":\"uid\",\"verified\":true},\"policy\":{\"digest\":"
                     "\"sha256:ab\",\"revision\":7},\"profile\":\"default\",\"references\":[\"nodes/n1\"],\"time\":"
                     "1795456800,\"tree\":[{\"depth\":0,\"got\":\"issued\",\"name\":\"decision\",\"ok\":true},{"
                     "\"depth\":1,\"name\":\"evidence\",\"ok\":true},{\"depth\":1,\"got\":\"sa\",\"name\":"
                     "\"k8s.token\",\"ok\":true},{\"depth\":1,\"name\":\"workload/w\",\"ok\":true}],\"v\":1,"
                     "\"verifier\":{\"build\":\"1.2.3\",\"id\":\"https://issuer.example\"},\"volume\":\"csi-1\","
                     "\"workload\":\"w\"}");
        end(&p);
}

/* Refused before the policy was asked: no word of a rule, and the pod is only what kubelet called it. */
static void denied_early_says_no_more_than_is_known(void **state UNUSED)
{
        struct parts p;
        begin(&p, false);
        AUTO(fault) struct fault *problem = fault(FAULT_DENIED, "k8s.pod", "another pod's");
        p.source.problem = problem;
        p.source.token = NULL;
        p.source.decision = NULL;
        p.source.ak = NULL;
        p.result.kind = EVIDENCE_SOFTWARE;
        p.result.insecure_development = true;
        expect_bytes(&p.source,
                     "{\"check\":\"k8s.pod\",\"claims\":{},\"client\":\"sha256:" TWOS
                     "\",\"credentials\":[],\"decision\":\"denied\",\"evidence\":{\"digest\":\"sha256:" ZEROS
                     "\",\"insecure_development\":true,\"kind\":\"software\"},\"nonce\":\"sha256:" ONES
                     "\",\"pod\":{\"name\":\"pod-told\",\"namespace\":\"ns-told\",\"service_account\":\"sa-told\","
                     "\"uid\":\"uid-told\",\"verified\":false},\"policy\":{\"digest\":\"sha256:ab\",\"revision\":7},"
                     "\"profile\":\"default\",\"reason\":\"another pod's\",\"references\":[],\"time\":1795456800,"
                     "\"tree\":[{\"depth\":0,\"got\":\"denied\",\"name\":\"decision\",\"ok\":false},{\"depth\":1,"
                     "\"name\":\"evidence\",\"ok\":true},{\"depth\":1,\"got\":\"another pod's\",\"name\":\"k8s.pod\","
                     "\"ok\":false}],\"v\":1,\"verifier\":{\"build\":\"1.2.3\",\"id\":\"https://issuer.example\"},"
                     "\"volume\":\"csi-1\"}");
        end(&p);
}

/* ---- the tree names what refused, whoever it was ---- */

static void tree_has_the_one_that_refused(void **state UNUSED)
{
        AUTO(fault) struct fault *by_policy = fault(FAULT_DENIED, "workload/w", "no");
        AUTO(fault) struct fault *after_policy = fault(FAULT_DENIED, "slot.type", "no");
        AUTO(fault) struct fault *by_slots = fault(FAULT_DENIED, "slots.missing", "no");
        const struct {
                const char *name;
                const struct fault *problem;
                bool allowed, has_decision;
                const char *tree, *failure;
        } rows[] = {
                {"issued", NULL, true, true, "evidence k8s.token workload/w", NULL},
                {"by the policy", by_policy, false, true, "evidence k8s.token workload/w", "workload/w"},
                {"after the policy", after_policy, true, true, "evidence k8s.token workload/w slot.type", "slot.type"},
                {"before it", by_slots, false, false, "evidence k8s.token slots.missing", "slots.missing"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct parts p;
                begin(&p, rows[i].allowed);
                p.source.problem = rows[i].problem;
                if (!rows[i].has_decision)
                        p.source.decision = NULL;
                expect_tree(&p.source, rows[i].tree, rows[i].failure);
                end(&p);
        }
}

/* A place in a policy may be longer than a fault's token: the record has it whole. */
static void long_check_is_whole(void **state UNUSED)
{
        static const char whole[] =
                "workload/a-name-of-a-workload-that-is-quite-long-as-names-go/claims/another-long-name";
        struct parts p;
        begin(&p, false);
        AUTO(fault) struct fault *problem = fault(FAULT_DENIED, "workload/cut", "no");
        p.source.problem = problem;
        p.source.check = whole;
        AUTO(json) struct json *j = record_to_json(&p.source);
        assert_true(span_eq_str(json_text(json_get(j, "check")), whole));
        end(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(issued_has_everything),
                cmocka_unit_test(denied_early_says_no_more_than_is_known),
                cmocka_unit_test(tree_has_the_one_that_refused),
                cmocka_unit_test(long_check_is_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
