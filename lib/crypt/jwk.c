/* JWK sets (RFC 7517) and the algorithms of JWS. */
#include "lib/crypt/jwk.h"

#include <assert.h>

#define RSA_NUMBER_MAX 512
#define EC_NUMBER_MAX  48
#define EXPONENT_MAX   8

static const struct jws_alg algs[] = {
        {"ES256", KEY_P256, HASH_SHA256, SIGNATURE_RAW},
        {"ES384", KEY_P384, HASH_SHA384, SIGNATURE_RAW},
        {"PS256", KEY_RSA, HASH_SHA256, SIGNATURE_RSAPSS},
        {"RS256", KEY_RSA, HASH_SHA256, SIGNATURE_RSASSA},
};

const struct jws_alg *jws_alg_find(struct span name)
{
        for (size_t i = 0; i < COUNT_OF(algs); i++) {
                if (span_eq_str(name, algs[i].name))
                        return &algs[i];
        }
        return NULL;
}

const struct jws_alg *jws_alg_of(const struct key *k)
{
        size_t i = 0;

        while (algs[i].kind != key_kind(k))
                i++;
        return &algs[i];
}

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "BAD_JWK", "JWK set: %s", what);
}

static struct fault *read_ec(const struct json *j, struct key **ret)
{
        AUTO(buf) struct buf x = BUF(EC_NUMBER_MAX), y = BUF(EC_NUMBER_MAX);
        struct span crv;

        TRY(json_need_text(j, "crv", 32, &crv));
        bool is_p256 = span_eq_str(crv, "P-256");
        if (!is_p256 && !span_eq_str(crv, "P-384"))
                return NULL; /* a curve that we don't take */
        TRY(json_need_base64url(j, "x", &x));
        TRY(json_need_base64url(j, "y", &y));
        size_t width = is_p256 ? 32 : 48;
        if (x.len != width || y.len != width) /* RFC 7518 §6.2.1.2 */
                return bad("EC coordinate of a wrong length");
        return key_from_ec_point(is_p256 ? KEY_P256 : KEY_P384, buf_span(&x), buf_span(&y), ret);
}

static struct fault *read_rsa(const struct json *j, struct key **ret)
{
        AUTO(buf) struct buf n = BUF(RSA_NUMBER_MAX), e = BUF(EXPONENT_MAX);

        TRY(json_need_base64url(j, "n", &n));
        TRY(json_need_base64url(j, "e", &e));
        AUTO(fault) struct fault *f = key_from_rsa(buf_span(&n), buf_span(&e), ret);
        if (f != NULL && strcmp(fault_token(f), "KEY_KIND") == 0)
                return NULL; /* a size or exponent that we don't take (RFC 7517 §5: ignored) */
        return TAKE(f);
}

struct fault *jwk_read_numbers(const struct json *j, struct key **ret)
{
        struct span kty;

        TRY(json_need_text(j, "kty", 32, &kty));
        if (span_eq_str(kty, "EC"))
                return read_ec(j, ret);
        return span_eq_str(kty, "RSA") ? read_rsa(j, ret) : NULL;
}

static struct fault *read_key(const struct json *j, const char *only_use, struct jwk *jwk)
{
        struct span use = SPAN_NONE, alg = SPAN_NONE, kid = SPAN_NONE;

        TRY(json_want_text(j, "use", 64, &use));
        TRY(json_want_text(j, "alg", 32, &alg));
        TRY(json_want_text(j, "kid", JWK_KID_MAX, &kid));
        /* a bundle's X.509 roots and keys for encryption sign no tokens */
        if (span_eq_str(use, "enc") || span_eq_str(use, "x509-svid"))
                return NULL;
        if (only_use != NULL && !span_eq_str(use, only_use))
                return NULL;
        jwk->alg = jws_alg_find(alg);
        if (alg.data != NULL && jwk->alg == NULL)
                return NULL; /* for an algorithm that we don't take */
        TRY(jwk_read_numbers(j, &jwk->key));
        if (jwk->key != NULL && jwk->alg != NULL && jwk->alg->kind != key_kind(jwk->key))
                return bad("\"alg\" of another kind of key");
        if (jwk->key != NULL && kid.data != NULL)
                jwk->kid = kid.len > 0 ? span_to_string(kid) : alloc_string("");
        return NULL;
}

