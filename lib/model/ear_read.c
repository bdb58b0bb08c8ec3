/* Attestation results read: the claims of an EAR, whoever signed it. */
#include "lib/model/cnf.h"
#include "lib/model/ear_names.h"
#include "lib/model/fields.h"

#define VERIFIER_MAX 2048
#define BUILD_MAX    256
#define ID_MAX       128

struct fault *ear_refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "attestation result: %s", why);
}

struct fault *ear_refuse_as(struct fault *f, const char *token)
{
        return fault_rename(fault_prefix(f, "attestation result"), FAULT_UNAUTHENTICATED, token);
}

static struct fault *read_keys(const struct json *j, struct ear *e)
{
        struct buf items[EAR_KEYS_MAX] = {0};
        size_t count = 0;
        struct fault *f = field_bytes_list(j, EAR_KEYS, EAR_KEYS_MAX, SHA256_LEN, items, &count);

        for (size_t i = 0; i < count; i++) {
                if (f == NULL && items[i].len != SHA256_LEN)
                        f = fault(FAULT_INVALID, "BAD_FIELD", "a digest of %zu bytes", items[i].len);
                if (f == NULL)
                        memcpy(e->keys[e->key_count++], items[i].data, SHA256_LEN);
                buf_clear(&items[i]);
        }
        if (f == NULL && count == 0)
                f = fault(FAULT_INVALID, "BAD_FIELD", "no key at all");
        return ear_refuse_as(f, "ear.keys");
}

static struct fault *read_binding(const struct json *j, struct ear *e)
{
        const struct json *jwk = cnf_jwk(j);
        const char *alg = NULL;

        TRY(ear_refuse_as(field_text(j, "aud", VERIFIER_MAX, &e->audience), "ear.aud"));
        TRY(ear_refuse_as(field_bytes(j, "eat_nonce", EAR_NONCE_MAX, &e->nonce), "ear.nonce"));
        if (e->nonce.len < EAR_NONCE_MIN)
                return ear_refuse("ear.nonce", "a nonce of less than eight bytes");
        if (jwk == NULL)
                return ear_refuse("ear.cnf", "no \"cnf\" with a \"jwk\" and nothing else");
        TRY(jwk_read_public(jwk, &e->holder, &alg));
        return read_keys(j, e);
}

static struct fault *read_dates(const struct json *j, struct ear *e)
{
        TRY(ear_refuse_as(json_need_int(j, "iat", 1, UNIX_S_MAX, &e->issued_unix_s), "ear.iat"));
        TRY(ear_refuse_as(json_need_int(j, "exp", 1, UNIX_S_MAX, &e->expires_unix_s), "ear.exp"));
        if (e->expires_unix_s <= e->issued_unix_s)
                return ear_refuse("ear.exp", "it ended when it was issued");
        if (e->expires_unix_s - e->issued_unix_s > EAR_LIFE_MAX_S)
                return ear_refuse("ear.life", "it lives longer than an hour");
        return NULL;
}

static struct fault *check_profile(const struct json *j)
{
        struct span profile = SPAN_NONE;

        TRY(ear_refuse_as(json_need_text(j, "eat_profile", 256, &profile), "ear.profile"));
        if (!span_eq_str(profile, EAR_PROFILE))
                return ear_refuse("ear.profile", "a profile that is not known here");
        return NULL;
}

struct fault *ear_read_claims(const struct json *j, struct ear *e)
{
        const struct json *verifier = NULL, *credentials = json_get(j, EAR_CREDENTIALS);
        struct span developer = SPAN_NONE, build = SPAN_NONE;

        TRY(check_profile(j));
        TRY(ear_refuse_as(field_text(j, "iss", VERIFIER_MAX, &e->verifier), "ear.issuer"));
        TRY(ear_refuse_as(field_text(j, "jti", ID_MAX, &e->id), "ear.jti"));
        TRY(ear_refuse_as(json_need_object(j, "ear_verifier_id", &verifier), "ear.verifier_id"));
        TRY(ear_refuse_as(json_need_text(verifier, "developer", BUILD_MAX, &developer), "ear.verifier_id"));
        TRY(ear_refuse_as(json_need_text(verifier, "build", BUILD_MAX, &build), "ear.verifier_id"));
        if (span_has_nul(build) || build.len == 0)
                return ear_refuse("ear.verifier_id", "an empty build");
        e->build = span_to_string(build);
        TRY(read_dates(j, e));
        TRY(read_binding(j, e));
        if (credentials != NULL && json_kind(credentials) != JSON_ARRAY)
                return ear_refuse("ear.credentials", "credentials are no list");
        if (credentials != NULL)
                e->credentials = json_copy(credentials);
        return ear_read_result(j, &e->result, &e->policy);
}
