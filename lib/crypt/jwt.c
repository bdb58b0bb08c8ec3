#include "lib/crypt/jwt.h"

#include "lib/base/parse.h"
#include "lib/crypt/jwk.h"

#define TYP_MAX 64

/* The three parts of a compact JWS as they stand (RFC 7515 §3.1). */
struct parts {
        struct span header, payload, signature;
        struct span signed_part; /* header.payload */
};

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "token: %s", why);
}

static struct fault *split(struct span token, size_t max, struct parts *ret)
{
        size_t dots[2], count = 0;

        if (token.len > (max != 0 ? max : JWT_MAX))
                return refuse("jwt.structure", "too long");
        for (size_t i = 0; i < token.len; i++) {
                if (token.data[i] != '.')
                        continue;
                if (count == COUNT_OF(dots))
                        return refuse("jwt.structure", "more than three parts");
                dots[count++] = i;
        }
        if (count != COUNT_OF(dots))
                return refuse("jwt.structure", "not three parts");
        ret->header = span_slice(token, 0, dots[0]);
        ret->payload = span_slice(token, dots[0] + 1, dots[1] - dots[0] - 1);
        ret->signature = span_slice(token, dots[1] + 1, token.len - dots[1] - 1);
        ret->signed_part = span_slice(token, 0, dots[1]);
        return NULL;
}

static struct fault *parse_part(struct span part, const char *what, struct json **ret)
{
        AUTO(buf) struct buf text = BUF(part.len);
        AUTO(json) struct json *j = NULL;

        AUTO(fault) struct fault *f = base64url_decode(part, &text);
        if (f == NULL)
                f = json_parse(buf_span(&text), &j);
        if (f != NULL || json_kind(j) != JSON_OBJECT) /* the text of a parser could quote the token: it stays here */
                return fault(FAULT_UNAUTHENTICATED, "jwt.structure", "token: %s isn't a JSON object in base64url",
                             what);
        *ret = TAKE(j);
        return NULL;
}

struct header {
        const struct jws_alg *alg;
        struct span kid; /* SPAN_NONE: the header has none */
};

static bool is_in(const char *const *names, const char *name)
{
        for (; *names != NULL; names++)
                if (strcmp(*names, name) == 0)
                        return true;
        return false;
}

static struct fault *check_members(const struct json *header, const char *const *allowed)
{
        const char *name = NULL;
        const struct json *value = NULL;

        for (void *at = NULL; allowed != NULL && json_next(header, &at, &name, &value);)
                if (!is_in(allowed, name))
                        return fault(FAULT_UNAUTHENTICATED, "jwt.header", "token: header with \"%s\"", name);
        return NULL;
}

/* `j` outlives what is returned. */
static struct fault *read_header(const struct json *j, const struct jwt_rules *rules, struct header *ret)
{
        static const char *const refused[] = {"crit", "jwk", "jku", "x5u"};
        struct span alg, kid = SPAN_NONE, found = SPAN_NONE;

        for (size_t i = 0; i < COUNT_OF(refused); i++) {
                if (json_get(j, refused[i]) != NULL)
                        return fault(FAULT_UNAUTHENTICATED, "jwt.structure", "token: header with \"%s\"", refused[i]);
        }
        AUTO(fault) struct fault *f = json_need_text(j, "alg", 32, &alg);
        if (f == NULL)
                f = json_want_text(j, "kid", JWK_KID_MAX, &kid);
        if (f == NULL)
                f = json_want_text(j, "typ", TYP_MAX, &found);
        if (f != NULL)
                return refuse("jwt.structure", "header without an \"alg\", or with a member of a wrong type");
        ret->alg = jws_alg_find(alg);
        if (ret->alg == NULL)
                return refuse("jwt.algorithm", "not ES256, ES384, PS256 or RS256");
        if (rules->algs != NULL && !is_in(rules->algs, ret->alg->name))
                return fault(FAULT_UNAUTHENTICATED, "jwt.algorithm", "token: %s is not for this kind of token",
                             ret->alg->name);
        if (rules->typ != NULL && !span_eq_str(found, rules->typ))
                return fault(FAULT_UNAUTHENTICATED, "jwt.type", "token: \"typ\" isn't %s", rules->typ);
        if (rules->needs_kid && kid.len == 0)
                return refuse("jwt.key", "no \"kid\"");
        ret->kid = kid;
        return check_members(j, rules->header_only);
}