static void clear_key(struct jwk *jwk)
{
        key_free(jwk->key);
        free(jwk->kid);
        *jwk = (struct jwk){0};
}

static struct fault *add_key(struct jwk_set *s, const struct json *j, const char *only_use)
{
        struct jwk *jwk = &s->keys[s->count];

        TRY(read_key(j, only_use, jwk));
        if (jwk->key == NULL) {
                clear_key(jwk);
                return NULL;
        }
        s->count++; /* owned by the set from here on */
        if (jwk->kid == NULL)
                return NULL;
        for (size_t i = 0; i + 1 < s->count; i++) {
                if (s->keys[i].kid != NULL && strcmp(s->keys[i].kid, jwk->kid) == 0)
                        return bad("a \"kid\" twice");
        }
        return NULL;
}

static struct fault *read_set(struct jwk_set *s, struct span text, const char *only_use)
{
        AUTO(json) struct json *j = NULL;
        const struct json *keys = NULL;

        TRY(json_parse(text, &j));
        TRY(json_need_array(j, "keys", JWK_SET_MAX, &keys));
        for (size_t i = 0; i < json_count(keys); i++)
                TRY_AS(add_key(s, json_at(keys, i), only_use), "key %zu", i);
        return NULL;
}

struct fault *jwk_set_parse_use(struct span json, const char *use, struct jwk_set **ret)
{
        AUTO(jwk_set) struct jwk_set *s = NEW(struct jwk_set);

        TRY(fault_rename(fault_prefix(read_set(s, json, use), "JWK set"), FAULT_INVALID, "BAD_JWK"));
        *ret = TAKE(s);
        return NULL;
}

struct fault *jwk_set_parse(struct span json, struct jwk_set **ret)
{
        return jwk_set_parse_use(json, NULL, ret);
}

size_t jwk_set_count(const struct jwk_set *s)
{
        return s->count;
}

const struct key *jwk_set_key(const struct jwk_set *s, size_t index)
{
        return index < s->count ? s->keys[index].key : NULL;
}

const struct jwk *jwk_set_choose(const struct jwk_set *s, struct span kid)
{
        if (kid.data == NULL)
                return s->count == 1 ? &s->keys[0] : NULL;
        for (size_t i = 0; i < s->count; i++) {
                if (s->keys[i].kid != NULL && span_eq_str(kid, s->keys[i].kid))
                        return &s->keys[i];
        }
        return NULL;
}

const struct key *jwk_set_find(const struct jwk_set *s, struct span kid)
{
        const struct jwk *jwk = kid.data != NULL ? jwk_set_choose(s, kid) : NULL;

        return jwk != NULL ? jwk->key : NULL;
}

void jwk_set_free(struct jwk_set *s)
{
        if (s == NULL)
                return;
        for (size_t i = 0; i < COUNT_OF(s->keys); i++)
                clear_key(&s->keys[i]); /* one that failed half-way is beyond count */
        free(s);
}

static struct fault *write_numbers(const struct key *k, struct json *j)
{
        AUTO(buf) struct buf a = BUF(RSA_NUMBER_MAX), b = BUF(EC_NUMBER_MAX);

        if (key_kind(k) == KEY_RSA) {
                TRY(key_rsa_modulus(k, &a));
                json_set_text(j, "kty", "RSA");
                json_set_base64url(j, "n", buf_span(&a));
                json_set_text(j, "e", "AQAB");
                return NULL;
        }
        TRY(key_ec_point(k, &a, &b));
        json_set_text(j, "kty", "EC");
        json_set_text(j, "crv", key_kind(k) == KEY_P256 ? "P-256" : "P-384");
        json_set_base64url(j, "x", buf_span(&a));
        json_set_base64url(j, "y", buf_span(&b));
        return NULL;
}

struct json *jwk_from_key(const struct key *k)
{
        struct json *j = json_new_object();

        AUTO(fault) struct fault *f = write_numbers(k, j);
        assert(f == NULL); /* every key has its numbers, and they fit */
        return j;
}
