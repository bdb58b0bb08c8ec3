/* Sealed keys opened: what can be told from the text is refused before any key is used. */
#include "lib/crypt/jwe_parts.h"

#include "lib/base/parse.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/jwk.h"

#define TEXT_MAX 256 /* of a header's kid, cty, typ */

enum { HEADER, WRAPPED, NONCE, CIPHER, TAG, PART_COUNT };

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "sealed key: %s", why);
}

static struct fault *split(struct span token, struct span ret[PART_COUNT])
{
        size_t count = 0, from = 0;

        if (token.len > JWE_MAX)
                return refuse("jwe.too_large", "too long");
        for (size_t i = 0; i <= token.len; i++) {
                if (i < token.len && token.data[i] != '.')
                        continue;
                if (count == PART_COUNT)
                        return refuse("jwe.structure", "more than five parts");
                ret[count++] = span_slice(token, from, i - from);
                from = i + 1;
        }
        return count == PART_COUNT ? NULL : refuse("jwe.structure", "not five parts");
}

static struct fault *decode(struct span part, struct buf *out)
{
        AUTO(fault) struct fault *f = base64url_decode(part, out);
        return f == NULL ? NULL : refuse("jwe.structure", "a part isn't base64url");
}

/* Exactly so many bytes. */
static struct fault *decode_fixed(struct span part, uint8_t *ret, size_t len)
{
        AUTO(buf) struct buf bytes = BUF(part.len);

        TRY(decode(part, &bytes));
        if (bytes.len != len)
                return refuse("jwe.length", "a part of a wrong length");
        memcpy(ret, bytes.data, len);
        return NULL;
}

static struct fault *check_members(const struct json *j)
{
        static const char *const known[] = {"alg", "enc", "epk", "apu", "apv", "kid", "cty", "typ"};
        static const char *const texts[] = {"kid", "cty", "typ"};
        const char *name = NULL;
        const struct json *value = NULL;

        if (json_get(j, "zip") != NULL)
                return refuse("jwe.zip", "compressed");
        if (json_get(j, "crit") != NULL)
                return refuse("jwe.crit", "header with \"crit\"");
        for (void *at = NULL; json_next(j, &at, &name, &value);) {
                size_t i = 0;
                while (i < COUNT_OF(known) && strcmp(known[i], name) != 0)
                        i++;
                if (i == COUNT_OF(known))
                        return fault(FAULT_UNAUTHENTICATED, "jwe.member", "sealed key: header with \"%s\"", name);
        }
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                struct span text = SPAN_NONE;
                AUTO(fault) struct fault *f = json_want_text(j, texts[i], TEXT_MAX, &text);
                if (f != NULL)
                        return refuse("jwe.header", "a member of a wrong type");
        }
        return NULL;
}

static struct fault *check_name(const struct json *j, const char *member, const char *wanted, const char *token)
{
        struct span found = SPAN_NONE;

        AUTO(fault) struct fault *f = json_need_text(j, member, 64, &found);
        if (f != NULL)
                return refuse("jwe.header", "no \"alg\" or \"enc\", or no text");
        if (!span_eq_str(found, wanted))
                return fault(FAULT_UNAUTHENTICATED, token, "sealed key: \"%s\" isn't %s", member, wanted);
        return NULL;
}

static struct fault *check_party(const struct json *j, const char *member, struct span wanted)
{
        const struct json *value = json_get(j, member);
        AUTO(buf) struct buf found = BUF(JWE_PARTY_MAX);

        if (value == NULL)
                return wanted.data == NULL ? NULL : refuse("jwe.party", "sealed without naming its parties");
        AUTO(fault) struct fault *f = json_need_base64url(j, member, &found);
        if (f != NULL)
                return refuse("jwe.header", "\"apu\" or \"apv\" isn't base64url");
        if (wanted.data == NULL || !span_eq(buf_span(&found), wanted))
                return refuse("jwe.party", "sealed by somebody else, or for something else");
        return NULL;
}

static struct fault *read_epk(const struct json *j, struct key **ret)
{
        static const char *const members[] = {"kty", "crv", "x", "y", NULL};
        const struct json *epk = json_get(j, "epk");
        AUTO(key) struct key *k = NULL;

        AUTO(fault)
        struct fault *f = epk == NULL || json_kind(epk) != JSON_OBJECT ? refuse("jwe.epk", "no \"epk\"")
                                                                       : json_only_keys(epk, members);
        if (f == NULL)
                f = jwk_read_numbers(epk, &k);
        if (f != NULL || k == NULL || key_kind(k) != KEY_P256)
                return refuse("jwe.epk", "\"epk\" isn't a public P-256 key");
        *ret = TAKE(k);
        return NULL;
}

static struct fault *read_header(struct span part, const struct jwe_parties *parties, struct key **ret_epk)
{
        AUTO(buf) struct buf text = BUF(JWE_HEADER_MAX);
        AUTO(json) struct json *j = NULL;

        if (part.len > JWE_HEADER_MAX)
                return refuse("jwe.too_large", "header too long");
        TRY(decode(part, &text));
        AUTO(fault) struct fault *f = json_parse(buf_span(&text), &j);
        if (f != NULL || json_kind(j) != JSON_OBJECT) /* the text of a parser could quote the token: it stays here */
                return refuse("jwe.header", "header isn't a JSON object, or has a name twice");
        TRY(check_members(j));
        TRY(check_name(j, "alg", JWE_ALG, "jwe.algorithm"));
        TRY(check_name(j, "enc", JWE_ENC, "jwe.encryption"));
        TRY(check_party(j, "apu", parties->producer));
        TRY(check_party(j, "apv", parties->recipient));
        return read_epk(j, ret_epk);
}

struct fault *jwe_open(const struct key *own, const struct jwe_parties *parties, struct span token,
                       struct secret **ret_plain)
{
        struct span parts[PART_COUNT];
        AUTO(key) struct key *epk = NULL;
        AUTO(secret) struct secret *with = NULL, *content = NULL;
        AUTO(buf) struct buf cipher = BUF(SECRET_MAX);
        uint8_t wrapped[KEY_WRAP_LEN], nonce[AEAD_NONCE_LEN], tag[AEAD_TAG_LEN];

        if (key_kind(own) != KEY_P256 || !key_is_private(own))
                return fault(FAULT_INVALID, "KEY_KIND", "keys are opened with private P-256 keys only");
        TRY(split(token, parts));
        TRY(read_header(parts[HEADER], parties, &epk));
        TRY(decode_fixed(parts[WRAPPED], wrapped, sizeof wrapped));
        TRY(decode_fixed(parts[NONCE], nonce, sizeof nonce));
        TRY(decode_fixed(parts[TAG], tag, sizeof tag));
        if (parts[CIPHER].len == 0 || parts[CIPHER].len > (SECRET_MAX + 2) / 3 * 4)
                return refuse("jwe.length", "nothing sealed, or too much");
        TRY(decode(parts[CIPHER], &cipher));

        TRY(jwe_agree(own, epk, parties, &with));
        AUTO(fault) struct fault *f = key_unwrap(with, wrapped, &content);
        if (f != NULL)
                return refuse("jwe.key", "sealed to another key");
        f = aead_decrypt(content, nonce, parts[HEADER], buf_span(&cipher), tag, ret_plain);
        return f == NULL ? NULL : refuse("jwe.tag", "changed since it was sealed");
}
