/* Evidence to a verifier, its result to the authority: what comes back is what background-check gives, and a result with one thing wrong behind a
 * valid signature gives nothing. */
#include "issuer/api/passport.h"

#include "lib/model/results.h"
#include "lib/model/wit.h"
#include "tests/fakes/credential_attempt.h"

#define OTHER_VERIFIER "https://verifier.example"

#define HEAD(kind, name, owner)                                                                                        \
        "---\napiVersion: vouchsafe.dev/v1\nkind: " kind "\nmetadata: {name: " name ", owner: " owner "}\nspec: "
#define SLOTS "{name: x509, type: x509, algorithms: [p256], ttl: 10m}"
#define GRANTED(name, profiles, account, more)                                                                         \
        HEAD("Workload", name, "team")                                                                                 \
        "{profiles: [" profiles "], k8s-grants: true, claims: {app: Payroll, tier: 2}, match: {all: [{in_set: "        \
        "nodes}, {k8s.namespace: payroll}, {k8s.service-account: " account "}" more                                    \
        "]}, identity: \"spiffe://demo.example/ns/payroll/sa/" account "\"}\n"

/* fast is granted to what was affirmed alone */
static const char documents[] = HEAD("Profile", "carried", "a") "{mechanism: passport, slots: [" SLOTS "]}\n" HEAD(
        "Profile", "fast", "a") "{mechanism: passport, slots: [" SLOTS "]}\n" GRANTED("c-app", "carried", "app", "")
        GRANTED("f-app", "fast", "app", ", {verifier.status: affirming}");

static struct key *client, *other_verifier;
static void *verifiers[1];
static struct verifier_config other_config;

/* ---- a request in two steps ---- */

struct carried {
        struct attempt a;               /* the request for credentials */
        struct attempt at_verifier;     /* nonce, quote and answer of the other step */
        struct results_request results; /* borrows nothing */
        char *token;
};
typedef void (*step)(struct carried *c);

static void set_bytes(struct buf *into, size_t max, struct span bytes)
{
        buf_clear(into);
        *into = BUF(max);
        expect_ok(buf_append(into, bytes));
}

static void begin_carried(struct carried *c, const char *profile)
{
        *c = (struct carried){.token = NULL};
        begin(&c->a);
        begin(&c->at_verifier);
        set_text(&c->a.r.pods[0].profile, profile);
        prove(&c->a);
        c->results.audience = alloc_string(ISSUER_AUDIENCE);
        set_bytes(&c->results.nonce, NONCE_MAX, buf_span(&c->at_verifier.r.nonce));
        c->results.for_audience = alloc_string(ISSUER_AUDIENCE);
        set_bytes(&c->results.for_nonce, NONCE_MAX, buf_span(&c->a.r.nonce));
        set_bytes(&c->results.holder, SPKI_MAX, key_spki(client));
        c->results.key_count = 1;
        set_bytes(&c->results.keys[0].spki, SPKI_MAX, key_spki(c->a.keys[0]));
        c->results.keys[0].pop = BUF(SIGNATURE_MAX);
        expect_ok(pop_sign(c->a.keys[0], buf_span(&c->results.nonce), SPAN(ISSUER_AUDIENCE), &c->results.keys[0].pop));
}

static void end_carried(struct carried *c)
{
        end(&c->a);
        end(&c->at_verifier);
        results_request_clear(&c->results);
        free(c->token);
}

static void appraise(struct carried *c, step before, change quoted, change quote)
{
        struct attempt *v = &c->at_verifier;
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        if (before != NULL)
                before(c);
        expect_ok(results_request_write(&c->results, &r));
        bind(v, buf_span(&r));
        v->quoted.purpose = BINDING_RESULTS;
        v->quoted.nonce = buf_span(&c->results.nonce);
        if (quoted != NULL)
                quoted(v);
        v->transcript = BUF(BINDING_T_MAX);
        expect_ok(binding_write(&v->quoted, &v->transcript));
        fake_quote_init(&v->quote, &issuer.tpm, buf_span(&v->transcript));
        v->quote.clock_ms = (uint64_t) clock_wall(&issuer.time.clock).unix_ms;
        if (quote != NULL)
                quote(v);
        write_body(v, buf_span(&r), &body);
        v->q.body = buf_span(&body);
        expect_ok(results_post(&issuer.api, &v->q, &v->response));
        v->q.body = SPAN_NONE;
}

