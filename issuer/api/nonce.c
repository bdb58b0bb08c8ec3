#include "issuer/api/nonce.h"

#include "lib/base/reader.h"

#define VERSION    1
#define KEY_LABEL  "vouchsafe-nonce-v1"
#define HOUR_MS    (3600LL * 1000)
#define SIGNED_LEN (NONCE_LEN - SHA256_LEN)
#define INPUT_MAX  1024 /* label, hour, or nonce and audience: all shorter (BINDING_AUDIENCE_MAX) */

/* What was appended fits by construction. */
static void must(struct fault *f)
{
        if (f != NULL)
                abort();
}

/* key = HMAC(master, label ‖ 0x00 ‖ u32 hour) */
static void derive(const struct secret *master, const char *label, uint32_t hour, uint8_t ret_key[SHA256_LEN])
{
        AUTO(buf) struct buf input = BUF(INPUT_MAX);
        must(buf_append_str(&input, label));
        must(buf_append_byte(&input, 0));
        must(buf_append_u32be(&input, hour));
        hmac_sha256(secret_span(master), buf_span(&input), ret_key);
}

static void mac_of(const struct secret *master, const char *audience, uint32_t hour, struct span head,
                   uint8_t ret_mac[SHA256_LEN])
{
        uint8_t key[SHA256_LEN];
        AUTO(buf) struct buf input = BUF(INPUT_MAX);
        must(buf_append(&input, head));
        must(buf_append_str(&input, audience));
        derive(master, KEY_LABEL, hour, key);
        hmac_sha256(SPAN_OF(key), buf_span(&input), ret_mac);
        wipe(key, sizeof key);
}

void nonce_make(const struct secret *master, const char *audience, struct wall now,
                const uint8_t random[NONCE_RANDOM_LEN], uint8_t ret[NONCE_LEN])
{
        uint32_t hour = (uint32_t) (now.unix_ms / HOUR_MS);
        AUTO(buf) struct buf head = BUF(SIGNED_LEN);
        must(buf_append_byte(&head, VERSION));
        must(buf_append_u32be(&head, hour));
        must(buf_append_u64be(&head, (uint64_t) now.unix_ms));
        must(buf_append(&head, span_make(random, NONCE_RANDOM_LEN)));
        memcpy(ret, head.data, SIGNED_LEN);
        mac_of(master, audience, hour, buf_span(&head), ret + SIGNED_LEN);
}

struct nonce_parts {
        uint32_t hour;
        int64_t unix_ms;
        struct span mac;
};

static struct fault *read_parts(struct span nonce, struct nonce_parts *ret)
{
        struct reader r = READER(nonce);
        uint8_t version = 0;
        uint64_t unix_ms = 0;
        TRY(reader_u8(&r, &version));
        TRY(reader_u32be(&r, &ret->hour));
        TRY(reader_u64be(&r, &unix_ms));
        TRY(reader_skip(&r, NONCE_RANDOM_LEN));
        TRY(reader_span(&r, SHA256_LEN, &ret->mac));
        TRY(reader_end(&r));
        if (version != VERSION || unix_ms > INT64_MAX / 2 || unix_ms / HOUR_MS != ret->hour)
                return fault(FAULT_INVALID, "BAD_FIELD", "version, time and key id do not fit together");
        ret->unix_ms = (int64_t) unix_ms;
        return NULL;
}

struct fault *nonce_check(const struct secret *master, const char *audience, struct wall now, struct span nonce,
                          int64_t *ret_expires_unix_s)
{
        struct nonce_parts parts = {0};
        AUTO(fault) struct fault *unreadable = read_parts(nonce, &parts);
        if (unreadable != NULL)
                return fault(FAULT_UNAUTHENTICATED, "nonce.malformed", "the nonce is none of ours: %s",
                             fault_text(unreadable));

        uint8_t mac[SHA256_LEN];
        mac_of(master, audience, parts.hour, span_slice(nonce, 0, SIGNED_LEN), mac);
        if (!span_eq_secret(SPAN_OF(mac), parts.mac))
                return fault(FAULT_UNAUTHENTICATED, "nonce.foreign",
                             "the nonce was made by another issuer, or changed");

        int64_t age_ms = now.unix_ms - parts.unix_ms;
        if (age_ms < -NONCE_AHEAD_MS)
                return fault(FAULT_UNAUTHENTICATED, "nonce.future", "the nonce is %lld ms ahead of this issuer's clock",
                             (long long) -age_ms);
        if (age_ms >= NONCE_LIFE_MS)
                return fault(FAULT_UNAUTHENTICATED, "nonce.expired", "the nonce is %lld s old, %lld are allowed",
                             (long long) (age_ms / 1000), NONCE_LIFE_MS / 1000);
        *ret_expires_unix_s = (parts.unix_ms + NONCE_LIFE_MS) / 1000 + 1;
        return NULL;
}

struct secret *master_derive(const struct secret *master, const char *label)
{
        struct secret *key = secret_new(SHA256_LEN);
        derive(master, label, 0, secret_bytes(key));
        return key;
}
