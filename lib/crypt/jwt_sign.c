/* Compact JWS made: header and claims here, the signature by whoever holds the key. */
#include "lib/crypt/jwk.h"

#include "lib/base/parse.h"

static struct fault *append_json(const struct json *j, struct buf *out)
{
        AUTO(buf) struct buf text = BUF(out->limit);

        TRY(json_write(j, &text));
        return base64url_encode(buf_span(&text), out);
}

struct fault *jwt_sign_by(const struct jwt_signer *s, const char *typ, const struct json *claims, size_t max,
                          struct buf *out)
{
        AUTO(json) struct json *header = json_new_object();
        AUTO(buf) struct buf token = BUF(max != 0 ? max : JWT_MAX), signature = BUF(SIGNATURE_MAX);

        json_set_text(header, "alg", s->alg);
        if (s->kid != NULL)
                json_set_text(header, "kid", s->kid);
        if (typ != NULL)
                json_set_text(header, "typ", typ);
        TRY(append_json(header, &token));
        TRY(buf_append_byte(&token, '.'));
        TRY(append_json(claims, &token));
        TRY(s->sign(s->self, buf_span(&token), &signature));
        TRY(buf_append_byte(&token, '.'));
        TRY(base64url_encode(buf_span(&signature), &token));
        return buf_append(out, buf_span(&token));
}

static struct fault *sign_with_key(const void *self, struct span signed_part, struct buf *ret_signature)
{
        const struct key *k = self;
        const struct jws_alg *alg = jws_alg_of(k);

        return key_sign(k, alg->hash, alg->form, signed_part, ret_signature);
}

struct jwt_signer jwt_signer_of(const struct key *k, const char *kid)
{
        return (struct jwt_signer){jws_alg_of(k)->name, kid, sign_with_key, k};
}

struct fault *jwt_sign(const struct key *k, const char *typ, const char *kid, const struct json *claims,
                       struct buf *out)
{
        struct jwt_signer s = jwt_signer_of(k, kid);

        return jwt_sign_by(&s, typ, claims, JWT_MAX, out);
}

const char *jwt_alg_of(const struct key *k)
{
        return jws_alg_of(k)->name;
}
