#include "lib/base/span.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/utf8.h"

#define BUF_FIRST_CAP 64

bool span_eq(struct span a, struct span b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool span_eq_str(struct span a, const char *text)
{
        return span_eq(a, span_str(text));
}

bool span_eq_secret(struct span a, struct span b)
{
        if (a.len != b.len)
                return false;
        volatile uint8_t differs = 0; /* volatile: no early exit may be made of this loop */
        for (size_t i = 0; i < a.len; i++)
                differs = (uint8_t) (differs | (a.data[i] ^ b.data[i]));
        return differs == 0;
}

bool span_starts_with(struct span s, struct span prefix)
{
        return s.len >= prefix.len && span_eq((struct span){s.data, prefix.len}, prefix);
}

bool span_is_zero(struct span s)
{
        uint8_t any = 0;
        for (size_t i = 0; i < s.len; i++)
                any |= s.data[i];
        return any == 0;
}

bool span_has_nul(struct span s)
{
        return s.len > 0 && memchr(s.data, 0, s.len) != NULL;
}

bool span_is_utf8(struct span s)
{
        for (size_t at = 0; at < s.len;) {
                uint32_t point = 0;
                if (s.data[at] < 0x80) { /* nearly always */
                        at++;
                        continue;
                }
                size_t taken = utf8_decode(s.data + at, s.len - at, &point);
                if (taken == 0)
                        return false;
                at += taken;
        }
        return true;
}

struct span span_slice(struct span s, size_t from, size_t len)
{
        assert(from <= s.len && len <= s.len - from);
        return (struct span){s.data == NULL ? NULL : s.data + from, len};
}

struct span span_cut(struct span *rest, uint8_t separator, bool *ret_more)
{
        const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
        struct span part = at == NULL ? *rest : span_slice(*rest, 0, (size_t) (at - rest->data));
        *rest = at == NULL ? SPAN_NONE : span_slice(*rest, part.len + 1, rest->len - part.len - 1);
        if (ret_more != NULL)
                *ret_more = at != NULL;
        return part;
}

char *span_to_string(struct span s)
{
        assert(!span_has_nul(s));
        char *text = alloc_zero(1, s.len + 1);
        if (s.len > 0)
                memcpy(text, s.data, s.len);
        return text;
}

/* Room for `len` more bytes and the NUL. Moves by hand instead of realloc, so that what is left behind is wiped: a buf
 * may hold a secret, and buf_wipe promises that nothing of it stays. */
static struct fault *reserve(struct buf *b, size_t len)
{
        if (len > b->limit - b->len)
                return fault(FAULT_EXHAUSTED, "TOO_LARGE", "%zu bytes where at most %zu are allowed", b->len + len,
                             b->limit);
        if (b->data != NULL && len <= b->cap - b->len)
                return NULL;

        size_t need = b->len + len;
        size_t cap = b->cap > b->limit / 2 ? b->limit : b->cap * 2;
        if (cap < BUF_FIRST_CAP)
                cap = BUF_FIRST_CAP < b->limit ? BUF_FIRST_CAP : b->limit;
        if (cap < need)
                cap = need;
        uint8_t *data = cap < SIZE_MAX ? malloc(cap + 1) : NULL;
        if (data == NULL)
                return fault(FAULT_EXHAUSTED, "NO_MEMORY", "no memory for %zu bytes", cap);
        if (b->data != NULL)
                memcpy(data, b->data, b->len);
        data[b->len] = 0;
        size_t limit = b->limit;
        size_t used = b->len;
        buf_wipe(b);
        *b = (struct buf){data, used, cap, limit};
        return NULL;
}

struct fault *buf_grow(struct buf *b, size_t len, uint8_t **ret_where)
{
        TRY(reserve(b, len));
        *ret_where = b->data + b->len;
        b->len += len;
        b->data[b->len] = 0;
        return NULL;
}

void buf_expect(struct buf *b, size_t len)
{
        size_t room = b->limit - b->len;
        struct fault *ignored = reserve(b, len < room ? len : room); /* no memory will show when the bytes come */
        fault_free(ignored);
}

struct fault *buf_append(struct buf *b, struct span s)
{
        uint8_t *where = NULL;
        TRY(buf_grow(b, s.len, &where));
        if (s.len > 0)
                memcpy(where, s.data, s.len);
        return NULL;
}

struct fault *buf_append_str(struct buf *b, const char *text)
{
        return buf_append(b, span_str(text));
}

struct fault *buf_append_byte(struct buf *b, uint8_t byte)
{
        return buf_append(b, (struct span){&byte, 1});
}

static struct fault *append_be(struct buf *b, uint64_t v, size_t len)
{
        uint8_t bytes[8];
        for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t) (v >> (8 * (len - 1 - i)));
        return buf_append(b, (struct span){bytes, len});
}

struct fault *buf_append_u16be(struct buf *b, uint16_t v)
{
        return append_be(b, v, sizeof(v));
}

struct fault *buf_append_u32be(struct buf *b, uint32_t v)
{
        return append_be(b, v, sizeof(v));
}

struct fault *buf_append_u32le(struct buf *b, uint32_t v)
{
        const uint8_t bytes[4] = {(uint8_t) v, (uint8_t) (v >> 8), (uint8_t) (v >> 16), (uint8_t) (v >> 24)};
        return buf_append(b, SPAN_OF(bytes));
}

struct fault *buf_append_u64be(struct buf *b, uint64_t v)
{
        return append_be(b, v, sizeof(v));
}

struct fault *buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list args;
        va_start(args, fmt);
        va_list again;
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, fmt, args);
        struct fault *f =
                len < 0 ? fault(FAULT_INTERNAL, "BAD_FORMAT", "can't format \"%s\"", fmt) : reserve(b, (size_t) len);
        if (f == NULL) {
                (void) vsnprintf((char *) b->data + b->len, (size_t) len + 1, fmt, again); /* fits: just measured */
                b->len += (size_t) len;
        }
        va_end(again);
        va_end(args);
        return f;
}

void buf_truncate(struct buf *b, size_t len)
{
        assert(len <= b->len);
        b->len = len;
        if (b->data != NULL)
                b->data[len] = 0;
}

struct span buf_span(const struct buf *b)
{
        return (struct span){b->data, b->len};
}

const char *buf_str(const struct buf *b)
{
        return b->data == NULL ? "" : (const char *) b->data;
}

void buf_clear(struct buf *b)
{
        free(b->data);
        *b = BUF(b->limit);
}

void buf_wipe(struct buf *b)
{
        if (b->data != NULL)
                explicit_bzero(b->data, b->cap + 1);
        buf_clear(b);
}
