#include "issuer/authority/token.h"

#include "lib/base/parse.h"
#include "lib/model/wit.h"

static struct fault *refuse(const char *why)
{
        return fault(FAULT_DENIED, "authority.claims", "claims of a token: %s", why);
}

static bool is_scalar(const struct json *j)
{
        return json_kind(j) == JSON_TEXT || json_kind(j) == JSON_INT || json_kind(j) == JSON_BOOL;
}

static bool is_flat(const struct json *value)
{
        if (json_kind(value) != JSON_ARRAY)
                return is_scalar(value);
        for (size_t i = 0; i < json_count(value); i++)
                if (!is_scalar(json_at(value, i)))
                        return false;
        return true;
}

static struct fault *read_claims(const struct leaf_order *o, const char *trust_domain, struct json **ret)
{
        AUTO(json) struct json *claims = NULL;
        const char *name = NULL;
        const struct json *value = NULL;
        if (o->claims.len > TOKEN_CLAIMS_MAX)
                return refuse("they are too long");
        TRY(fault_rename(json_parse(o->claims.len > 0 ? o->claims : SPAN("{}"), &claims), FAULT_DENIED,
                         "authority.claims"));
        if (json_kind(claims) != JSON_OBJECT)
                return refuse("they are no object");
        for (void *at = NULL; json_next(claims, &at, &name, &value);)
                if (!is_flat(value))
                        return fault(FAULT_DENIED, "authority.claims", "claim \"%s\" of a token is nested", name);
        *ret = wit_claims_of(claims, trust_domain);
        if (o->insecure_development)
                json_set_bool(*ret, WIT_CLAIM_DEVELOPMENT, true);
        return NULL;
}

struct fault *token_build(const struct leaf_order *o, const char *trust_domain, const struct token_key *key,
                          struct wall now, struct buf *ret)
{
        char id[2 * sizeof o->serial + 1];
        AUTO_STRING char *issuer = alloc_printf("spiffe://%s", trust_domain);
        AUTO(json) struct json *claims = NULL;
        AUTO(key) struct key *holder = NULL;
        hex_string(SPAN_OF(o->serial), id);
        TRY(read_claims(o, trust_domain, &claims));
        TRY(key_from_spki(o->spki, &holder));

        /* only lent */
        const struct wit w = {
                .id = id,
                .issuer = issuer,
                .subject = (char *) o->identity,
                .issued_unix_s = wall_unix_s(now),
                .expires_unix_s = o->not_after_unix_s,
                .not_before_unix_s = o->not_before_unix_s,
                .key = holder,
                .claims = claims,
        };
        const struct jwt_signer signer = jwt_signer_of(key->key, key->id);
        *ret = BUF(WIT_MAX);
        return fault_rename(fault_recode(wit_build(&w, &signer, ret), FAULT_DENIED), FAULT_DENIED, "authority.claims");
}
