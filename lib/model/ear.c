/* Attestation results written. Members of ours have names that nobody else's have. */
#include "lib/model/cnf.h"
#include "lib/model/ear_names.h"

#include <assert.h>

const struct trust_claim trust_claims[TRUST_CLAIM_COUNT] = {
        {"instance-identity", offsetof(struct trust_vector, instance_identity)},
        {"configuration", offsetof(struct trust_vector, configuration)},
        {"executables", offsetof(struct trust_vector, executables)},
        {"file-system", offsetof(struct trust_vector, file_system)},
        {"hardware", offsetof(struct trust_vector, hardware)},
        {"runtime-opaque", offsetof(struct trust_vector, runtime_opaque)},
        {"storage-opaque", offsetof(struct trust_vector, storage_opaque)},
        {"sourced-data", offsetof(struct trust_vector, sourced_data)},
};

/* A claim of 0 says nothing and is left out. */
static struct json *vector_to_json(const struct trust_vector *v)
{
        struct json *j = json_new_object();

        for (size_t i = 0; i < TRUST_CLAIM_COUNT; i++) {
                int8_t value = *((const int8_t *) v + trust_claims[i].offset);
                if (value != 0)
                        json_set_int(j, trust_claims[i].name, value);
        }
        return j;
}

static struct json *appraisal_to_json(enum ear_status status, const struct trust_vector *vector)
{
        struct json *j = json_new_object();

        json_set_text(j, "ear_status", ear_status_name(status));
        json_set(j, "ear_trustworthiness_vector", vector_to_json(vector));
        return j;
}

static struct json *collateral_to_json(const struct attestation_result *r)
{
        struct json *list = json_new_array();

        for (size_t i = 0; i < r->collateral_count; i++) {
                struct json *j = json_new_object();
                json_set_text(j, "name", r->collateral[i].name);
                json_set_hex(j, "digest", SPAN_OF(r->collateral[i].digest));
                if (r->collateral[i].not_after_unix_s != 0)
                        json_set_int(j, "not-after", r->collateral[i].not_after_unix_s);
                json_push(list, j);
        }
        return list;
}

static struct json *names_to_json(const char *const *names, size_t count)
{
        struct json *list = json_new_array();

        for (size_t i = 0; i < count; i++)
                json_push(list, json_new_text(span_str(names[i])));
        return list;
}

/* The submodule that is called as the whole is; NULL: none, or there are no submodules at all. */
static const struct submodule *namesake(const struct attestation_result *r)
{
        for (size_t i = 0; i < r->submodule_count; i++)
                if (strcmp(r->submodules[i].name, r->kind) == 0)
                        return &r->submodules[i];
        return NULL;
}

/* What was found on the whole, beside what that part is by itself. */
static struct json *submodule(const struct attestation_result *r)
{
        const struct submodule *part = namesake(r);
        struct json *j =
                appraisal_to_json(part != NULL ? part->status : r->status, part != NULL ? &part->vector : &r->vector);

        if (part == NULL && r->submodule_count > 0)
                json_set_bool(j, EAR_COMPOSITE, true);
        json_set_text(j, EAR_KIND, r->kind);
        json_set_hex(j, EAR_DIGEST, SPAN_OF(r->evidence_digest));
        if (r->insecure_development)
                json_set_bool(j, EAR_DEVELOPMENT, true);
        json_set(j, EAR_FACTS, facts_to_json(&r->facts));
        if (r->concern_count > 0)
                json_set(j, EAR_CONCERNS, names_to_json(r->concerns, r->concern_count));
        if (r->not_checked_count > 0)
                json_set(j, EAR_NOT_CHECKED, names_to_json(r->not_checked, r->not_checked_count));
        if (r->collateral_count > 0)
                json_set(j, EAR_COLLATERAL, collateral_to_json(r));
        if (r->not_after_unix_s != 0)
                json_set_int(j, EAR_NOT_AFTER, r->not_after_unix_s);
        if (r->checks != NULL)
                json_set(j, EAR_CHECKS, check_to_json(r->checks));
        return j;
}

static struct json *to_json(const struct attestation_result *r, const char *build, const char *policy,
                            int64_t issued_unix_s)
{
        struct json *j = json_new_object(), *verifier = json_new_object(), *submodules = json_new_object();
        struct json *whole = submodule(r);

        json_set_text(verifier, "developer", EAR_DEVELOPER);
        json_set_text(verifier, "build", build);
        if (policy != NULL)
                json_set(whole, "ear_appraisal_policy_ids", names_to_json(&policy, 1));
        for (size_t i = 0; i < r->submodule_count; i++)
                json_set(submodules, r->submodules[i].name,
                         appraisal_to_json(r->submodules[i].status, &r->submodules[i].vector));
        json_set(submodules, r->kind, whole);

        json_set_text(j, "eat_profile", EAR_PROFILE);
        json_set_int(j, "iat", issued_unix_s);
        json_set(j, "ear_verifier_id", verifier);
        json_set(j, "submods", submodules);
        return j;
}

struct json *attestation_result_to_ear(const struct attestation_result *r, const char *verifier_build, struct wall now)
{
        return to_json(r, verifier_build, NULL, wall_unix_s(now));
}

static void bind(const struct ear_order *o, struct json *j)
{
        struct json *keys = json_new_array();

        json_set(j, "cnf", cnf_of(o->holder));
        for (size_t i = 0; i < o->key_count; i++)
                json_push(keys, json_new_base64url(SPAN_OF(o->keys[i])));
        json_set(j, EAR_KEYS, keys);
        json_set_base64url(j, "eat_nonce", o->nonce);
        json_set_text(j, "aud", o->audience);
}

struct fault *ear_claims(const struct ear_order *o, struct json **ret)
{
        AUTO(json) struct json *j = to_json(o->result, o->build, o->policy, o->issued_unix_s);
        AUTO(ear) struct ear again = {0};

        json_set_text(j, "iss", o->verifier);
        json_set_text(j, "jti", o->id);
        json_set_int(j, "exp", o->expires_unix_s);
        bind(o, j);
        if (o->credentials != NULL)
                json_set(j, EAR_CREDENTIALS, json_copy(o->credentials));
        TRY(ear_read_claims(j, &again));
        *ret = TAKE(j);
        return NULL;
}

struct fault *ear_sign_claims(const struct json *claims, const struct jwt_signer *signer, struct buf *out)
{
        if (strcmp(signer->alg, "ES256") != 0 && strcmp(signer->alg, "ES384") != 0)
                return ear_refuse("jwt.algorithm", "results are signed by ES256 or ES384");
        if (signer->kid == NULL || signer->kid[0] == '\0')
                return ear_refuse("jwt.key", "results name their key");
        return jwt_sign_by(signer, EAR_TYPE, claims, EAR_MAX, out);
}

struct fault *ear_build(const struct ear_order *o, const struct jwt_signer *signer, struct buf *out)
{
        AUTO(json) struct json *claims = NULL;

        TRY(ear_claims(o, &claims));
        return ear_sign_claims(claims, signer, out);
}

void ear_clear(struct ear *e)
{
        free(e->verifier);
        free(e->build);
        free(e->id);
        free(e->audience);
        free(e->policy);
        buf_clear(&e->nonce);
        key_free(e->holder);
        json_free(e->credentials);
        attestation_result_clear(&e->result);
        *e = (struct ear){0};
}
