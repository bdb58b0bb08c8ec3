/* POST /v1/attestation-keys and …/activate: how an attestation key becomes one of ours.
 *
 * First step: the endorsement key's certificate and both public areas are judged, the attester's own bound token says which node it is, and a
 * secret goes out that only the TPM with both keys can open (TPM2_ActivateCredential). Second step: the secret comes back over the
 * same client key, with a quote by the new key; only then is there a row. */
#include <assert.h>

#include "issuer/api/evidence.h"
#include "issuer/api/answer.h"
#include "issuer/api/ek_root.h"
#include "issuer/api/enrol_challenge.h"
#include "issuer/api/intake.h"
#include "issuer/api/metrics.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/model/reply.h"
#include "lib/model/request.h"

#define BLOB_MAX 1024

/* A nonce, or a challenge, is good once. */
static struct fault *use_once(struct api *a, struct span what, int64_t expires_unix_s, const char *token)
{
        uint8_t digest[SHA256_LEN];
        sha256(what, digest);
        AUTO(fault) struct fault *used = store_use_nonce(a->store, digest, expires_unix_s, clock_wall(a->clock));
        if (used == NULL)
                return NULL;
        if (fault_code(used) == FAULT_EXISTS)
                return fault(FAULT_ABORTED, token, "it was used before");
        return TAKE(used);
}

/* ---- the first step ---- */

static size_t cluster_index(const struct ruleset *rules, const struct cluster *cluster)
{
        return (size_t) (cluster - rules->clusters);
}

/* Which node this is, by the attester's own token. Pods' tokens have the same audience: a cluster can say whose service account it must be. */
static struct fault *check_node(const struct api *a, const struct ruleset *rules, const struct enrol_request *r,
                                struct ak_record *record)
{
        if (r->token == NULL && rules->cluster_count == 0)
                return NULL;
        if (r->token == NULL)
                return fault(FAULT_DENIED, "k8s.missing",
                             "an attestation key is enrolled for a node: the attester's own token is needed");
        AUTO(k8s_token) struct k8s_token t = {0};
        TRY(k8s_token_verify(secret_span(r->token), rules->clusters, rules->cluster_count, a->audience,
                             clock_wall(a->clock), &t));
        if (t.pod == NULL || t.node == NULL)
                return fault(FAULT_DENIED, "k8s.node", "the attester's token is not bound to a pod on a node");
        const char *attester = rules->attesters[cluster_index(rules, t.cluster)];
        AUTO_STRING char *found = alloc_printf("%s/%s", t.namespace, t.service_account);
        if (attester != NULL && strcmp(attester, found) != 0)
                return fault(FAULT_DENIED, "k8s.attester", "the token is of %s, attesters of cluster %s are %s", found,
                             t.cluster->name, attester);
        record->cluster = alloc_string(t.cluster->name);
        record->node = alloc_string(t.node);
        return NULL;
}

static struct fault *make_challenge(const struct api *a, const struct httpd_request *q, struct span ek_public,
                                    struct ak_record *record, struct enrol_reply *reply)
{
        AUTO(enrol_challenge)
        struct enrol_challenge c = {
                .expires_unix_s = wall_unix_s(clock_wall(a->clock)) + ENROL_LIFE_S,
                .secret = secret_new(ENROL_SECRET_LEN),
                .record = record,
        };
        memcpy(c.client_spki_digest, q->client_spki_sha256, sizeof c.client_spki_digest);
        random_bytes(secret_bytes(c.secret), ENROL_SECRET_LEN);
        reply->challenge = BUF(ENROL_CHALLENGE_MAX);
        reply->credential_blob = BUF(BLOB_MAX);
        reply->encrypted_secret = BUF(BLOB_MAX);
        TRY(enrol_challenge_seal(a->master, a->audience, &c, &reply->challenge));
        AUTO(tpm_public) struct tpm_public ek = {0};
        TRY(tpm_public_read(ek_public, &ek));
        return tpm_make_credential(ek.key, buf_span(&record->name), secret_span(c.secret), &reply->credential_blob,
                                   &reply->encrypted_secret);
}

static struct fault *begin(struct api *a, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(intake) struct intake in = {0};
        AUTO(enrol_request) struct enrol_request request = {0};
        int64_t nonce_expires = 0;
        TRY(answer_admit(a, q));
        TRY(intake_read(q->body, &in));
        TRY(enrol_request_read(buf_span(&in.r), &request));
        TRY(intake_check_audience(a, request.audience));
        TRY(intake_check_fresh(a, q, buf_span(&request.nonce), &nonce_expires));

        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        AUTO(ak_record) struct ak_record *record = NULL;
        TRY(verifier_check_enrolment(request.certificates, request.certificate_count, buf_span(&request.ek_public),
                                     buf_span(&request.ak_public), &rules->ek_roots, clock_wall(a->clock), &record));
        TRY(ek_root_find(request.certificates, request.certificate_count, &rules->ek_roots, clock_wall(a->clock),
                         record->ek_root));
        TRY(check_node(a, rules, &request, record));

        TRY(use_once(a, buf_span(&request.nonce), nonce_expires, "nonce.replayed"));
        AUTO(enrol_reply) struct enrol_reply reply = {.time_unix_s = wall_unix_s(clock_wall(a->clock))};
        TRY(make_challenge(a, q, buf_span(&request.ek_public), TAKE(record), &reply));

        reply.nonce = BUF(NONCE_LEN);
        answer_nonce(a, &reply.nonce);
        return enrol_reply_write(&reply, &r->body);
}

