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

static struct fault *split(struct span token, struct parts *ret)
{
        size_t dots[2], count = 0;

        if (token.len > JWT_MAX)
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
        AUTO(buf) struct buf text = BUF(JWT_MAX);
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

/* `j` outlives what is returned. */
static struct fault *read_header(const struct json *j, const char *typ, struct header *ret)
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
        if (typ != NULL && !span_eq_str(found, typ))
                return fault(FAULT_UNAUTHENTICATED, "jwt.type", "token: \"typ\" isn't %s", typ);
        ret->kid = kid;
        return NULL;
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

struct fault *jwt_verify(struct span token, const struct jwk_set *keys, const char *typ, struct json **ret_claims)
{
        AUTO(json) struct json *header = NULL;
        struct parts p;
        struct header h = {0};
        const struct key *key = NULL;

        TRY(split(token, &p));
        TRY(parse_part(p.header, "header", &header));
        TRY(read_header(header, typ, &h));
        TRY(choose_key(keys, &h, &key));
        TRY(check_signature(key, h.alg, &p));
        return parse_part(p.payload, "claims", ret_claims);
}

static struct fault *append_json(const struct json *j, struct buf *out)
{
        AUTO(buf) struct buf text = BUF(JWT_MAX);

        TRY(json_write(j, &text));
        return base64url_encode(buf_span(&text), out);
}

struct fault *jwt_sign(const struct key *k, const char *typ, const char *kid, const struct json *claims,
                       struct buf *out)
{
        const struct jws_alg *alg = jws_alg_of(k);
        AUTO(json) struct json *header = json_new_object();
        AUTO(buf) struct buf token = BUF(JWT_MAX), signature = BUF(SIGNATURE_MAX);

        json_set_text(header, "alg", alg->name);
        if (kid != NULL)
                json_set_text(header, "kid", kid);
        if (typ != NULL)
                json_set_text(header, "typ", typ);
        TRY(append_json(header, &token));
        TRY(buf_append_byte(&token, '.'));
        TRY(append_json(claims, &token));
        TRY(key_sign(k, alg->hash, alg->form, buf_span(&token), &signature));
        TRY(buf_append_byte(&token, '.'));
        TRY(base64url_encode(buf_span(&signature), &token));
        return buf_append(out, buf_span(&token));
}
