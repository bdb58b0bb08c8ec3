/* POST /v1/credentials: background-check. Evidence in, credentials out, in one exchange. */
#include "issuer/api/answer.h"
#include "issuer/api/issuance.h"

static void fill_credential(struct pod_issuance *pod, size_t i, struct issued_credential *c)
{
        const struct record_credential *from = &pod->credentials[i];
        memcpy(c->slot, pod->grants[i]->slot, sizeof c->slot);
        memcpy(c->type, pod->grants[i]->type, sizeof c->type);
        c->identity = alloc_string(pod->grants[i]->identity);
        if (strcmp(c->type, SLOT_TYPE_WIT) == 0) {
                c->token = span_to_string(buf_span(&pod->leaves[i].leaf));
        } else {
                c->chain[0] = pod->leaves[i].leaf;
                c->chain[1] = pod->leaves[i].issuer;
                c->chain_count = 2;
                pod->leaves[i] = (struct leaf_issued){0};
        }
        c->not_before_unix_s = from->not_before_unix_s;
        c->not_after_unix_s = from->not_after_unix_s;
        memcpy(c->record, pod->record, sizeof pod->record);
}

static void fill_result(struct pod_issuance *pod, struct pod_result *result)
{
        memcpy(result->volume, pod->request->volume, strlen(pod->request->volume) + 1); /* read with that limit */
        result->problem = TAKE(pod->problem);
        if (result->problem != NULL)
                return;
        result->credential_count = pod->request->credential_count;
        for (size_t i = 0; i < result->credential_count; i++)
                fill_credential(pod, i, &result->credentials[i]);
}

struct fault *issuance_reply(struct issuance *s, struct buf *out)
{
        AUTO(issue_reply) struct issue_reply reply = {0};
        reply.time_unix_s = wall_unix_s(clock_wall(s->api->clock));
        reply.nonce = BUF(NONCE_LEN);
        answer_nonce(s->api, &reply.nonce);
        reply.policy = alloc_string(policy_digest(s->rules->policy));
        reply.bundle_sequence = bundle_holder_sequence(s->api->bundle);
        reply.results = alloc_zero(s->pod_count, sizeof *reply.results);
        reply.result_count = s->pod_count;
        for (size_t i = 0; i < s->pod_count; i++)
                fill_result(&s->pods[i], &reply.results[i]);
        return issue_reply_write(&reply, out);
}

static struct fault *serve(struct api *a, const struct httpd_request *q, struct json **ret_extra,
                           struct httpd_response *r)
{
        AUTO(issuance) struct issuance s = {.purpose = BINDING_ISSUE, .api = a, .q = q, .now = clock_wall(a->clock)};
        TRY(answer_admit(a, q));
        s.rules = policy_holder_get(a->holder);
        TRY(issuance_check(&s, ret_extra));

        TRY(issuance_appraise(&s));
        TRY(issuance_decide(&s));

        TRY(issuance_commit(&s));

        return issuance_reply(&s, &r->body);
}

struct fault *credentials_post(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(json) struct json *extra = NULL;
        struct fault *refused = serve(self, q, &extra, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, extra, r);
}