static void get_result(struct carried *c)
{
        AUTO(results_reply) struct results_reply reply = {0};
        appraise(c, NULL, NULL, NULL);
        assert_int_equal(c->at_verifier.response.status, 200);
        expect_ok(results_reply_read(buf_span(&c->at_verifier.response.body), &reply));
        c->token = TAKE(reply.result);
}

static void present(struct carried *c)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        expect_ok(issue_request_write(&c->a.r, &r));
        expect_ok(envelope_write_result(buf_span(&r), c->token, &body));
        buf_clear(&c->a.response.body);
        c->a.response = fake_response();
        post(&c->a, buf_span(&body));
        c->a.q.body = SPAN_NONE;
}

static struct json *record_of(const struct issue_reply *reply)
{
        struct json *found = NULL;
        assert_non_null(reply->results);
        if (reply->results[0].problem != NULL)
                fail_msg("%s: %s", fault_token(reply->results[0].problem), fault_text(reply->results[0].problem));
        expect_ok(ledger_find(issuer.api.ledger, reply->results[0].credentials[0].record, &found));
        return found;
}

/* ---- the same as by background-check ---- */

static struct json *record_by_background_check(void)
{
        struct attempt a;
        AUTO(issue_reply) struct issue_reply reply = {0};
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
        struct json *found = record_of(&reply);
        end(&a);
        return found;
}

static void expect_same(const struct json *a, const struct json *b, const char *member)
{
        AUTO(buf) struct buf one = BUF(1 << 16), other = BUF(1 << 16);
        expect_ok(json_write(json_get(json_get(a, "record"), member), &one));
        expect_ok(json_write(json_get(json_get(b, "record"), member), &other));
        assert_string_equal(buf_str(&one), buf_str(&other));
}

static void the_same_claims_by_b_and_c(void **state UNUSED)
{
        struct carried c;
        AUTO(issue_reply) struct issue_reply reply = {0};
        AUTO(json) struct json *by_c = record_by_background_check(), *by_b = NULL, *appraisal = NULL;
        begin_carried(&c, "carried");
        uint64_t before = ledger_records(issuer.api.ledger);
        get_result(&c);
        assert_int_equal(ledger_records(issuer.api.ledger), before + 1);
        present(&c);
        assert_int_equal(c.a.response.status, 200);
        expect_ok(issue_reply_read(buf_span(&c.a.response.body), &reply));
        assert_int_equal(ledger_records(issuer.api.ledger), before + 2);
        by_b = record_of(&reply);
        static const char *const members[] = {"claims", "identity", "any_genuine", "references",
                                              "policy", "verifier", "pod"};
        for (size_t i = 0; i < COUNT_OF(members); i++)
                expect_same(by_b, by_c, members[i]);

        const struct json *record = json_get(by_b, "record");
        AUTO(buf) struct buf digest = BUF(80);
        char hex[2 * SHA256_LEN + 1];
        uint8_t hash[SHA256_LEN];
        sha256(span_str(c.token), hash);
        hex_string(SPAN_OF(hash), hex);
        expect_ok(buf_printf(&digest, "sha256:%s", hex));
        assert_true(span_eq_str(text_at(record, "mechanism", NULL), "passport"));
        assert_true(span_eq_str(text_at(record, "result", "digest"), buf_str(&digest)));
        /* the result's jti is the verifier's record */
        AUTO_STRING char *jti = span_to_string(text_at(record, "result", "jti"));
        expect_ok(ledger_find(issuer.api.ledger, jti, &appraisal));
        assert_true(span_eq_str(text_at(json_get(appraisal, "record"), "decision", NULL), "appraised"));
        expect_same(appraisal, by_b, "evidence");
        end_carried(&c);
}

