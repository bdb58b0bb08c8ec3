/* POST /v1/results: the verifier's role. Evidence in, a signed attestation result out; what it is worth is decided elsewhere. Nonce, connection
 * and evidence are judged as for credentials, and the appraisal is recorded before its result leaves: the record's id is the result's jti. */
#include "issuer/api/results.h"

#include "issuer/api/answer.h"
#include "issuer/api/issuance.h"
#include "lib/base/log.h"
#include "lib/model/results.h"

#define CORRECT_TIMEOUT_MS 5000

struct appraising {
        struct issuance s; /* nonce, evidence, result; no pods */
        struct results_request request;
        struct key *holder;
        uint8_t keys[EAR_KEYS_MAX][SHA256_LEN];
        char record[33];
};
static void appraising_clear(struct appraising *a)
{
        issuance_clear(&a->s);
        results_request_clear(&a->request);
        key_free(a->holder);
}
DEFINE_AUTO_VALUE(appraising)

/* ---- before any evidence ---- */

static struct fault *check_holder(struct appraising *a)
{
        uint8_t digest[SHA256_LEN];
        TRY_AS(key_from_spki(buf_span(&a->request.holder), &a->holder), "holder");
        key_spki_sha256(a->holder, digest);
        if (memcmp(digest, a->s.q->client_spki_sha256, sizeof digest) != 0)
                return fault(FAULT_DENIED, "results.holder", "the result shall be bound to another connection's key");
        return NULL;
}

static struct fault *check_keys(struct appraising *a)
{
        for (size_t i = 0; i < a->request.key_count; i++) {
                AUTO(key) struct key *key = NULL;
                TRY_AS(key_from_spki(buf_span(&a->request.keys[i].spki), &key), "key %zu", i);
                TRY_AS(pop_verify(key, buf_span(&a->request.nonce), span_str(a->s.api->audience),
                                  buf_span(&a->request.keys[i].pop)),
                       "key %zu", i);
                key_spki_sha256(key, a->keys[i]);
        }
        return NULL;
}

static struct fault *check(struct appraising *a)
{
        struct issuance *s = &a->s;
        TRY(intake_read(s->q->body, &s->in));
        TRY(results_request_read(buf_span(&s->in.r), &a->request));
        TRY(intake_check_audience(s->api, a->request.audience));
        TRY(intake_check_fresh(s->api, s->q, buf_span(&a->request.nonce), &s->nonce_expires_unix_s));
        sha256(buf_span(&a->request.nonce), s->nonce_digest);
        s->request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&s->request.nonce, buf_span(&a->request.nonce)));
        TRY(check_holder(a));
        return check_keys(a);
}

/* ---- the result ---- */

/* What the authority could not know otherwise. */
static void add_enrolment(struct issuance *s)
{
        const struct ak_record *ak = s->ak;
        if (ak == NULL)
                return;
        if (ak->cluster != NULL && ak->node != NULL) {
                facts_set_text(&s->result.facts, RESULTS_CLUSTER, ORIGIN_VERIFIER, span_str(ak->cluster));
                facts_set_text(&s->result.facts, RESULTS_NODE, ORIGIN_VERIFIER, span_str(ak->node));
        }
        bool ends_first = s->result.not_after_unix_s == 0 || ak->ek_not_after_unix_s < s->result.not_after_unix_s;
        if (ak->ek_not_after_unix_s > 0 && ends_first)
                s->result.not_after_unix_s = ak->ek_not_after_unix_s;
}

static struct json *make_record(const struct appraising *a)
{
        const struct issuance *s = &a->s;
        AUTO(buf) struct buf items = BUF(SIZE_MAX);
        record_write_result(&s->result, &items);
        const struct record_source source = {
                .now = s->now,
                .result = &s->result,
                .result_items = buf_span(&items),
                .ak = s->ak,
                .policy_digest = policy_digest(s->rules->policy),
                .policy_revision = policy_revision(s->rules->policy),
                .verifier_id = s->api->audience,
                .verifier_build = VOUCHSAFE_VERSION,
                .nonce_digest = s->nonce_digest,
                .client_spki_digest = s->q->client_spki_sha256,
        };
        const struct record_appraisal appraisal = {
                .audience = a->request.for_audience,
                .expires_unix_s = wall_unix_s(s->now) + RESULTS_LIFE_S,
                .key_count = a->request.key_count,
                .keys = (const uint8_t(*)[SHA256_LEN]) a->keys,
        };
        return appraisal_to_json(&source, &appraisal);
}

