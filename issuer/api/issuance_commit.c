/* First the record, then the signature (protocol.md §3): one commit holds the nonce's use, every pod's record and all serials. */
#include "issuer/api/issuance.h"
#include "issuer/api/metrics.h"
#include "issuer/api/passport.h"
#include "issuer/api/release.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#define CORRECT_TIMEOUT_MS 5000 /* of its own: the request's time may be what ran out */

_Static_assert(SLOTS_MAX <= 8, "a ledger entry holds the serials of a pod");

/* To be signed: a stored key's certificate is there already. */
static size_t credential_count(const struct issuance *s, const struct pod_issuance *pod)
{
        return pod->problem == NULL && s->release == NULL ? pod->request->credential_count : 0;
}

static struct json *make_record(const struct issuance *s, const struct pod_issuance *pod, struct span result_items)
{
        const struct record_source source = {
                .now = s->now,
                .pod = pod->request,
                .problem = pod->problem,
                .check = pod->check[0] != '\0' ? pod->check : NULL,
                .token = pod->has_token ? &pod->token : NULL,
                .decision = pod->decision,
                .result = &s->result,
                .result_items = result_items,
                .ak = s->ak,
                .policy_digest = policy_digest(s->rules->policy),
                .policy_revision = policy_revision(s->rules->policy),
                .verifier_id = s->in.result != NULL ? s->passport.ear.verifier : s->api->audience,
                .verifier_build = s->in.result != NULL ? s->passport.ear.build : VOUCHSAFE_VERSION,
                .nonce_digest = s->nonce_digest,
                .client_spki_digest = s->q->client_spki_sha256,
                .credential_count = credential_count(s, pod),
                .credentials = pod->credentials,
        };
        return record_to_json(&source);
}

static void fill_entry(const struct issuance *s, const struct pod_issuance *pod, struct span result_items,
                       struct ledger_entry *e)
{
        e->record = make_record(s, pod, result_items);
        if (s->release != NULL)
                release_describe(s, pod, e->record);
        if (s->in.result != NULL)
                passport_describe(s, e->record);
        e->issued = pod->problem == NULL;
        e->serial_count = credential_count(s, pod);
        for (size_t i = 0; i < e->serial_count; i++) {
                memcpy(e->serials[i], pod->credentials[i].serial, sizeof pod->credentials[i].serial);
                if (pod->credentials[i].not_after_unix_s > e->expires_unix_s)
                        e->expires_unix_s = pod->credentials[i].not_after_unix_s;
        }
}

static struct json *requester(const struct issuance *s)
{
        struct json *j = json_new_object();
        json_set_hex(j, "client", SPAN_OF(s->q->client_spki_sha256));
        json_set_text(j, "remote", s->q->remote);
        json_set_text(j, "profile", s->pods[0].request->profile);
        json_set_text(j, "volume", s->pods[0].request->volume);
        return j;
}

static struct fault *record(struct issuance *s, struct cancel *cancel)
{
        struct ledger_entry *entries = alloc_zero(s->pod_count, sizeof *entries);
        AUTO(json) struct json *who = requester(s);
        AUTO(buf) struct buf result_items = BUF(SIZE_MAX);
        record_write_result(&s->result, &result_items);
        for (size_t i = 0; i < s->pod_count; i++)
                fill_entry(s, &s->pods[i], buf_span(&result_items), &entries[i]);
        struct ledger_commit commit = {
                .requester = who,
                .nonce_expires_unix_s = s->nonce_expires_unix_s,
                .count = s->pod_count,
                .entries = entries,
                .has_ak = s->ak != NULL && s->result.has_clock,
                .ak_name = s->ak != NULL ? buf_span(&s->ak->name) : SPAN_NONE,
                .clock_safe = s->result.clock_safe,
                .clock_ms = s->result.clock_ms,
                .reset_count = s->result.reset_count,
                .restart_count = s->result.restart_count,
        };
        memcpy(commit.nonce_digest, s->nonce_digest, sizeof commit.nonce_digest);
        struct fault *failed = ledger_commit(s->api->ledger, &commit, cancel);
        for (size_t i = 0; i < s->pod_count; i++) {
                memcpy(s->pods[i].record, entries[i].ret_id, sizeof s->pods[i].record);
                json_free(entries[i].record);
        }
        free(entries);
        /* a conflict with what is there, not a denial of the evidence: 409, and the attester may try with the next nonce */
        if (failed != NULL && strcmp(fault_token(failed), "nonce.replayed") == 0)
                return fault_recode(failed, FAULT_ABORTED);
        return failed;
}