static void a_result_is_for_one_request(void **state UNUSED)
{
        struct carried c;
        begin_carried(&c, "carried");
        get_result(&c);
        present(&c);
        assert_int_equal(c.a.response.status, 200);
        present(&c);
        expect_refusal(&c.a.response, 409, "nonce.replayed", "the same request again");

        AUTO_STRING char *policy = NULL;
        buf_clear(&c.a.r.nonce);
        get_nonce(&c.a.r.nonce, &policy);
        buf_truncate(&c.a.r.pods[0].credentials[0].pop, 0);
        expect_ok(pop_sign(c.a.keys[0], buf_span(&c.a.r.nonce), SPAN(ISSUER_AUDIENCE),
                           &c.a.r.pods[0].credentials[0].pop));
        present(&c);
        expect_refusal(&c.a.response, 401, "ear.nonce", "another nonce");
        end_carried(&c);
}

/* ---- refusals of the verifier ---- */

static void other_holder(struct carried *c)
{
        set_bytes(&c->results.holder, SPKI_MAX, key_spki(other_verifier));
}
static void no_holder(struct carried *c)
{
        set_bytes(&c->results.holder, SPKI_MAX, SPAN("no key"));
}
static void bad_proof(struct carried *c)
{
        c->results.keys[0].pop.data[5] ^= 1;
}
static void other_key(struct carried *c)
{
        set_bytes(&c->results.keys[0].spki, SPKI_MAX, key_spki(other_verifier));
}
static void to_another(struct carried *c)
{
        set_text(&c->results.audience, "https://other.example");
}
static void foreign_nonce(struct carried *c)
{
        c->results.nonce.data[c->results.nonce.len - 1] ^= 1;
}
static void unproved_connection(struct carried *c)
{
        c->at_verifier.q.has_client_spki = false;
}
static void no_quote(struct carried *c)
{
        c->at_verifier.evidence_type = NULL;
}
static void to_issue(struct attempt *v)
{
        v->quoted.purpose = BINDING_ISSUE;
}

static void the_verifier_refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                step before;
                change quoted, quote;
                int status;
                const char *check;
        } rows[] = {
                {"bound to somebody else", other_holder, NULL, NULL, 403, "results.holder"},
                {"bound to nothing", no_holder, NULL, NULL, 400, "KEY_ENCODING"},
                {"proof of a key", bad_proof, NULL, NULL, 403, "pop"},
                {"a key swapped", other_key, NULL, NULL, 403, "pop"},
                {"for another verifier", to_another, NULL, NULL, 403, "audience"},
                {"nonce changed", foreign_nonce, NULL, NULL, 401, "nonce.foreign"},
                {"no client certificate", unproved_connection, NULL, NULL, 401, "binding.client_key"},
                {"no evidence", no_quote, NULL, NULL, 400, "evidence.missing"},
                {"quoted to be issued", NULL, to_issue, NULL, 403, "tpm.extra_data"},
                {"quoted for another request", NULL, other_request, NULL, 403, "tpm.extra_data"},
                {"quoted on another connection", NULL, other_exporter, NULL, 403, "tpm.extra_data"},
                {"signature of the quote", NULL, NULL, bad_signature, 403, "tpm.signature"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct carried c;
                begin_carried(&c, "carried");
                uint64_t before = ledger_records(issuer.api.ledger);
                appraise(&c, rows[i].before, rows[i].quoted, rows[i].quote);
                expect_refusal(&c.at_verifier.response, rows[i].status, rows[i].check, rows[i].name);
                assert_int_equal(ledger_records(issuer.api.ledger), before);
                end_carried(&c);
        }
        struct carried c;
        begin_carried(&c, "carried");
        get_result(&c);
        buf_clear(&c.at_verifier.response.body);
        buf_clear(&c.at_verifier.transcript);
        fake_quote_clear(&c.at_verifier.quote);
        c.at_verifier.response = fake_response();
        appraise(&c, NULL, NULL, NULL);
        expect_refusal(&c.at_verifier.response, 409, "nonce.replayed", "twice");
        end_carried(&c);
}

