#include "issuer/api/enrol_challenge.h"

#include "lib/base/reader.h"
#include "lib/crypt/aead.h"
#include "lib/model/request.h"

#define VERSION   2
#define LABEL     "vouchsafe-enrol-v1"
#define PLAIN_MAX (ENROL_CHALLENGE_MAX - AEAD_OVERHEAD)
#define FIELD_MAX PLAIN_MAX

/* ---- seal ---- */

static struct fault *append_sized(struct buf *out, struct span field)
{
        if (field.len > FIELD_MAX)
                return fault(FAULT_EXHAUSTED, "TOO_LARGE", "a field of %zu bytes in an enrolment", field.len);
        TRY(buf_append_u16be(out, (uint16_t) field.len));
        return buf_append(out, field);
}

static struct span text_of(const char *text)
{
        return text != NULL ? span_str(text) : SPAN_NONE;
}

static struct fault *write_plain(const struct enrol_challenge *c, struct buf *out)
{
        const struct ak_record *r = c->record;
        TRY(buf_append_byte(out, VERSION));
        TRY(buf_append_u64be(out, (uint64_t) c->expires_unix_s));
        TRY(buf_append(out, SPAN_OF(c->client_spki_digest)));
        TRY(buf_append(out, secret_span(c->secret)));
        TRY(buf_append(out, SPAN_OF(r->ek_digest)));
        TRY(buf_append(out, SPAN_OF(r->ek_root)));
        TRY(buf_append_u64be(out, (uint64_t) r->ek_not_after_unix_s));
        TRY(append_sized(out, buf_span(&r->name)));
        TRY(append_sized(out, buf_span(&r->public_area)));
        TRY(append_sized(out, text_of(r->ek_issuer)));
        TRY(append_sized(out, text_of(r->cluster)));
        return append_sized(out, text_of(r->node));
}

struct fault *enrol_challenge_seal(const struct secret *master, const char *audience, const struct enrol_challenge *c,
                                   struct buf *out)
{
        AUTO(secret) struct secret *key = master_derive(master, LABEL);
        struct buf plain = BUF(PLAIN_MAX);
        struct fault *failed = write_plain(c, &plain);
        if (failed == NULL)
                failed = aead_seal(key, span_str(audience), buf_span(&plain), out);
        buf_wipe(&plain);
        return fault_prefix(failed, "seal the challenge of an enrolment");
}

/* ---- open ---- */

static struct fault *read_buf(struct reader *r, struct buf *ret)
{
        struct span field;
        TRY(reader_sized16be(r, FIELD_MAX, &field));
        *ret = BUF(FIELD_MAX);
        return buf_append(ret, field);
}

static struct fault *read_text(struct reader *r, char **ret)
{
        struct span field;
        TRY(reader_sized16be(r, FIELD_MAX, &field));
        if (field.len > 0)
                *ret = span_to_string(field); /* we sealed it: no NUL inside */
        return NULL;
}

static struct fault *read_plain(struct span plain, struct enrol_challenge *c)
{
        struct reader r = READER(plain);
        uint8_t version = 0;
        uint64_t expires = 0, ek_end = 0;
        TRY(reader_u8(&r, &version));
        if (version != VERSION)
                return fault(FAULT_INVALID, "BAD_FIELD", "version %u", version);
        TRY(reader_u64be(&r, &expires));
        TRY(reader_bytes(&r, c->client_spki_digest, sizeof c->client_spki_digest));
        c->secret = secret_new(ENROL_SECRET_LEN);
        TRY(reader_bytes(&r, secret_bytes(c->secret), ENROL_SECRET_LEN));
        c->record = NEW(struct ak_record);
        TRY(reader_bytes(&r, c->record->ek_digest, sizeof c->record->ek_digest));
        TRY(reader_bytes(&r, c->record->ek_root, sizeof c->record->ek_root));
        TRY(reader_u64be(&r, &ek_end));
        TRY(read_buf(&r, &c->record->name));
        TRY(read_buf(&r, &c->record->public_area));
        TRY(read_text(&r, &c->record->ek_issuer));
        TRY(read_text(&r, &c->record->cluster));
        TRY(read_text(&r, &c->record->node));
        TRY(reader_end(&r));
        c->expires_unix_s = (int64_t) expires;
        c->record->ek_not_after_unix_s = (int64_t) ek_end;
        return NULL;
}

struct fault *enrol_challenge_open(const struct secret *master, const char *audience, struct span sealed,
                                   struct enrol_challenge *ret)
{
        AUTO(secret) struct secret *key = master_derive(master, LABEL);
        AUTO(secret) struct secret *plain = NULL;
        AUTO(enrol_challenge) struct enrol_challenge c = {0};
        AUTO(fault) struct fault *bad = aead_open(key, span_str(audience), sealed, &plain);
        if (bad == NULL)
                bad = read_plain(secret_span(plain), &c);
        if (bad != NULL)
                return fault(FAULT_UNAUTHENTICATED, "enrol.challenge", "the challenge was not made here: %s",
                             fault_text(bad));
        *ret = c;
        c = (struct enrol_challenge){0};
        return NULL;
}

struct fault *enrol_challenge_check(const struct enrol_challenge *c, struct wall now,
                                    const uint8_t client_spki_digest[SHA256_LEN], struct span secret)
{
        if (wall_unix_s(now) >= c->expires_unix_s)
                return fault(FAULT_DENIED, "enrol.expired", "the challenge expired %lld s ago",
                             (long long) (wall_unix_s(now) - c->expires_unix_s));
        if (memcmp(c->client_spki_digest, client_spki_digest, SHA256_LEN) != 0)
                return fault(FAULT_DENIED, "enrol.client_key", "the challenge was made for another client key");
        if (!secret_eq(c->secret, secret))
                return fault(FAULT_DENIED, "enrol.secret", "the secret is not the one that the TPM was to open");
        return NULL;
}

void enrol_challenge_clear(struct enrol_challenge *c)
{
        secret_free(c->secret);
        ak_record_free(c->record);
        *c = (struct enrol_challenge){0};
}
