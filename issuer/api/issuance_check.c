/* Everything that can be refused without looking at the evidence, cheapest first. */
#include "issuer/api/issuance.h"
#include "issuer/api/profiles.h"
#include "issuer/api/release.h"

static struct fault *check_policy(const struct issuance *s, struct json **ret_extra)
{
        const char *current = policy_digest(s->rules->policy);
        if (strcmp(s->request.policy, current) == 0)
                return NULL;
        TRY(profiles_extra(s->api, s->rules->policy, ret_extra));
        return fault(FAULT_PRECONDITION, "stale_policy", "the slots came from policy %s, %s is in force",
                     s->request.policy, current);
}

/* The pods' keys and their proofs. A proof that fails refuses everything: whoever sent this does not hold what it asks for. */
static struct fault *check_proofs(const struct issuance *s, struct pod_issuance *pod)
{
        for (size_t i = 0; i < pod->request->credential_count; i++) {
                const struct credential_request *c = &pod->request->credentials[i];
                TRY_AS(key_from_spki(buf_span(&c->spki), &pod->keys[i]), "volume %s: slot %s", pod->request->volume,
                       c->slot);
                TRY_AS(pop_verify(pod->keys[i], buf_span(&s->request.nonce), span_str(s->api->audience),
                                  buf_span(&c->pop)),
                       "volume %s: slot %s", pod->request->volume, c->slot);
        }
        return NULL;
}

static bool has_key(const struct pod_issuance *pod, size_t count, const struct key *key)
{
        for (size_t i = 0; i < count; i++)
                if (span_eq(key_spki(pod->keys[i]), key_spki(key)))
                        return true;
        return false;
}

/* A key is for one slot of one pod. */
static struct fault *check_keys_differ(const struct issuance *s, const struct pod_issuance *pod)
{
        for (size_t i = 0; i < pod->request->credential_count; i++) {
                bool seen = has_key(pod, i, pod->keys[i]);
                for (const struct pod_issuance *other = s->pods; other < pod && !seen; other++)
                        seen = has_key(other, other->request->credential_count, pod->keys[i]);
                if (seen)
                        return fault(FAULT_DENIED, "slots.same_key", "the key of slot %s is asked for twice",
                                     pod->request->credentials[i].slot);
        }
        return NULL;
}

const char *issuance_mechanism(const struct issuance *s)
{
        if (s->release != NULL)
                return MECHANISM_KEY_RELEASE;
        return s->in.result != NULL ? MECHANISM_PASSPORT : MECHANISM_BACKGROUND_CHECK;
}

static struct fault *check_slots(const struct issuance *s, const struct pod_issuance *pod)
{
        if (s->release != NULL)
                return release_check_slot(s, pod);
        TRY(profiles_check_pod(s->rules->policy, issuance_mechanism(s), pod->request, pod->keys));
        return check_keys_differ(s, pod);
}

struct fault *issuance_check(struct issuance *s, struct json **ret_extra)
{
        TRY(intake_read_either(s->q->body, &s->in));
        TRY(issue_request_read(buf_span(&s->in.r), &s->request));
        return issuance_check_request(s, ret_extra);
}

struct fault *issuance_check_request(struct issuance *s, struct json **ret_extra)
{
        TRY(intake_check_audience(s->api, s->request.audience));
        TRY(check_policy(s, ret_extra));
        TRY(intake_check_fresh(s->api, s->q, buf_span(&s->request.nonce), &s->nonce_expires_unix_s));
        sha256(buf_span(&s->request.nonce), s->nonce_digest);

        s->pods = alloc_zero(s->request.pod_count, sizeof *s->pods);
        s->pod_count = s->request.pod_count;
        for (size_t i = 0; i < s->pod_count; i++)
                s->pods[i].request = &s->request.pods[i];
        for (size_t i = 0; i < s->pod_count; i++)
                TRY(check_proofs(s, &s->pods[i]));
        for (size_t i = 0; i < s->pod_count; i++) {
                struct pod_issuance *pod = &s->pods[i];
                pod->problem = check_slots(s, pod);
        }
        return NULL;
}

static void clear_pod(struct pod_issuance *pod)
{
        for (size_t i = 0; i < SLOTS_MAX; i++) {
                key_free(pod->keys[i]);
                leaf_issued_clear(&pod->leaves[i]);
        }
        buf_clear(&pod->claims);
        fault_free(pod->problem);
        if (pod->has_token)
                k8s_token_clear(&pod->token);
        decision_free(pod->decision);
}

void issuance_clear(struct issuance *s)
{
        for (size_t i = 0; i < s->pod_count; i++)
                clear_pod(&s->pods[i]);
        free(s->pods);
        attestation_result_clear(&s->result);
        ear_clear(&s->passport.ear);
        ak_record_free(s->ak);
        ruleset_free(s->rules);
        issue_request_clear(&s->request);
        intake_clear(&s->in);
}