/* ---- refusals of the authority: another verifier's results, changed and signed ---- */

static struct json *inside(struct json *j, const char *member)
{
        const struct json *found = json_get(j, member);
        assert_non_null(found);
        return (struct json *) found; /* of a tree that is the test's own */
}
static struct json *whole(struct json *j)
{
        return inside(inside(j, "submods"), "tpm");
}
static void set_fact(struct json *j, const char *name, struct json *value, const char *origin)
{
        struct json *fact = json_new_object();
        json_set(fact, "value", value);
        json_set_text(fact, "origin", origin);
        json_set(inside(whole(j), "vouchsafe.dev/facts"), name, fact);
}

typedef void (*rewrite)(struct json *j);
static void unknown_issuer(struct json *j)
{
        json_set_text(j, "iss", "https://nobody.example");
}
static void own_name(struct json *j) /* signed by the other one's key */
{
        json_set_text(j, "iss", ISSUER_AUDIENCE);
}
static void other_profile(struct json *j)
{
        json_set_text(j, "eat_profile", "tag:github.com,2023:veraison/ear");
}
static void for_another(struct json *j)
{
        json_set_text(j, "aud", "https://other.example");
}
static void other_nonce(struct json *j)
{
        json_set_base64url(j, "eat_nonce", SPAN("0123456789abcdef"));
}
static int64_t now_s(void)
{
        return wall_unix_s(clock_wall(&issuer.time.clock));
}
static void expired(struct json *j)
{
        json_set_int(j, "iat", now_s() - 200);
        json_set_int(j, "exp", now_s() - 6);
}
static void too_old(struct json *j)
{
        json_set_int(j, "iat", now_s() - 400);
        json_set_int(j, "exp", now_s() + 100);
}
static void early(struct json *j)
{
        json_set_int(j, "iat", now_s() + 20);
        json_set_int(j, "exp", now_s() + 100);
}
static void too_long(struct json *j)
{
        json_set_int(j, "exp", now_s() + 86400);
}
static void no_jti(struct json *j)
{
        json_set_text(j, "jti", "");
}
static void other_keys(struct json *j)
{
        static const uint8_t digest[SHA256_LEN] = {7};
        struct json *keys = json_new_array();
        json_push(keys, json_new_base64url(SPAN_OF(digest)));
        json_set(j, "vouchsafe.dev/keys", keys);
}
static void no_keys(struct json *j)
{
        json_set(j, "vouchsafe.dev/keys", json_new_array());
}
static void anothers(struct json *j)
{
        struct json *cnf = json_new_object(), *jwk = jwk_from_key(other_verifier);
        json_set_text(jwk, "alg", "ES256");
        json_set(cnf, "jwk", jwk);
        json_set(j, "cnf", cnf);
}
static void unbound(struct json *j)
{
        json_set(j, "cnf", json_new_object());
}
static void warned(struct json *j)
{
        json_set_int(inside(whole(j), "ear_trustworthiness_vector"), "hardware", TRUST_HARDWARE_VULNERABLE);
        json_set_text(whole(j), "ear_status", "warning");
        set_fact(j, "verifier.status", json_new_text(SPAN("warning")), "verifier");
}
/* the vector says "warning", the summary still "affirming" */
static void flattered(struct json *j)
{
        json_set_int(inside(whole(j), "ear_trustworthiness_vector"), "hardware", TRUST_HARDWARE_VULNERABLE);
}
static void forged_fact(struct json *j)
{
        set_fact(j, "k8s.namespace", json_new_text(SPAN("payroll")), "k8s");
}
static void mistyped_fact(struct json *j)
{
        set_fact(j, "tpm.ek", json_new_text(SPAN("mine")), "hw");
}
static void promoted_fact(struct json *j)
{
        set_fact(j, "tpm.clock-safe", json_new_bool(true), "measured");
}
static void no_node(struct json *j)
{
        const struct json *facts = inside(whole(j), "vouchsafe.dev/facts"), *value = NULL;
        struct json *others = json_new_object();
        const char *name = NULL;
        for (void *at = NULL; json_next(facts, &at, &name, &value);)
                if (strcmp(name, "tpm.enrolled-node") != 0)
                        json_set(others, name, json_copy(value));
        json_set(whole(j), "vouchsafe.dev/facts", others);
}
static void development(struct json *j)
{
        json_set_bool(whole(j), "vouchsafe.dev/insecure-development", true);
        set_fact(j, "evidence.insecure-development", json_new_bool(true), "verifier");
}
static void same(struct json *j UNUSED)
{
}