struct fault *attestation_keys_post(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = begin(self, q, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, NULL, r);
}

/* ---- the second step ---- */

/* The quote by the new key, over this request and connection. It also gives the clock to begin with. */
static struct fault *check_quote(struct api *a, const struct httpd_request *q, const struct intake *in,
                                 const struct activate_request *request, struct ak_record *record)
{
        struct evidence_set set;
        TRY(evidence_choose(&in->evidence, &set));
        AUTO(buf) struct buf name = BUF(256);
        TRY(verifier_ak_name(set.primary, &name));
        if (set.primary != set.tpm || !span_eq(buf_span(&name), buf_span(&record->name)))
                return fault(FAULT_DENIED, "enrol.ak", "the quote is not by the key that is being enrolled");

        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        AUTO(attestation_result) struct attestation_result result = {0};
        const struct evidence_call call = {.api = a,
                                           .q = q,
                                           .in = in,
                                           .purpose = BINDING_ENROL,
                                           .nonce = buf_span(&request->nonce),
                                           .set = &set,
                                           .rules = rules,
                                           .ak = record,
                                           .now = clock_wall(a->clock)};
        TRY(evidence_appraise(&call, &result));
        record->has_clock = result.has_clock;
        record->clock_safe = result.clock_safe;
        record->clock_ms = result.clock_ms;
        record->reset_count = result.reset_count;
        record->restart_count = result.restart_count;
        return NULL;
}

/* A key that is enrolled again, for another node or after its row was renewed, goes on with its clock: or a TPM's older state, brought back,
 * would begin anew by enrolling. */
static struct fault *recall_clock(struct api *a, struct ak_record *record, char **ret_old_node)
{
        AUTO(ak_record) struct ak_record *old = NULL;
        struct fault *none = store_find_ak(a->store, buf_span(&record->name), &old);
        if (none != NULL && fault_code(none) != FAULT_NOT_FOUND)
                return none;
        fault_free(none);
        if (old == NULL)
                return NULL;
        record->has_clock = old->has_clock;
        record->clock_safe = old->clock_safe;
        record->clock_ms = old->clock_ms;
        record->reset_count = old->reset_count;
        record->restart_count = old->restart_count;
        *ret_old_node = TAKE(old->node);
        return NULL;
}

static void tell(const struct ak_record *record, const char *ak, const char *old_node, uint64_t retired)
{
        count_enrolment();
        if (retired > 0)
                log_warn("attestation_keys_retired", KV("count", retired), KV("in_favour_of", ak),
                         KV("most_of_one_tpm", AKS_PER_EK_MAX));
        if (old_node != NULL && (record->node == NULL || strcmp(record->node, old_node) != 0))
                log_warn("attestation_key_moved", KV("ak", ak), KV("from", old_node));
        log_info("attestation_key_enrolled", KV("ak", ak), KV("ek_issuer", (const char *) record->ek_issuer),
                 KV("cluster", record->cluster != NULL ? (const char *) record->cluster : ""),
                 KV("node", record->node != NULL ? (const char *) record->node : ""));
}

static struct fault *activate(struct api *a, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(intake) struct intake in = {0};
        AUTO(activate_request) struct activate_request request = {0};
        AUTO(enrol_challenge) struct enrol_challenge c = {0};
        AUTO_STRING char *old_node = NULL;
        int64_t nonce_expires = 0;
        TRY(answer_admit(a, q));
        TRY(intake_read(q->body, &in));
        TRY(activate_request_read(buf_span(&in.r), &request));
        TRY(intake_check_audience(a, request.audience));
        TRY(intake_check_fresh(a, q, buf_span(&request.nonce), &nonce_expires));

        TRY(enrol_challenge_open(a->master, a->audience, buf_span(&request.challenge), &c));
        TRY(enrol_challenge_check(&c, clock_wall(a->clock), q->client_spki_sha256, secret_span(request.secret)));
        TRY(recall_clock(a, c.record, &old_node));
        TRY(check_quote(a, q, &in, &request, c.record));

        TRY(use_once(a, buf_span(&request.nonce), nonce_expires, "nonce.replayed"));
        TRY(use_once(a, buf_span(&request.challenge), c.expires_unix_s, "enrol.replayed"));
        c.record->enrolled_unix_s = wall_unix_s(clock_wall(a->clock));
        uint64_t retired = 0;
        TRY(store_put_ak(a->store, c.record, &retired));

        AUTO(activate_reply) struct activate_reply reply = {.time_unix_s = c.record->enrolled_unix_s};
        reply.nonce = BUF(NONCE_LEN);
        answer_nonce(a, &reply.nonce);
        assert(2 * c.record->name.len < sizeof reply.ak); /* a Name of SHA-256, as the verifier demands */
        hex_string(buf_span(&c.record->name), reply.ak);
        tell(c.record, reply.ak, old_node, retired);
        return activate_reply_write(&reply, &r->body);
}

struct fault *activate_post(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = activate(self, q, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, NULL, r);
}