static struct fault *choose_key(const struct jwk_set *keys, const struct header *h, const struct key **ret)
{
        const struct jwk *jwk = jwk_set_choose(keys, h->kid);

        if (jwk == NULL)
                return refuse("jwt.key",
                              h->kid.data != NULL ? "no key with its \"kid\"" : "no \"kid\", and not just one key");
        if (key_kind(jwk->key) != h->alg->kind || (jwk->alg != NULL && jwk->alg != h->alg))
                return refuse("jwt.algorithm", "its \"alg\" isn't that of its key");
        *ret = jwk->key;
        return NULL;
}

static struct fault *check_signature(const struct key *key, const struct jws_alg *alg, const struct parts *p)
{
        AUTO(buf) struct buf signature = BUF(SIGNATURE_MAX);

        AUTO(fault) struct fault *f = base64url_decode(p->signature, &signature);
        if (f != NULL)
                return refuse("jwt.structure", "signature isn't base64url");
        f = key_verify(key, alg->hash, alg->form, p->signed_part, buf_span(&signature));
        return f != NULL ? refuse("jwt.signature", "signature doesn't fit") : NULL;
}

struct fault *jwt_verify_by(struct span token, const struct jwk_set *keys, const struct jwt_rules *rules,
                            struct json **ret_claims)
{
        AUTO(json) struct json *header = NULL;
        struct parts p;
        struct header h = {0};
        const struct key *key = NULL;

        TRY(split(token, rules->max, &p));
        TRY(parse_part(p.header, "header", &header));
        TRY(read_header(header, rules, &h));
        TRY(choose_key(keys, &h, &key));
        TRY(check_signature(key, h.alg, &p));
        return parse_part(p.payload, "claims", ret_claims);
}

struct fault *jwt_verify(struct span token, const struct jwk_set *keys, const char *typ, struct json **ret_claims)
{
        return jwt_verify_by(token, keys, &(struct jwt_rules){.typ = typ}, ret_claims);
}

struct fault *jwt_verify_with(struct span token, const struct key *key, const char *alg, const struct jwt_rules *rules,
                              struct json **ret_claims)
{
        AUTO(json) struct json *header = NULL;
        struct parts p;
        struct header h = {0};

        TRY(split(token, rules->max, &p));
        TRY(parse_part(p.header, "header", &header));
        TRY(read_header(header, rules, &h));
        if (strcmp(h.alg->name, alg) != 0 || key_kind(key) != h.alg->kind)
                return refuse("jwt.algorithm", "its \"alg\" isn't that of its key");
        TRY(check_signature(key, h.alg, &p));
        return parse_part(p.payload, "claims", ret_claims);
}

struct fault *jwt_verify_bytes(const struct key *key, const char *alg, struct span bytes, struct span signature)
{
        const struct jws_alg *a = jws_alg_find(span_str(alg));

        if (a == NULL || key_kind(key) != a->kind)
                return refuse("jwt.algorithm", "its \"alg\" isn't that of its key");
        AUTO(fault) struct fault *f = key_verify(key, a->hash, a->form, bytes, signature);
        return f == NULL ? NULL : refuse("jwt.signature", "signature doesn't fit");
}

struct fault *jwt_peek(struct span token, size_t max, struct json **ret_claims)
{
        struct parts p;

        TRY(split(token, max, &p));
        return parse_part(p.payload, "claims", ret_claims);
}
