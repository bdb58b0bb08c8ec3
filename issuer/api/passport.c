#include "issuer/api/passport.h"

#include "issuer/api/results.h"
#include "issuer/policy/received.h"
#include "lib/base/parse.h"

/* All keys of the request; the reader of requests has seen to their number. */
static size_t digest_keys(const struct issuance *s, uint8_t ret[REQUEST_CREDENTIALS_MAX][SHA256_LEN])
{
        size_t count = 0;
        for (size_t i = 0; i < s->pod_count; i++)
                for (size_t c = 0; c < s->pods[i].request->credential_count; c++)
                        key_spki_sha256(s->pods[i].keys[c], ret[count++]);
        return count;
}

/* The result can only be believed whole: what it says is then found in the issuance as if it had been appraised here. */
static struct fault *verify(struct issuance *s, const struct ear_verifier *verifiers, size_t verifier_count)
{
        uint8_t keys[REQUEST_CREDENTIALS_MAX][SHA256_LEN], holder[SHA256_LEN];
        struct span token = span_str(s->in.result);
        const struct ear_rules rules = {
                .verifiers = verifiers,
                .verifier_count = verifier_count,
                .audience = s->api->audience,
                .nonce = buf_span(&s->request.nonce),
                .key_count = digest_keys(s, keys),
                .keys = (const uint8_t(*)[SHA256_LEN]) keys,
                .now = s->now,
                .leeway_s = RESULTS_LEEWAY_S,
                .age_max_s = RESULTS_LIFE_S,
        };
        TRY(ear_verify(token, &rules, &s->passport.ear));
        sha256(token, s->passport.digest);
        s->result = s->passport.ear.result;
        s->passport.ear.result = (struct attestation_result){0};
        key_spki_sha256(s->passport.ear.holder, holder);
        if (memcmp(holder, s->q->client_spki_sha256, sizeof holder) != 0)
                return fault(FAULT_UNAUTHENTICATED, "ear.holder",
                             "attestation result: it was given to the holder of another connection");
        return NULL;
}

/* A token is held against the node of the attestation key. */
static struct fault *check_node(const struct issuance *s)
{
        bool has_tpm = facts_find(&s->result.facts, "tpm.ak") != NULL;
        if (!has_tpm || s->rules->cluster_count == 0 || facts_find(&s->result.facts, RESULTS_NODE) != NULL)
                return NULL;
        return fault(FAULT_UNAUTHENTICATED, "ear.node",
                     "attestation result: the verifier has the attestation key enrolled for no node");
}

struct fault *passport_believe(struct issuance *s)
{
        size_t count = 0;
        struct ear_verifier *trusted = alloc_zero(s->rules->verifier_count + 1, sizeof *trusted);
        if (s->api->believes_own_results && authority_result_keys(s->api->authority) != NULL)
                trusted[count++] = (struct ear_verifier){s->api->audience, authority_result_keys(s->api->authority)};
        for (size_t i = 0; i < s->rules->verifier_count; i++)
                trusted[count++] = (struct ear_verifier){s->rules->verifiers[i].id, s->rules->verifiers[i].keys};
        struct fault *refused = verify(s, trusted, count);
        free(trusted);
        TRY(refused);
        if (s->result.insecure_development && !s->api->insecure_development)
                return fault(FAULT_DENIED, "evidence.insecure_development",
                             "the result is about development evidence, which is not admitted here");
        TRY(policy_check_received(&s->result.facts));
        return check_node(s);
}

static void take_text(const struct facts *f, const char *name, const char **into)
{
        const struct fact *found = facts_find(f, name);
        if (found != NULL && found->kind == FACT_TEXT && found->origin == ORIGIN_VERIFIER)
                *into = (const char *) found->value.data; /* a NUL follows */
}

void passport_node(const struct issuance *s, const char **cluster, const char **node)
{
        take_text(&s->result.facts, RESULTS_CLUSTER, cluster);
        take_text(&s->result.facts, RESULTS_NODE, node);
}

void passport_describe(const struct issuance *s, struct json *record)
{
        const struct ear *e = &s->passport.ear;
        char hex[2 * SHA256_LEN + 1];
        struct json *result = json_new_object();
        hex_string(SPAN_OF(s->passport.digest), hex);
        AUTO_STRING char *digest = alloc_printf("sha256:%s", hex);
        json_set_text(result, "jti", e->id);
        json_set_text(result, "digest", digest);
        json_set_int(result, "issued", e->issued_unix_s);
        if (e->policy != NULL)
                json_set_text(result, "policy", e->policy);
        json_set_text(record, "mechanism", MECHANISM_PASSPORT);
        json_set(record, "result", result);
}
