/* Collateral past its end, through the whole of a credential request: what a policy's grace gives, to whom, and until when. */
#include "issuer/api/evidence.h"

#include "lib/model/evidence_parts.h"
#include "lib/model/names.h"
#include "tests/fakes/credential_attempt.h"
#include "tests/fakes/intel_pki.h"

#define COLLATERAL_LIFE_S (29LL * 24 * 3600) /* from the time that intel_platform_init is given */
#define TTL_S             600
#define GRACE_S           300

static struct intel_pki pki;
static struct anchors_config anchors;
static void *anchor_items[] = {&anchors};

/* ---- policy ---- */

#define HEADER "---\napiVersion: vouchsafe.dev/v1\nkind: "
#define BASE                                                                                                           \
        HEADER "Profile\nmetadata: {name: default, owner: a, revision: 5}\n"                                           \
               "spec: {slots: [{name: x509, type: x509, algorithms: [p256], ttl: 10m}]}\n" HEADER                      \
               "Workload\nmetadata: {name: w, owner: a}\n"                                                             \
               "spec: {profiles: [default], any-genuine: true, match: {evidence.kind: tdx}, identity: "                \
               "spiffe://demo.example/w}\n"
#define GUARDRAIL(name, require, rest)                                                                                 \
        HEADER "Guardrail\nmetadata: {name: " name ", owner: a}\nspec: {require: " require rest "}\n"
#define GRACE(time) ", tolerates: [collateral.grace], collateral-grace: " time

#define NO_GRACE BASE GUARDRAIL("floor", "{verifier.status: affirming}", "")
#define FOR_ALL  BASE GUARDRAIL("floor", "{evidence.kind: tdx}", GRACE("5m"))
#define FOR_SOME                                                                                                       \
        BASE GUARDRAIL("floor", "{any: [{tdx.collateral-in-grace: false}, {tdx.fmspc: \"000000000000\"}]}", GRACE("5m"))
#define NOT_BY_ANOTHER                                                                                                 \
        BASE GUARDRAIL("floor", "{evidence.kind: tdx}", GRACE("5m")) GUARDRAIL("b", "{verifier.status: affirming}", "")
#define THE_LONGEST                                                                                                    \
        BASE GUARDRAIL("floor", "{evidence.kind: tdx}", GRACE("5m")) GUARDRAIL("b", "{evidence.kind: tdx}", GRACE("1h"))

static void use_policy(const char *text)
{
        fake_issuer_write(&issuer, "policy.yaml", span_str(text));
        expect_ok(policy_holder_reload(issuer.api.holder));
}

/* ---- evidence, and what Intel published ---- */

static void import_one(const struct need *need, struct span body, struct span chain)
{
        AUTO(json) struct json *j = json_new_object(), *said = NULL;
        struct json *items = json_new_array(), *item = json_new_array();
        json_push(item, json_new_text(span_str(need->path)));
        json_push(item, json_new_base64url(body));
        json_push(item, json_new_base64url(chain));
        json_push(items, item);
        json_set_int(j, "version", 1);
        json_set(j, "endorsements", items);
        expect_ok(endorse_import(issuer.api.endorse, j, &said));
        assert_int_equal(json_int(json_get(said, "imported")), 1);
}

static void import(const struct intel_set *s)
{
        const struct {
                const char *part;
                struct span body, chain;
        } rows[] = {
                {"tcb_info.response.json", buf_span(&s->tcb_info_response), buf_span(&s->tcb_chain)},
                {"qe_identity.response.json", buf_span(&s->qe_identity_response), buf_span(&s->tcb_chain)},
                {"pck_crl.der", buf_span(&s->pck_crl), buf_span(&s->pck_crl_chain)},
                {"root_crl.der", buf_span(&s->root_crl), SPAN("")},
        };
        const struct appraisal in = {
                .kind = EVIDENCE_TDX, .evidence = buf_span(&s->quote), .now = clock_wall(&issuer.time.clock)};
        struct needs needs = {0};
        expect_ok(verifier_needs(&in, &needs));
        assert_int_equal(needs.count, COUNT_OF(rows));
        for (size_t i = 0; i < needs.count; i++)
                for (size_t r = 0; r < COUNT_OF(rows); r++)
                        if (strcmp(needs.items[i].part, rows[r].part) == 0)
                                import_one(&needs.items[i], rows[r].body, rows[r].chain);
}

static void quote(const struct attempt *a, struct intel_platform *p, struct intel_set *set, struct buf *out)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        expect_ok(binding_write(&a->quoted, &t));
        binding_report_data(buf_span(&t), p->body + INTEL_BODY_REPORT_DATA);
        intel_set_make(&pki, p, set);
        expect_ok(buf_append(&e.evidence, buf_span(&set->quote)));
        expect_ok(evidence_parts_write(&e, out));
}

