#include "lib/model/bundle.h"

#include <assert.h>

#include "lib/base/parse.h"
#include "lib/model/fields.h"

#define USE_X509          "x509-svid"
#define USE_WIT           "wit-svid"
#define KEYS_MAX          64 /* of one document, those of uses that we ignore as well */
#define KID_MAX           128
#define SET_TEXT_MAX      ((size_t) 64 * 1024)
#define REFRESH_DEFAULT_S 300    /* SPIFFE Trust Domain and Bundle, section 4.1.2 leaves it to us */
#define REFRESH_MAX_S     604800 /* a week */

/* ---- writing ----------------------------------------------------------------------------------------------------- */
static struct fault *root_to_json(const struct buf *der, struct json **ret)
{
        AUTO(cert) struct cert *c = NULL;
        TRY(cert_from_der(buf_span(der), &c));
        if (cert_key(c) == NULL)
                return fault(FAULT_INVALID, "BAD_BUNDLE", "root %s has a key of a kind that is not taken",
                             cert_subject(c));

        AUTO(buf) struct buf text = BUF(2 * CERT_MAX);
        TRY(base64_encode(buf_span(der), &text)); /* x5c is base64 with padding, not base64url: RFC 7517, section 4.7 */
        AUTO(json) struct json *jwk = jwk_from_key(cert_key(c));
        json_set_text(jwk, "use", USE_X509);
        struct json *x5c = json_new_array();
        json_push(x5c, json_new_text(buf_span(&text)));
        json_set(jwk, "x5c", x5c);
        *ret = TAKE(jwk);
        return NULL;
}

struct fault *bundle_write(const struct bundle *b, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "spiffe_sequence", (int64_t) b->sequence);
        json_set_int(j, "spiffe_refresh_hint", b->refresh_hint_s);
        struct json *keys = json_new_array();
        json_set(j, "keys", keys);
        for (size_t i = 0; i < b->root_count; i++) {
                struct json *root = NULL;
                TRY_AS(root_to_json(&b->roots[i], &root), "root %zu", i);
                json_push(keys, root);
        }
        for (size_t i = 0; b->token_keys != NULL && i < json_count(b->token_keys); i++) {
                struct json *key = json_copy(json_at(b->token_keys, i));
                json_set_text(key, "use", USE_WIT);
                json_push(keys, key);
        }
        return json_write(j, out);
}

struct fault *bundle_roots_pem(const struct bundle *b, struct buf *out)
{
        for (size_t i = 0; i < b->root_count; i++) {
                AUTO(cert) struct cert *c = NULL;
                TRY_AS(cert_from_der(buf_span(&b->roots[i]), &c), "root %zu", i);
                TRY(cert_to_pem(c, out));
        }
        return NULL;
}

/* ---- for whoever verifies by it ----------------------------------------------------------------------------------- */
struct fault *bundle_token_key_set(const struct bundle *b, struct jwk_set **ret)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(SET_TEXT_MAX);
        json_set(set, "keys", b->token_keys != NULL ? json_copy(b->token_keys) : json_new_array());
        TRY(json_write(set, &text));
        return fault_prefix(jwk_set_parse_use(buf_span(&text), USE_WIT, ret), "token keys of the bundle");
}

struct fault *bundle_trust_domain(const struct bundle *b, char ret[TRUST_DOMAIN_MAX + 1])
{
        static const char scheme[] = "spiffe://";
        AUTO(cert) struct cert *root = NULL;
        if (b->root_count == 0)
                return fault(FAULT_INVALID, "BAD_BUNDLE", "it has no root");
        TRY_AS(cert_from_der(buf_span(&b->roots[0]), &root), "root 0");
        const char *uri = cert_uri_count(root) == 1 ? cert_uri(root, 0) : "";
        bool is_id = strncmp(uri, scheme, sizeof scheme - 1) == 0;
        size_t len = is_id ? strcspn(uri + sizeof scheme - 1, "/") : 0;
        if (len == 0 || len > TRUST_DOMAIN_MAX)
                return fault(FAULT_INVALID, "BAD_BUNDLE", "its first root does not say of which trust domain it is");
        memcpy(ret, uri + sizeof scheme - 1, len);
        ret[len] = '\0';
        return NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */
static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "BAD_BUNDLE", "%s", what);
}

