/* Pod by pod: who it is, what the policy says, and from when to when. A refusal here is that pod's alone. */
#include <stdio.h>

#include "issuer/api/issuance.h"
#include "issuer/api/passport.h"
#include "issuer/api/release.h"
#include "lib/base/parse.h"

#define FAULT_TOKEN_MAX   64   /* fault_from_peer's */
#define TOKEN_CONTENT_MAX 4800 /* of WIT_MAX, before base64 and beside what every token has */

static struct fault *check_token(const struct issuance *s, struct pod_issuance *pod)
{
        const struct pod_request *r = pod->request;
        if (r->token == NULL)
                return NULL; /* then nothing is known by k8s.* */
        struct k8s_token token = {0};
        TRY(k8s_token_verify(secret_span(r->token), s->rules->clusters, s->rules->cluster_count, s->api->audience,
                             s->now, &token));
        /* development evidence has no enrolled key, so no node to hold the token against */
        const char *cluster = token.cluster->name, *node = token.node;
        if (s->ak != NULL) {
                cluster = s->ak->cluster;
                node = s->ak->node;
        }
        if (s->in.result != NULL)
                passport_node(s, &cluster, &node);
        struct fault *other = k8s_token_match(&token, r->node.uid, r->node.namespace, r->node.name,
                                              r->node.service_account, cluster, node);
        if (other != NULL) {
                k8s_token_clear(&token);
                return other;
        }
        pod->token = token;
        pod->has_token = true;
        return NULL;
}

static void gather_facts(const struct issuance *s, const struct pod_issuance *pod, struct facts *into)
{
        const struct pod_request *r = pod->request;
        into->base = &s->result.facts;
        if (pod->has_token)
                k8s_token_facts(&pod->token, into);
        facts_set_text(into, "node.namespace", ORIGIN_NODE, span_str(r->node.namespace));
        facts_set_text(into, "node.pod", ORIGIN_NODE, span_str(r->node.name));
        facts_set_text(into, "node.pod-uid", ORIGIN_NODE, span_str(r->node.uid));
        facts_set_text(into, "node.service-account", ORIGIN_NODE, span_str(r->node.service_account));
        facts_set_text(into, "node.volume", ORIGIN_NODE, span_str(r->volume));
}

/* The policy's place names may be longer than a fault's token: the record keeps them whole. */
static struct fault *refusal_of(struct pod_issuance *pod)
{
        char token[FAULT_TOKEN_MAX + 1];
        const struct decision *d = pod->decision;
        (void) snprintf(pod->check, sizeof pod->check, "%s", d->token);          /* as long as the decision's */
        (void) snprintf(token, sizeof token, "%.*s", FAULT_TOKEN_MAX, d->token); /* cut on purpose */
        return fault_from_peer(FAULT_DENIED, token, "%s", d->reason != NULL ? d->reason : "refused by policy");
}

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* notAfter: what the policy grants, within what this issuer, its intermediate, and the evidence's own certificate allow. */
static struct fault *set_dates(const struct issuance *s, const struct grant *grant, int64_t intermediate_end_s,
                               struct record_credential *c)
{
        int64_t now_s = wall_unix_s(s->now);
        int64_t end_s = now_s + smaller(grant->ttl_s, s->api->max_leaf_life_s);
        if (strcmp(grant->type, SLOT_TYPE_X509) == 0) /* the intermediate has no part in a token */
                end_s = smaller(end_s, intermediate_end_s);
        if (s->ak != NULL && s->ak->ek_not_after_unix_s > 0)
                end_s = smaller(end_s, s->ak->ek_not_after_unix_s);
        if (s->result.not_after_unix_s > 0)
                end_s = smaller(end_s, s->result.not_after_unix_s);
        if (end_s <= now_s)
                return fault(FAULT_UNAVAILABLE, "authority.lifetime",
                             "the intermediate, the endorsement key's certificate or an endorsement ends now");
        c->not_before_unix_s = now_s - s->api->backdate_s;
        c->not_after_unix_s = end_s;
        return NULL;
}

static const struct grant *find_grant(const struct decision *d, const char *slot)
{
        for (size_t i = 0; i < d->grant_count; i++)
                if (strcmp(d->grants[i].slot, slot) == 0)
                        return &d->grants[i];
        return NULL;
}

/* With the trust domain in front of each name they must fit into a token beside the identity: it travels in a header field. */
static struct fault *write_claims(struct pod_issuance *pod, const char *identity)
{
        buf_clear(&pod->claims);
        pod->claims = BUF(TOKEN_CLAIMS_MAX);
        if (pod->decision->claims == NULL)
                return NULL;
        struct fault *too_long = json_write(pod->decision->claims, &pod->claims);
        size_t domain_len = strcspn(identity + strlen("spiffe://"), "/");
        size_t names_len = json_count(pod->decision->claims) * (domain_len + 1);
        if (too_long == NULL && pod->claims.len + names_len + domain_len + strlen(identity) <= TOKEN_CONTENT_MAX)
                return NULL;
        fault_free(too_long);
        return fault(FAULT_DENIED, "claims.size", "the claims of workload %s are too long for a token",
                     pod->decision->workload);
}

static struct fault *prepare(const struct issuance *s, struct pod_issuance *pod, int64_t intermediate_end_s)
{
        for (size_t i = 0; i < pod->request->credential_count; i++) {
                const char *slot = pod->request->credentials[i].slot;
                const struct grant *grant = find_grant(pod->decision, slot);
                if (grant == NULL)
                        return fault(FAULT_DENIED, "slots.not_granted", "workload %s does not grant slot %s",
                                     pod->decision->workload != NULL ? pod->decision->workload : "", slot);
                if (strcmp(grant->type, SLOT_TYPE_X509) != 0 && strcmp(grant->type, SLOT_TYPE_WIT) != 0)
                        return fault(FAULT_DENIED, "slot.type", "slot %s is granted as %s, which is not issued here",
                                     slot, grant->type);
                struct record_credential *c = &pod->credentials[i];
                *c = (struct record_credential){.slot = slot, .type = grant->type};
                authority_serial(pod->serials[i]);
                hex_string(SPAN_OF(pod->serials[i]), c->serial);
                TRY(set_dates(s, grant, intermediate_end_s, c));
                pod->grants[i] = grant;
                if (strcmp(grant->identity, pod->decision->identity) != 0)
                        c->identity = grant->identity;
                if (strcmp(grant->type, SLOT_TYPE_WIT) == 0) {
                        TRY(authority_check_tokens(s->api->authority));
                        TRY(write_claims(pod, grant->identity));
                }
        }
        return NULL;
}

static struct fault *decide_pod(const struct issuance *s, struct pod_issuance *pod, int64_t intermediate_end_s)
{
        TRY(check_token(s, pod));
        AUTO(facts) struct facts facts = {0};
        gather_facts(s, pod, &facts);
        policy_decide(s->rules->policy, pod->request->profile, &facts, s->now, &pod->decision);
        if (s->release != NULL)
                release_decide(s, pod, &facts);
        if (!pod->decision->allowed)
                return refusal_of(pod);
        if (s->release != NULL)
                return release_prepare(s, pod);
        return prepare(s, pod, intermediate_end_s);
}

struct fault *issuance_decide(struct issuance *s)
{
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t intermediate_end_s = 0;
        TRY(authority_intermediate(s->api->authority, &intermediate, &intermediate_end_s));
        for (size_t i = 0; i < s->pod_count; i++) {
                struct pod_issuance *pod = &s->pods[i];
                if (pod->problem == NULL)
                        pod->problem = decide_pod(s, pod, intermediate_end_s);
        }
        return NULL;
}