static struct leaf_order order_of(const struct pod_issuance *pod, size_t i)
{
        const struct grant *grant = pod->grants[i];
        struct leaf_order order = {
                .identity = grant->identity,
                .dns = (const char *const *) grant->dns,
                .dns_count = grant->dns_count,
                .spki = key_spki(pod->keys[i]),
                .not_before_unix_s = pod->credentials[i].not_before_unix_s,
                .not_after_unix_s = pod->credentials[i].not_after_unix_s,
                .insecure_development = pod->decision->insecure_development,
                .token = strcmp(grant->type, SLOT_TYPE_WIT) == 0,
                .claims = buf_span(&pod->claims),
        };
        memcpy(order.serial, pod->serials[i], sizeof order.serial);
        return order;
}

/* The records say "issued", and nothing has left: a further record for each says so. When that can't be written either (the program is being
 * killed), a record stays without its credential, never the other way round. */
static void take_back(const struct issuance *s, const struct fault *why)
{
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, s->api->clock, (struct boot){clock_boot(s->api->clock).ms + CORRECT_TIMEOUT_MS});
        struct ledger_entry *entries = alloc_zero(s->pod_count, sizeof *entries);
        struct ledger_commit commit = {.without_nonce = true, .entries = entries};
        for (size_t i = 0; i < s->pod_count; i++) {
                const struct pod_issuance *pod = &s->pods[i];
                if (pod->problem != NULL)
                        continue;
                struct ledger_entry *e = &entries[commit.count++];
                e->record = correction_to_json(pod->request, pod->record, why, clock_wall(s->api->clock));
                memcpy(e->corrects, pod->record, sizeof e->corrects);
                count_taken_back(pod->request->credential_count);
                log_error("recorded_but_not_signed", KV("record", (const char *) pod->record),
                          KV("volume", pod->request->volume), KV("problem", why));
        }
        AUTO(fault) struct fault *unsaid = ledger_commit(s->api->ledger, &commit, &cancel);
        if (unsaid != NULL)
                log_error("record_not_corrected", KV("problem", unsaid), KV("records", commit.count));
        for (size_t i = 0; i < commit.count; i++)
                json_free(entries[i].record);
        free(entries);
}

static struct fault *sign(struct issuance *s, struct cancel *cancel)
{
        struct leaf_order orders[REQUEST_CREDENTIALS_MAX];
        struct leaf_issued issued[REQUEST_CREDENTIALS_MAX] = {{{0}, {0}}};
        size_t count = 0, at = 0;
        for (size_t i = 0; i < s->pod_count; i++)
                for (size_t c = 0; c < credential_count(s, &s->pods[i]); c++)
                        orders[count++] = order_of(&s->pods[i], c);
        if (count == 0)
                return NULL;
        struct fault *failed = authority_issue(s->api->authority, orders, count, cancel, issued);
        if (failed != NULL) {
                take_back(s, failed);
                return failed;
        }
        for (size_t i = 0; i < s->pod_count; i++)
                for (size_t c = 0; c < credential_count(s, &s->pods[i]); c++)
                        s->pods[i].leaves[c] = issued[at++];
        return NULL;
}

static void tell(const struct issuance *s, const struct pod_issuance *pod)
{
        const struct pod_request *r = pod->request;
        count_decision(pod->problem == NULL ? OUTCOME_ISSUED : OUTCOME_DENIED);
        if (pod->problem != NULL) {
                if (s->release == NULL) /* else the answer is the refusal, and counts it */
                        count_refusal(pod->check[0] != '\0' ? pod->check : fault_token(pod->problem));
                log_info("credential_denied", KV("volume", r->volume), KV("profile", r->profile),
                         KV("record", (const char *) pod->record), KV("problem", pod->problem));
                return;
        }
        if (s->release != NULL) {
                release_tell(s, pod);
                return;
        }
        count_credentials(r->credential_count);
        for (size_t i = 0; i < r->credential_count; i++)
                log_info("credential_issued", KV("volume", r->volume), KV("slot", pod->credentials[i].slot),
                         KV("identity", pod->grants[i]->identity),
                         KV("serial", (const char *) pod->credentials[i].serial),
                         KV("not_after_unix_s", pod->credentials[i].not_after_unix_s),
                         KV("record", (const char *) pod->record),
                         KV("insecure_development", pod->decision->insecure_development));
}

struct fault *issuance_commit(struct issuance *s)
{
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, s->api->clock, (struct boot){clock_boot(s->api->clock).ms + SERVE_TIMEOUT_MS});
        TRY(record(s, &cancel));
        TRY(sign(s, &cancel));
        for (size_t i = 0; i < s->pod_count; i++)
                tell(s, &s->pods[i]);
        return NULL;
}