/* The members beside x5c must tell the same key: one reader takes the certificate, another one the members. */
static struct fault *compare_key(const struct json *jwk, const struct key *k)
{
        static const char *const names[] = {"kty", "crv", "x", "y", "n", "e"};
        AUTO(json) struct json *wanted = jwk_from_key(k);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                const struct json *a = json_get(jwk, names[i]), *b = json_get(wanted, names[i]);
                bool same = a == NULL || b == NULL ? a == b
                                                   : json_kind(a) == JSON_TEXT && span_eq(json_text(a), json_text(b));
                if (!same)
                        return bad("a root's key is not the one of its certificate");
        }
        return NULL;
}

static struct fault *read_root(const struct json *jwk, struct bundle *b)
{
        const struct json *x5c = NULL;
        TRY(json_need_array(jwk, "x5c", 1, &x5c));
        if (json_count(x5c) != 1 || json_kind(json_at(x5c, 0)) != JSON_TEXT)
                return bad("a root has no certificate");
        if (b->root_count == BUNDLE_ROOTS_MAX)
                return bad("too many roots");

        struct buf *der = &b->roots[b->root_count++];
        *der = BUF(CERT_MAX);
        TRY(base64_decode(json_text(json_at(x5c, 0)), der));
        AUTO(cert) struct cert *c = NULL;
        TRY(cert_from_der(buf_span(der), &c));
        if (!cert_is_ca(c))
                return bad("a root is no CA certificate");
        if (cert_key(c) == NULL)
                return bad("a root has a key of a kind that is not taken");
        return compare_key(jwk, cert_key(c));
}

static struct fault *read_token_key(const struct json *jwk, struct bundle *b)
{
        struct span kid = SPAN_NONE, other = SPAN_NONE, kty = SPAN_NONE;
        TRY(json_need_text(jwk, "kty", KID_MAX, &kty));
        TRY(json_need_text(jwk, "kid", KID_MAX, &kid));
        if (kid.len == 0)
                return bad("a token key has an empty kid");
        if (json_get(jwk, "d") != NULL || json_get(jwk, "k") != NULL)
                return bad("a token key is private");
        for (size_t i = 0; i < json_count(b->token_keys); i++) {
                TRY(json_need_text(json_at(b->token_keys, i), "kid", KID_MAX, &other));
                if (span_eq(kid, other))
                        return bad("two token keys have the same kid");
        }
        json_push(b->token_keys, json_copy(jwk));
        return NULL;
}

static struct fault *read_bundle(struct span text, struct bundle *b)
{
        AUTO(json) struct json *j = NULL;
        const struct json *keys = NULL;
        int64_t sequence = 0;
        TRY(json_parse(text, &j));
        TRY(json_need_int(j, "spiffe_sequence", 0, INT64_MAX, &sequence));
        b->sequence = (uint64_t) sequence;
        b->refresh_hint_s = REFRESH_DEFAULT_S;
        TRY(json_want_int(j, "spiffe_refresh_hint", 1, REFRESH_MAX_S, &b->refresh_hint_s));

        TRY(json_need_array(j, "keys", KEYS_MAX, &keys));
        b->token_keys = json_new_array();
        for (size_t i = 0; i < json_count(keys); i++) {
                struct span use = SPAN_NONE;
                TRY_AS(json_need_text(json_at(keys, i), "use", KID_MAX, &use), "keys[%zu]", i);
                if (span_eq_str(use, USE_X509))
                        TRY_AS(read_root(json_at(keys, i), b), "keys[%zu]", i);
                else if (span_eq_str(use, USE_WIT))
                        TRY_AS(read_token_key(json_at(keys, i), b), "keys[%zu]", i);
                /* any other use is for somebody else: section 4.2.2 says to ignore it */
        }
        return b->root_count > 0 ? NULL : bad("it has no root");
}

struct fault *bundle_read(struct span text, struct bundle *ret)
{
        AUTO(bundle) struct bundle b = {0};
        TRY(fault_rename(fault_prefix(read_bundle(text, &b), "trust bundle"), FAULT_INVALID, "BAD_BUNDLE"));
        *ret = b;
        b = (struct bundle){0};
        return NULL;
}

void bundle_clear(struct bundle *b)
{
        for (size_t i = 0; i < b->root_count; i++)
                buf_clear(&b->roots[i]);
        json_free(b->token_keys);
        *b = (struct bundle){0};
}
