/* A single JWK: the public one of a `cnf`, and a private one for a file. */
#include <assert.h>

#include "lib/base/parse.h"
#include "lib/crypt/jwk.h"
#include "lib/crypt/key_struct.h"

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "JWK: %s", why);
}

struct fault *jwk_read_public(const struct json *jwk, struct key **ret, const char **ret_alg)
{
        /* RFC 7518 §6.2.2, §6.3.2, §6.4.1: what only the key's owner may know */
        static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
        AUTO(key) struct key *k = NULL;
        struct span name = SPAN_NONE;

        if (json_kind(jwk) != JSON_OBJECT)
                return refuse("jwk.key", "not an object");
        for (size_t i = 0; i < COUNT_OF(private_members); i++)
                if (json_get(jwk, private_members[i]) != NULL)
                        return refuse("jwk.private", "a private or symmetric key");
        AUTO(fault) struct fault *f = json_need_text(jwk, "alg", 32, &name);
        const struct jws_alg *alg = f == NULL ? jws_alg_find(name) : NULL;
        if (alg == NULL)
                return refuse("jwk.alg", "no \"alg\" that is taken here");

        AUTO(fault) struct fault *bad = jwk_read_numbers(jwk, &k);
        if (bad != NULL || k == NULL)
                return refuse("jwk.key", bad != NULL ? fault_text(bad) : "of a type, curve or size that is not taken");
        if (key_kind(k) != alg->kind)
                return refuse("jwk.alg", "\"alg\" of another kind of key");
        *ret = TAKE(k);
        *ret_alg = alg->name;
        return NULL;
}

/* {"alg":…,"crv":…,"d":…,"kty":"EC","x":…,"y":…}: put together in locked pages; numbers pass through wiped buffers. */
static struct fault *write_members(const struct key *k, struct buf *out)
{
        uint8_t number[FIELD_MAX];
        size_t width = key_field_len(key_kind(k));
        struct span point = key_bits(k);

        key_private_number(k, number);
        TRY(buf_printf(out, "{\"alg\":\"%s\",\"crv\":\"%s\",\"d\":\"", jwt_alg_of(k),
                       key_kind(k) == KEY_P256 ? "P-256" : "P-384"));
        struct fault *f = base64url_encode(span_make(number, width), out);
        wipe(number, sizeof number);
        TRY(f);
        TRY(buf_append_str(out, "\",\"kty\":\"EC\",\"x\":\""));
        TRY(base64url_encode(span_slice(point, 1, width), out));
        TRY(buf_append_str(out, "\",\"y\":\""));
        TRY(base64url_encode(span_slice(point, 1 + width, width), out));
        return buf_append_str(out, "\"}\n");
}

struct fault *jwk_write_private(const struct key *k, struct secret **ret)
{
        struct buf text = BUF(512);

        if (!key_is_private(k) || key_kind(k) == KEY_RSA)
                return fault(FAULT_INVALID, "KEY_KIND", "only private EC keys are written as JWK");
        buf_expect(&text, text.limit); /* or growing would leave pieces behind */
        struct fault *f = write_members(k, &text);
        if (f == NULL)
                *ret = secret_copy(buf_span(&text));
        buf_wipe(&text);
        return f;
}

struct fault *jwk_thumbprint(const struct key *k, struct buf *out)
{
        AUTO(json) struct json *j = jwk_from_key(k); /* exactly the members that RFC 7638 §3.2 names */
        AUTO(buf) struct buf text = BUF(1024);
        uint8_t digest[SHA256_LEN];

        TRY(json_write(j, &text));
        sha256(buf_span(&text), digest);
        return base64url_encode(SPAN_OF(digest), out);
}

struct json *jwk_published(const struct key *k, const char *kid, const char *use)
{
        struct json *j = jwk_from_key(k);

        json_set_text(j, "alg", jwt_alg_of(k));
        json_set_text(j, "kid", kid);
        json_set_text(j, "use", use);
        return j;
}
