#include "lib/crypt/jwe.h"

#include <assert.h>

#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/jwk.h"

#define ALG        "ECDH-ES+A256KW"
#define ENC        "A256GCM"
#define HEADER_MAX 2048
#define TEXT_MAX   256 /* of a header's kid, cty, typ */

enum { HEADER, WRAPPED, NONCE, CIPHER, TAG, PART_COUNT };

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "sealed key: %s", why);
}

/* ---- the key that wraps -------------------------------------------------------------------------------------------- */

static void add_sized(struct hasher *h, struct span s)
{
        uint8_t len[] = {(uint8_t) (s.len >> 24), (uint8_t) (s.len >> 16), (uint8_t) (s.len >> 8), (uint8_t) s.len};

        hasher_add(h, SPAN_OF(len));
        hasher_add(h, s);
}

struct secret *jwe_concat_kdf(const struct secret *shared, struct span alg, const struct jwe_parties *parties,
                              size_t key_len)
{
        static const uint8_t round[] = {0, 0, 0, 1};
        const uint8_t bits[] = {0, 0, (uint8_t) (key_len * 8 >> 8), (uint8_t) (key_len * 8)};
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        struct secret *key = secret_new(SHA256_LEN);

        assert(key_len > 0 && key_len <= SHA256_LEN);
        hasher_add(h, SPAN_OF(round));
        hasher_add(h, secret_span(shared));
        add_sized(h, alg);
        add_sized(h, parties->producer);
        add_sized(h, parties->recipient);
        hasher_add(h, SPAN_OF(bits));
        hasher_end(h, secret_bytes(key));
        secret_shrink(key, key_len);
        return key;
}

static struct fault *agree(const struct key *own, const struct key *peer, const struct jwe_parties *parties,
                           struct secret **ret)
{
        AUTO(secret) struct secret *shared = NULL;

        TRY(key_ecdh(own, peer, &shared));
        *ret = jwe_concat_kdf(shared, SPAN(ALG), parties, AEAD_KEY_LEN);
        return NULL;
}

/* ---- sealing ------------------------------------------------------------------------------------------------------- */

static struct fault *write_header(const struct key *ephemeral, const struct jwe_parties *parties, const char *kid,
                                  const char *cty, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        AUTO(buf) struct buf text = BUF(HEADER_MAX);

        json_set_text(j, "alg", ALG);
        json_set_text(j, "enc", ENC);
        json_set(j, "epk", jwk_from_key(ephemeral));
        if (parties->producer.data != NULL)
                json_set_base64url(j, "apu", parties->producer);
        if (parties->recipient.data != NULL)
                json_set_base64url(j, "apv", parties->recipient);
        if (kid != NULL)
                json_set_text(j, "kid", kid);
        if (cty != NULL)
                json_set_text(j, "cty", cty);
        TRY(json_write(j, &text));
        return base64url_encode(buf_span(&text), out);
}

static struct fault *append_part(struct span bytes, struct buf *out)
{
        TRY(buf_append_byte(out, '.'));
        return base64url_encode(bytes, out);
}

struct fault *jwe_seal(const struct key *to, const struct jwe_parties *parties, const char *kid, const char *cty,
                       const struct secret *plain, struct buf *out)
{
        AUTO(key) struct key *ephemeral = NULL;
        AUTO(secret) struct secret *with = NULL, *content = secret_new(AEAD_KEY_LEN);
        AUTO(buf) struct buf token = BUF(JWE_MAX), cipher = BUF(SECRET_MAX);
        uint8_t wrapped[KEY_WRAP_LEN], nonce[AEAD_NONCE_LEN], tag[AEAD_TAG_LEN], *where = NULL;

        if (key_kind(to) != KEY_P256)
                return fault(FAULT_INVALID, "KEY_KIND", "keys are sealed to P-256 keys only");
        assert(parties->producer.len <= JWE_PARTY_MAX && parties->recipient.len <= JWE_PARTY_MAX);

        TRY(key_generate(KEY_P256, &ephemeral));
        TRY(agree(ephemeral, to, parties, &with));
        random_bytes(secret_bytes(content), AEAD_KEY_LEN);
        random_bytes(nonce, sizeof nonce);
        key_wrap(with, content, wrapped);

        TRY(write_header(ephemeral, parties, kid, cty, &token));
        TRY(buf_grow(&cipher, secret_len(plain), &where));
        aead_encrypt(content, nonce, buf_span(&token), secret_span(plain), where, tag);
        TRY(append_part(SPAN_OF(wrapped), &token));
        TRY(append_part(SPAN_OF(nonce), &token));
        TRY(append_part(buf_span(&cipher), &token));
        TRY(append_part(SPAN_OF(tag), &token));
        return buf_append(out, buf_span(&token));
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

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
        AUTO(buf) struct buf text = BUF(HEADER_MAX);
        AUTO(json) struct json *j = NULL;

        if (part.len > HEADER_MAX)
                return refuse("jwe.too_large", "header too long");
        TRY(decode(part, &text));
        AUTO(fault) struct fault *f = json_parse(buf_span(&text), &j);
        if (f != NULL || json_kind(j) != JSON_OBJECT) /* the text of a parser could quote the token: it stays here */
                return refuse("jwe.header", "header isn't a JSON object, or has a name twice");
        TRY(check_members(j));
        TRY(check_name(j, "alg", ALG, "jwe.algorithm"));
        TRY(check_name(j, "enc", ENC, "jwe.encryption"));
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

        TRY(agree(own, epk, parties, &with));
        AUTO(fault) struct fault *f = key_unwrap(with, wrapped, &content);
        if (f != NULL)
                return refuse("jwe.key", "sealed to another key");
        f = aead_decrypt(content, nonce, parts[HEADER], buf_span(&cipher), tag, ret_plain);
        return f == NULL ? NULL : refuse("jwe.tag", "changed since it was sealed");
}
