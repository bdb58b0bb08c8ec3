#include "lib/crypt/jwe_parts.h"

#include <assert.h>

#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/jwk.h"

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

struct fault *jwe_agree(const struct key *own, const struct key *peer, const struct jwe_parties *parties,
                        struct secret **ret)
{
        AUTO(secret) struct secret *shared = NULL;

        TRY(key_ecdh(own, peer, &shared));
        *ret = jwe_concat_kdf(shared, SPAN(JWE_ALG), parties, AEAD_KEY_LEN);
        return NULL;
}

/* ---- sealing ------------------------------------------------------------------------------------------------------- */

static struct fault *write_header(const struct key *ephemeral, const struct jwe_parties *parties, const char *kid,
                                  const char *cty, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        AUTO(buf) struct buf text = BUF(JWE_HEADER_MAX);

        json_set_text(j, "alg", JWE_ALG);
        json_set_text(j, "enc", JWE_ENC);
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
        TRY(jwe_agree(ephemeral, to, parties, &with));
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