static void sign_again(struct carried *c, rewrite how)
{
        AUTO(json) struct json *claims = NULL;
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        expect_ok(jwt_peek(span_str(c->token), EAR_MAX, &claims));
        json_set_text(claims, "iss", OTHER_VERIFIER);
        how(claims);
        const struct jwt_signer signer = jwt_signer_of(other_verifier, "o1");
        expect_ok(jwt_sign_by(&signer, EAR_TYPE, claims, EAR_MAX, &token));
        free(c->token);
        c->token = span_to_string(buf_span(&token));
}

static void another_verifier_is_believed(void **state UNUSED)
{
        struct carried c;
        AUTO(issue_reply) struct issue_reply reply = {0};
        begin_carried(&c, "fast");
        get_result(&c);
        sign_again(&c, same);
        present(&c);
        expect_ok(issue_reply_read(buf_span(&c.a.response.body), &reply));
        AUTO(json) struct json *found = record_of(&reply);
        assert_true(span_eq_str(text_at(json_get(found, "record"), "verifier", "id"), OTHER_VERIFIER));
        end_carried(&c);
}

static void one_thing_wrong_in_a_result(void **state UNUSED)
{
        static const struct {
                const char *name;
                rewrite change;
                int status;
                const char *check;
        } rows[] = {
                {"a verifier that nobody knows", unknown_issuer, 401, "ear.issuer"},
                {"this verifier's name, another key", own_name, 401, "jwt.key"},
                {"another profile", other_profile, 401, "ear.profile"},
                {"for another authority", for_another, 401, "ear.aud"},
                {"another nonce", other_nonce, 401, "ear.nonce"},
                {"expired", expired, 401, "ear.expired"},
                {"too old", too_old, 401, "ear.age"},
                {"not yet valid", early, 401, "ear.not_yet_valid"},
                {"lives for a day", too_long, 401, "ear.life"},
                {"without an id", no_jti, 401, "ear.jti"},
                {"keys not bound", other_keys, 401, "ear.key"},
                {"no keys bound", no_keys, 401, "ear.keys"},
                {"bound to another connection", anothers, 401, "ear.holder"},
                {"bound to no connection", unbound, 401, "ear.cnf"},
                {"a better status than its vector", flattered, 401, "ear.status"},
                {"a fact of Kubernetes", forged_fact, 401, "ear.facts"},
                {"a fact of another type", mistyped_fact, 401, "ear.fact_type"},
                {"a fact of another origin", promoted_fact, 401, "ear.fact_origin"},
                {"a key of no node", no_node, 401, "ear.node"},
                {"development evidence", development, 403, "evidence.insecure_development"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct carried c;
                begin_carried(&c, "carried");
                get_result(&c);
                sign_again(&c, rows[i].change);
                uint64_t before = ledger_records(issuer.api.ledger);
                present(&c);
                expect_refusal(&c.a.response, rows[i].status, rows[i].check, rows[i].name);
                assert_int_equal(ledger_records(issuer.api.ledger), before);
                end_carried(&c);
        }
}

static void expect_problem(struct carried *c, const char *check, const char *name)
{
        AUTO(issue_reply) struct issue_reply reply = {0};
        present(c);
        expect_ok(issue_reply_read(buf_span(&c->a.response.body), &reply));
        if (reply.results[0].problem == NULL || strcmp(fault_token(reply.results[0].problem), check) != 0)
                fail_msg("%s: %s", name, buf_str(&c->a.response.body));
}

/* What the policy has to say is said of one pod, and recorded. */
static void the_policy_has_the_last_word(void **state UNUSED)
{
        struct carried c;
        uint64_t before = ledger_records(issuer.api.ledger);
        begin_carried(&c, "fast");
        get_result(&c);
        sign_again(&c, warned);
        expect_problem(&c, "policy.no_match", "a warning where affirming is asked for");
        assert_int_equal(ledger_records(issuer.api.ledger), before + 2);
        end_carried(&c);

        begin_carried(&c, "default");
        get_result(&c);
        expect_problem(&c, "profile.mechanism", "a result for a profile of background-check");
        end_carried(&c);
}

static void to_carried(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "carried");
}