/* `late_s`: how far past its end the collateral is. */
static void send_quote(struct attempt *a, int64_t late_s)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        AUTO(cmw) struct cmw evidence = {.count = 1};
        struct intel_platform p;
        struct intel_set set;
        prove(a);
        expect_ok(issue_request_write(&a->r, &r));
        bind(a, buf_span(&r));
        intel_platform_init(&p, 4, wall_unix_s(clock_wall(&issuer.time.clock)) - late_s - COLLATERAL_LIFE_S);
        (void) snprintf(evidence.items[0].type, sizeof evidence.items[0].type, "%s", CMW_TDX); /* fits */
        evidence.items[0].value = BUF(EVIDENCE_ITEM_MAX);
        quote(a, &p, &set, &evidence.items[0].value);
        expect_ok(endorse_start(&issuer.config, issuer.api.store, &issuer.time.clock, &issuer.api.endorse));
        import(&set);
        expect_ok(envelope_write(buf_span(&r), &evidence, &body));
        post(a, buf_span(&body));
        a->q.body = SPAN_NONE;
        endorse_stop(TAKE(issuer.api.endorse));
        intel_set_clear(&set);
        intel_platform_clear(&p);
}

/* ---- what comes of it ---- */

static const char *refusal(const struct attempt *a, const struct issue_reply *reply)
{
        static char token[64];
        AUTO(json) struct json *problem = NULL;
        if (a->response.status == 200)
                return reply->results[0].problem == NULL ? NULL : fault_token(reply->results[0].problem);
        expect_ok(json_parse(buf_span(&a->response.body), &problem));
        struct span check = text_at(problem, "check", NULL);
        (void) snprintf(token, sizeof token, "%.*s", (int) check.len,
                        (const char *) check.data); /* cut is a mismatch */
        return token;
}

static void credentials_end_with_the_grace(void **state UNUSED)
{
        static const struct {
                const char *name, *policy;
                int64_t late_s;
                const char *token; /* NULL: a credential */
                int64_t life_s;
        } rows[] = {
                /* what was believed once makes older ones refused: each is as new as the one before, or newer; and the signer
                 * has a clock of its own: no life is shorter than a minute */
                {"past the longest of several", THE_LONGEST, 3601, "tdx.pck_crl_expired", 0},
                {"its last minute", THE_LONGEST, 3540, NULL, 60},
                {"the longest of several", THE_LONGEST, GRACE_S + 1, NULL, TTL_S},
                {"a second past the grace", FOR_ALL, GRACE_S + 1, "tdx.pck_crl_expired", 0},
                {"the last second: nothing would be left", FOR_ALL, GRACE_S, "authority.lifetime", 0},
                {"the last minute of the grace", FOR_ALL, GRACE_S - 60, NULL, 60},
                {"half of the grace is over", FOR_ALL, 150, NULL, 150},
                {"just over", FOR_ALL, 1, NULL, GRACE_S - 1},
                {"no grace", NO_GRACE, 1, "tdx.pck_crl_expired", 0},
                {"for other machines only", FOR_SOME, 1, "guardrail/floor", 0},
                {"another guardrail will not have it", NOT_BY_ANOTHER, 1, "guardrail/b", 0},
                {"the last minute of their dates", FOR_ALL, -60, NULL, 60},
                {"they end before the credential would", FOR_ALL, -100, NULL, 100},
                {"no grace is needed", NO_GRACE, -100, NULL, 100},
                {"nor by others", FOR_SOME, -100, NULL, 100},
                {"in their dates", FOR_ALL, -TTL_S - 1, NULL, TTL_S},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attempt a;
                AUTO(issue_reply) struct issue_reply reply = {0};
                use_policy(rows[i].policy);
                begin(&a);
                send_quote(&a, rows[i].late_s);
                if (a.response.status == 200)
                        expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
                const char *token = refusal(&a, &reply);
                if (rows[i].token == NULL ? token != NULL : token == NULL || strcmp(token, rows[i].token) != 0)
                        fail_msg("%s: %s", rows[i].name, token == NULL ? "issued" : token);
                if (token == NULL) {
                        int64_t now_s = wall_unix_s(clock_wall(&issuer.time.clock));
                        assert_int_equal(reply.results[0].credentials[0].not_after_unix_s - now_s, rows[i].life_s);
                }
                end(&a);
        }
}

/* ---- set-up ---- */

static int set_up_tdx(void **state)
{
        (void) set_up(state);
        struct intel_platform p;
        struct intel_set set;
        intel_pki_init(&pki, "grace_test");
        intel_platform_init(&p, 4, wall_unix_s(clock_wall(&issuer.time.clock)));
        intel_set_make(&pki, &p, &set);
        fake_issuer_write(&issuer, "root.pem", buf_span(&set.root_pem));
        intel_set_clear(&set);
        intel_platform_clear(&p);
        anchors = (struct anchors_config){alloc_string(EVIDENCE_TDX), alloc_printf("%s/root.pem", issuer.folder)};
        issuer.config.anchors = (struct option_items){1, anchor_items};
        issuer.config.endorsements_count_max = 100;
        return 0;
}

static int tear_down_tdx(void **state)
{
        issuer.config.anchors = (struct option_items){0};
        free(anchors.kind);
        free(anchors.file);
        intel_pki_clear(&pki);
        return tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(credentials_end_with_the_grace),
        };
        return cmocka_run_group_tests(tests, set_up_tdx, tear_down_tdx);
}
