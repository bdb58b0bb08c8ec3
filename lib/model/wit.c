#include "lib/model/wit.h"

#include "lib/model/cnf.h"
#include "lib/model/fields.h"
#include "lib/model/spiffe_id.h"

#define ID_MAX 128

static const char *const registered[] = {"sub", "iss", "iat", "nbf", "exp", "jti", "cnf"};

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "workload identity token: %s", why);
}

/* ---- names of claims ----------------------------------------------------------------------------------------------- */

static bool is_letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "corp.example": two labels or more of letters, digits and inner hyphens. */
static bool is_host(const char *name, size_t len)
{
        bool dotted = false;

        for (size_t i = 0; i < len; i++) {
                bool at_edge = i == 0 || i + 1 == len || name[i - 1] == '.' || name[i + 1] == '.';
                if (is_letter_or_digit(name[i]) || (name[i] == '-' && !at_edge))
                        continue;
                if (name[i] != '.' || at_edge)
                        return false;
                dotted = true;
        }
        return dotted;
}

bool wit_claim_is_collision_resistant(const char *name)
{
        static const char *const schemes[] = {"https://", "http://", "urn:", "tag:"};

        for (size_t i = 0; i < COUNT_OF(schemes); i++)
                if (strncmp(name, schemes[i], strlen(schemes[i])) == 0)
                        return name[strlen(schemes[i])] != '\0';
        const char *slash = strchr(name, '/');
        return slash != NULL && slash[1] != '\0' && is_host(name, (size_t) (slash - name));
}

struct json *wit_claims_of(const struct json *policy_claims, const char *domain)
{
        struct json *named = json_new_object();
        const char *name = NULL;
        const struct json *value = NULL;

        for (void *at = NULL; json_next(policy_claims, &at, &name, &value);) {
                AUTO_STRING char *full = alloc_printf("%s/%s", domain, name);
                json_set(named, full, json_copy(value));
        }
        return named;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static bool is_registered(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(registered); i++)
                if (strcmp(registered[i], name) == 0)
                        return true;
        return false;
}

static struct fault *read_text(const struct json *j, const char *member, size_t max, const char *token, char **ret)
{
        return fault_rename(field_text(j, member, max, ret), FAULT_UNAUTHENTICATED, token);
}

static struct fault *read_time(const struct json *j, const char *member, const char *token, int64_t *ret)
{
        return fault_rename(json_need_int(j, member, 1, UNIX_S_MAX, ret), FAULT_UNAUTHENTICATED, token);
}

static struct fault *read_times(const struct json *j, struct wit *w)
{
        TRY(read_time(j, "iat", "wit.iat", &w->issued_unix_s));
        if (json_get(j, "nbf") != NULL)
                TRY(read_time(j, "nbf", "wit.nbf", &w->not_before_unix_s));
        TRY(read_time(j, "exp", "wit.exp", &w->expires_unix_s));
        if (w->not_before_unix_s > w->expires_unix_s)
                return refuse("wit.nbf", "it begins after its end");
        if (w->expires_unix_s <= w->issued_unix_s)
                return refuse("wit.exp", "it ended when it was issued");
        if (w->expires_unix_s - w->issued_unix_s > WIT_LIFE_MAX_S)
                return refuse("wit.life", "it lives longer than a day");
        return NULL;
}

static struct fault *read_cnf(const struct json *j, struct wit *w)
{
        const struct json *jwk = cnf_jwk(j);

        if (jwk == NULL)
                return refuse("wit.cnf", "no \"cnf\" with a \"jwk\" and nothing else: a bearer token is not taken");
        return jwk_read_public(jwk, &w->key, &w->key_alg);
}

static struct fault *read_claims(const struct json *j, struct wit *w)
{
        const char *name = NULL;
        const struct json *value = NULL;

        for (void *at = NULL; json_next(j, &at, &name, &value);) {
                if (is_registered(name))
                        continue;
                if (!wit_claim_is_collision_resistant(name))
                        return fault(FAULT_UNAUTHENTICATED, "wit.claim",
                                     "workload identity token: claim \"%s\" has a name that others could use", name);
                if (w->claims == NULL)
                        w->claims = json_new_object();
                json_set(w->claims, name, json_copy(value));
        }
        if (json_count(w->claims) > WIT_CLAIMS_MAX)
                return refuse("wit.claim_count", "too many claims");
        return NULL;
}

