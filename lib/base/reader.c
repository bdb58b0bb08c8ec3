#include "lib/base/reader.h"

size_t reader_left(const struct reader *r)
{
        return r->input.len - r->at;
}

struct span reader_rest(const struct reader *r)
{
        return span_slice(r->input, r->at, reader_left(r));
}

/* The one place that checks and moves. */
struct fault *reader_span(struct reader *r, size_t len, struct span *ret)
{
        if (len > reader_left(r))
                return fault(FAULT_INVALID, "TRUNCATED", "field of %zu bytes at offset %zu, but only %zu are left", len,
                             r->at, reader_left(r));
        *ret = span_slice(r->input, r->at, len);
        r->at += len;
        return NULL;
}

struct fault *reader_skip(struct reader *r, size_t len)
{
        struct span skipped;
        return reader_span(r, len, &skipped);
}

struct fault *reader_bytes(struct reader *r, void *ret_bytes, size_t len)
{
        struct span bytes;
        TRY(reader_span(r, len, &bytes));
        if (len > 0)
                memcpy(ret_bytes, bytes.data, len);
        return NULL;
}

static struct fault *number_be(struct reader *r, size_t len, uint64_t *ret)
{
        struct span bytes;
        TRY(reader_span(r, len, &bytes));
        uint64_t v = 0;
        for (size_t i = 0; i < len; i++)
                v = v << 8 | bytes.data[i];
        *ret = v;
        return NULL;
}

static struct fault *number_le(struct reader *r, size_t len, uint64_t *ret)
{
        struct span bytes;
        TRY(reader_span(r, len, &bytes));
        uint64_t v = 0;
        for (size_t i = len; i > 0; i--)
                v = v << 8 | bytes.data[i - 1];
        *ret = v;
        return NULL;
}

struct fault *reader_u8(struct reader *r, uint8_t *ret)
{
        uint64_t v = 0;
        TRY(number_be(r, sizeof(*ret), &v));
        *ret = (uint8_t) v;
        return NULL;
}

struct fault *reader_u16be(struct reader *r, uint16_t *ret)
{
        uint64_t v = 0;
        TRY(number_be(r, sizeof(*ret), &v));
        *ret = (uint16_t) v;
        return NULL;
}

struct fault *reader_u32be(struct reader *r, uint32_t *ret)
{
        uint64_t v = 0;
        TRY(number_be(r, sizeof(*ret), &v));
        *ret = (uint32_t) v;
        return NULL;
}

struct fault *reader_u64be(struct reader *r, uint64_t *ret)
{
        return number_be(r, sizeof(*ret), ret);
}

struct fault *reader_u16le(struct reader *r, uint16_t *ret)
{
        uint64_t v = 0;
        TRY(number_le(r, sizeof(*ret), &v));
        *ret = (uint16_t) v;
        return NULL;
}

struct fault *reader_u32le(struct reader *r, uint32_t *ret)
{
        uint64_t v = 0;
        TRY(number_le(r, sizeof(*ret), &v));
        *ret = (uint32_t) v;
        return NULL;
}

struct fault *reader_u64le(struct reader *r, uint64_t *ret)
{
        return number_le(r, sizeof(*ret), ret);
}

/* A big-endian length of `width` bytes, then the field. Works on a copy, so that a fault leaves the reader in place. */
static struct fault *sized(struct reader *r, size_t width, size_t max, struct span *ret)
{
        struct reader ahead = *r;
        uint64_t len = 0;
        TRY(number_be(&ahead, width, &len));
        if (len > max)
                return fault(FAULT_INVALID, "TOO_LONG", "field of %llu bytes at offset %zu, at most %zu are allowed",
                             (unsigned long long) len, r->at, max);
        TRY(reader_span(&ahead, (size_t) len, ret));
        *r = ahead;
        return NULL;
}

struct fault *reader_sized16be(struct reader *r, size_t max, struct span *ret)
{
        return sized(r, sizeof(uint16_t), max, ret);
}

struct fault *reader_sized32be(struct reader *r, size_t max, struct span *ret)
{
        return sized(r, sizeof(uint32_t), max, ret);
}

struct fault *reader_end(const struct reader *r)
{
        if (reader_left(r) > 0)
                return fault(FAULT_INVALID, "TRAILING_BYTES", "%zu bytes are left after offset %zu", reader_left(r),
                             r->at);
        return NULL;
}