static struct fault *record(struct appraising *a, struct cancel *cancel)
{
        const struct issuance *s = &a->s;
        AUTO(json) struct json *who = json_new_object();
        json_set_hex(who, "client", SPAN_OF(s->q->client_spki_sha256));
        json_set_text(who, "remote", s->q->remote);
        struct ledger_entry entry = {.record = make_record(a)};
        struct ledger_commit commit = {
                .requester = who,
                .nonce_expires_unix_s = s->nonce_expires_unix_s,
                .count = 1,
                .entries = &entry,
                .has_ak = s->ak != NULL && s->result.has_clock,
                .ak_name = s->ak != NULL ? buf_span(&s->ak->name) : SPAN_NONE,
                .clock_safe = s->result.clock_safe,
                .clock_ms = s->result.clock_ms,
                .reset_count = s->result.reset_count,
                .restart_count = s->result.restart_count,
        };
        memcpy(commit.nonce_digest, s->nonce_digest, sizeof commit.nonce_digest);
        struct fault *failed = ledger_commit(s->api->ledger, &commit, cancel);
        memcpy(a->record, entry.ret_id, sizeof a->record);
        json_free(entry.record);
        if (failed != NULL && strcmp(fault_token(failed), "nonce.replayed") == 0)
                return fault_recode(failed, FAULT_ABORTED); /* as for credentials */
        return failed;
}

/* The record says "appraised", and nothing has left. */
static void take_back(const struct appraising *a, const struct fault *why)
{
        const struct issuance *s = &a->s;
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, s->api->clock, (struct boot){clock_boot(s->api->clock).ms + CORRECT_TIMEOUT_MS});
        struct ledger_entry entry = {.record = correction_to_json(NULL, a->record, why, clock_wall(s->api->clock))};
        struct ledger_commit commit = {.without_nonce = true, .count = 1, .entries = &entry};
        memcpy(entry.corrects, a->record, sizeof entry.corrects);
        log_error("recorded_but_not_signed", KV("record", (const char *) a->record), KV("problem", why));
        AUTO(fault) struct fault *unsaid = ledger_commit(s->api->ledger, &commit, &cancel);
        if (unsaid != NULL)
                log_error("record_not_corrected", KV("problem", unsaid), KV("records", 1));
        json_free(entry.record);
}

static struct fault *sign(const struct appraising *a, struct cancel *cancel, struct buf *ret)
{
        const struct issuance *s = &a->s;
        AUTO(json) struct json *claims = NULL;
        const struct ear_order order = {
                .verifier = s->api->audience,
                .build = VOUCHSAFE_VERSION,
                .id = a->record,
                .audience = a->request.for_audience,
                .policy = policy_digest(s->rules->policy),
                .nonce = buf_span(&a->request.for_nonce),
                .holder = a->holder,
                .key_count = a->request.key_count,
                .keys = (const uint8_t(*)[SHA256_LEN]) a->keys,
                .issued_unix_s = wall_unix_s(s->now),
                .expires_unix_s = wall_unix_s(s->now) + RESULTS_LIFE_S,
                .result = &s->result,
        };
        /* our own result, so it is our mistake when it can't be read */
        TRY(fault_recode(ear_claims(&order, &claims), FAULT_INTERNAL));
        return authority_sign_result(s->api->authority, claims, cancel, ret);
}

static struct fault *reply(const struct appraising *a, const struct buf *token, struct buf *out)
{
        AUTO(results_reply) struct results_reply reply = {.result = span_to_string(buf_span(token))};
        reply.time_unix_s = wall_unix_s(clock_wall(a->s.api->clock));
        reply.nonce = BUF(NONCE_LEN);
        answer_nonce(a->s.api, &reply.nonce);
        return results_reply_write(&reply, out);
}

static struct fault *serve(struct api *api, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(appraising)
        struct appraising a = {.s = {.purpose = BINDING_RESULTS, .api = api, .q = q, .now = clock_wall(api->clock)}};
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        TRY(answer_admit(api, q));
        a.s.rules = policy_holder_get(api->holder);
        TRY(check(&a));

        TRY(issuance_appraise(&a.s));
        add_enrolment(&a.s);

        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, api->clock, (struct boot){clock_boot(api->clock).ms + SERVE_TIMEOUT_MS});
        TRY(record(&a, &cancel));
        struct fault *failed = sign(&a, &cancel, &token);
        if (failed != NULL) {
                take_back(&a, failed);
                return failed;
        }
        log_info("result_issued", KV("record", (const char *) a.record), KV("kind", a.s.result.kind),
                 KV("status", ear_status_name(a.s.result.status)), KV("for", (const char *) a.request.for_audience),
                 KV("keys", a.request.key_count), KV("insecure_development", a.s.result.insecure_development));
        return reply(&a, &token, &r->body);
}

struct fault *results_post(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = serve(self, q, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, NULL, r);
}