static void evidence_is_not_for_a_passports_profile(void **state UNUSED)
{
        struct attempt a;
        AUTO(issue_reply) struct issue_reply reply = {0};
        begin(&a);
        send_changed(&a, to_carried, NULL, NULL, NULL);
        expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
        assert_non_null(reply.results[0].problem);
        assert_string_equal(fault_token(reply.results[0].problem), "profile.mechanism");
        end(&a);
}

static void tokens_are_held_against_the_verifiers_node(void **state UNUSED)
{
        struct carried c;
        begin_carried(&c, "carried");
        c.a.tokens[0].node = "node-2";
        secret_free(c.a.r.pods[0].token);
        c.a.r.pods[0].token = fake_token_sign(&issuer, &c.a.tokens[0]);
        get_result(&c);
        expect_problem(&c, "k8s.node", "a pod of another node");
        end_carried(&c);
}

/* ---- set-up ---- */

static void write_verifier(void)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(4096);
        struct json *keys = json_new_array();
        json_push(keys, jwk_published(other_verifier, "o1", "sig"));
        json_set(set, "keys", keys);
        expect_ok(json_write(set, &text));
        fake_issuer_write(&issuer, "verifier.jwks", buf_span(&text));
        other_config =
                (struct verifier_config){alloc_string(OTHER_VERIFIER), alloc_printf("%s/verifier.jwks", issuer.folder)};
        verifiers[0] = &other_config;
        issuer.config.verifiers = (struct option_items){1, verifiers};
}

static int set_up_carried(void **state)
{
        AUTO(buf) struct buf text = BUF(1 << 16);
        assert_int_equal(set_up(state), 0);
        expect_ok(key_generate(KEY_P256, &client));
        expect_ok(key_generate(KEY_P256, &other_verifier));
        key_spki_sha256(client, issuer.client);
        write_verifier();
        expect_ok(file_read(issuer.policies[0], &text));
        expect_ok(buf_append_str(&text, documents));
        fake_issuer_write(&issuer, "policy.yaml", buf_span(&text));
        expect_ok(policy_holder_reload(issuer.api.holder));
        issuer.api.believes_own_results = true;
        return 0;
}

static int tear_down_carried(void **state)
{
        issuer.config.verifiers = (struct option_items){0};
        free(other_config.id);
        free(other_config.jwks_file);
        key_free(client);
        key_free(other_verifier);
        return tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_claims_by_b_and_c),
                cmocka_unit_test(a_result_is_for_one_request),
                cmocka_unit_test(the_verifier_refuses),
                cmocka_unit_test(another_verifier_is_believed),
                cmocka_unit_test(one_thing_wrong_in_a_result),
                cmocka_unit_test(the_policy_has_the_last_word),
                cmocka_unit_test(evidence_is_not_for_a_passports_profile),
                cmocka_unit_test(tokens_are_held_against_the_verifiers_node),
        };
        return cmocka_run_group_tests(tests, set_up_carried, tear_down_carried);
}