/* Everything but the signature and "now". */
static struct fault *read_token(const struct json *j, struct wit *w)
{
        if (json_get(j, "aud") != NULL)
                return refuse("wit.aud", "it has an \"aud\"");
        TRY(read_text(j, "sub", SPIFFE_ID_MAX, "wit.sub", &w->subject));
        TRY(fault_rename(spiffe_id_check(span_str(w->subject)), FAULT_UNAUTHENTICATED, "wit.sub"));
        TRY(read_text(j, "iss", SPIFFE_ID_MAX, "wit.iss", &w->issuer));
        TRY(read_text(j, "jti", ID_MAX, "wit.jti", &w->id));
        TRY(read_times(j, w));
        TRY(read_cnf(j, w));
        return read_claims(j, w);
}

static struct fault *check_now(const struct wit *w, const struct wit_rules *rules)
{
        int64_t now = wall_unix_s(rules->now);

        if (!spiffe_id_is_in(span_str(w->subject), span_str(rules->trust_domain)))
                return refuse("wit.trust_domain", "its subject is not of the trust domain that signed it");
        if (now >= w->expires_unix_s + rules->leeway_s)
                return refuse("wit.expired", "it has expired");
        if (w->issued_unix_s > now + rules->leeway_s || w->not_before_unix_s > now + rules->leeway_s)
                return refuse("wit.not_yet_valid", "it is not valid yet");
        return NULL;
}

struct fault *wit_verify(struct span token, const struct jwk_set *keys, const struct wit_rules *rules, struct wit *ret)
{
        static const char *const header[] = {"alg", "kid", "typ", NULL}, *const algs[] = {"ES256", NULL};
        static const struct jwt_rules shape = {WIT_TYPE, header, algs, true, WIT_MAX};
        AUTO(json) struct json *j = NULL;
        AUTO(wit) struct wit w = {0};

        TRY(jwt_verify_by(token, keys, &shape, &j));
        TRY(read_token(j, &w));
        TRY(check_now(&w, rules));
        *ret = w;
        w = (struct wit){0};
        return NULL;
}

struct fault *wit_peek(struct span token, struct wit *ret)
{
        AUTO(json) struct json *j = NULL;
        AUTO(wit) struct wit w = {0};

        TRY(jwt_peek(token, WIT_MAX, &j));
        TRY(read_token(j, &w));
        *ret = w;
        w = (struct wit){0};
        return NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static struct json *to_json(const struct wit *w)
{
        struct json *j = w->claims != NULL ? json_copy(w->claims) : json_new_object();

        json_set(j, "cnf", cnf_of(w->key));
        json_set_text(j, "sub", w->subject);
        json_set_text(j, "iss", w->issuer);
        json_set_text(j, "jti", w->id);
        json_set_int(j, "iat", w->issued_unix_s);
        if (w->not_before_unix_s != 0)
                json_set_int(j, "nbf", w->not_before_unix_s);
        json_set_int(j, "exp", w->expires_unix_s);
        return j;
}

struct fault *wit_build(const struct wit *w, const struct jwt_signer *signer, struct buf *out)
{
        AUTO(json) struct json *j = to_json(w);
        AUTO(wit) struct wit again = {0};

        if (strcmp(signer->alg, "ES256") != 0)
                return fault(FAULT_UNAUTHENTICATED, "jwt.algorithm", "workload identity tokens are signed by ES256");
        if (signer->kid == NULL || signer->kid[0] == '\0')
                return fault(FAULT_UNAUTHENTICATED, "jwt.key", "workload identity tokens name their key");
        TRY(read_token(j, &again));
        return jwt_sign_by(signer, WIT_TYPE, j, WIT_MAX, out);
}

void wit_clear(struct wit *w)
{
        free(w->id);
        free(w->issuer);
        free(w->subject);
        key_free(w->key);
        json_free(w->claims);
        *w = (struct wit){0};
}
