#include "lib/crypt/binding.h"

#include "lib/base/reader.h"

#define TAG "vouchsafe-bind-v1" /* its NUL belongs to it */

enum field_id {
        FIELD_NONCE = 1,
        FIELD_AUDIENCE = 2,
        FIELD_REQUEST = 3,
        FIELD_CLIENT_SPKI = 4,
        FIELD_EXPORTER = 5,
        FIELD_SECONDARY = 6,
};
#define SECONDARY_LEN (1 + SHA256_LEN)

static struct fault *refuse(const char *what)
{
        return fault(FAULT_INVALID, "BINDING_FIELD", "binding: %s", what);
}

/* The same for what we write and what we read. */
static struct fault *check(const struct binding *b)
{
        if (b->purpose < BINDING_ENROL || b->purpose > BINDING_RELEASE)
                return refuse("unknown purpose");
        if (b->nonce.len == 0 || b->nonce.len > BINDING_NONCE_MAX)
                return refuse("nonce empty or too long");
        if (b->audience.len == 0 || b->audience.len > BINDING_AUDIENCE_MAX)
                return refuse("audience empty or too long");
        if (b->secondary_count > BINDING_SECONDARY_MAX)
                return refuse("too many secondaries");
        for (size_t i = 1; i < b->secondary_count; i++) {
                if (b->secondary[i].kind <= b->secondary[i - 1].kind)
                        return refuse("secondaries out of order");
        }
        return NULL;
}

static struct fault *write_field(struct buf *t, enum field_id id, struct span bytes)
{
        TRY(buf_append_u16be(t, (uint16_t) id));
        TRY(buf_append_u32be(t, (uint32_t) bytes.len));
        return buf_append(t, bytes);
}

struct fault *binding_write(const struct binding *b, struct buf *ret_t)
{
        TRY(check(b));

        TRY(buf_append(ret_t, span_make(TAG, sizeof TAG)));
        TRY(buf_append_byte(ret_t, (uint8_t) b->purpose));
        TRY(write_field(ret_t, FIELD_NONCE, b->nonce));
        TRY(write_field(ret_t, FIELD_AUDIENCE, b->audience));
        TRY(write_field(ret_t, FIELD_REQUEST, SPAN_OF(b->request_digest)));
        TRY(write_field(ret_t, FIELD_CLIENT_SPKI, SPAN_OF(b->client_spki_digest)));
        TRY(write_field(ret_t, FIELD_EXPORTER, SPAN_OF(b->exporter)));
        if (b->secondary_count == 0)
                return NULL;
        TRY(buf_append_u16be(ret_t, FIELD_SECONDARY));
        TRY(buf_append_u32be(ret_t, (uint32_t) (b->secondary_count * SECONDARY_LEN)));
        for (size_t i = 0; i < b->secondary_count; i++) {
                TRY(buf_append_byte(ret_t, b->secondary[i].kind));
                TRY(buf_append(ret_t, SPAN_OF(b->secondary[i].digest)));
        }
        return NULL;
}

static struct fault *read_field(struct reader *r, enum field_id id, size_t max, struct span *ret)
{
        uint16_t found;

        TRY(reader_u16be(r, &found));
        if (found != id)
                return fault(FAULT_INVALID, "BINDING_FIELD", "binding: field %u where %d belongs", found, id);
        return reader_sized32be(r, max, ret);
}

static struct fault *read_fixed(struct reader *r, enum field_id id, uint8_t *ret, size_t len)
{
        struct span bytes;

        TRY(read_field(r, id, len, &bytes));
        if (bytes.len != len)
                return fault(FAULT_INVALID, "BINDING_FIELD", "binding: field %d of %zu bytes", id, bytes.len);
        memcpy(ret, bytes.data, len);
        return NULL;
}

static struct fault *read_secondary(struct reader *r, struct binding *b)
{
        struct span all;

        TRY(read_field(r, FIELD_SECONDARY, (size_t) BINDING_SECONDARY_MAX * SECONDARY_LEN, &all));
        if (all.len == 0 || all.len % SECONDARY_LEN != 0)
                return refuse("secondary evidence of odd length");
        b->secondary_count = all.len / SECONDARY_LEN;
        struct reader in = READER(all);
        for (size_t i = 0; i < b->secondary_count; i++) {
                TRY(reader_u8(&in, &b->secondary[i].kind));
                TRY(reader_bytes(&in, b->secondary[i].digest, SHA256_LEN));
        }
        return NULL;
}

struct fault *binding_read(struct span t, struct binding *ret)
{
        struct reader r = READER(t);
        struct binding b = {0};
        struct span tag;
        uint8_t purpose;

        if (t.len > BINDING_T_MAX)
                return refuse("transcript too long");
        TRY(reader_span(&r, sizeof TAG, &tag));
        if (!span_eq(tag, span_make(TAG, sizeof TAG)))
                return refuse("not a transcript");
        TRY(reader_u8(&r, &purpose));
        b.purpose = (enum binding_purpose) purpose;
        TRY(read_field(&r, FIELD_NONCE, BINDING_NONCE_MAX, &b.nonce));
        TRY(read_field(&r, FIELD_AUDIENCE, BINDING_AUDIENCE_MAX, &b.audience));
        TRY(read_fixed(&r, FIELD_REQUEST, b.request_digest, sizeof b.request_digest));
        TRY(read_fixed(&r, FIELD_CLIENT_SPKI, b.client_spki_digest, sizeof b.client_spki_digest));
        TRY(read_fixed(&r, FIELD_EXPORTER, b.exporter, sizeof b.exporter));
        if (reader_left(&r) > 0)
                TRY(read_secondary(&r, &b));
        TRY(reader_end(&r));
        TRY(check(&b));
        *ret = b;
        return NULL;
}

void binding_report_data(struct span t, uint8_t ret[SHA512_LEN])
{
        hash(HASH_SHA512, t, ret);
}

void binding_extra_data(struct span t, uint8_t ret[SHA256_LEN])
{
        sha256(t, ret);
}
