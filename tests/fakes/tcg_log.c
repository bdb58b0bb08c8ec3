#include "tests/fakes/tcg_log.h"

#include <assert.h>

#define LOG_MAX ((size_t) 1024 * 1024)

static void must(struct fault *f)
{
        assert(f == NULL);
        fault_free(f);
}

static void u16(struct buf *out, unsigned v)
{
        must(buf_append_byte(out, (uint8_t) v));
        must(buf_append_byte(out, (uint8_t) (v >> 8)));
}

static void u32(struct buf *out, uint32_t v)
{
        u16(out, v & 0xffff);
        u16(out, v >> 16);
}

static void u64(struct buf *out, uint64_t v)
{
        u32(out, (uint32_t) v);
        u32(out, (uint32_t) (v >> 32));
}

struct buf tcg_log_new(bool is_ccel)
{
        static const uint8_t zeros[20] = {0};
        struct buf log = BUF(LOG_MAX);
        uint32_t algs = is_ccel ? 1 : 2;
        u32(&log, is_ccel ? 1 : 0);
        u32(&log, 3);
        must(buf_append(&log, SPAN_OF(zeros)));
        u32(&log, 16 + 8 + 4 + 4 * algs + 1);
        must(buf_append(&log, SPAN("Spec ID Event03\0")));
        u32(&log, 0);
        must(buf_append(&log, SPAN("\x00\x02\x00\x02"))); /* 2.0, errata 0, UINTN of 64 bits */
        u32(&log, algs);
        if (!is_ccel) {
                u16(&log, 0x000b);
                u16(&log, SHA256_LEN);
        }
        u16(&log, 0x000c);
        u16(&log, SHA384_LEN);
        must(buf_append_byte(&log, 0));
        return log;
}

void tcg_log_add_measured(struct buf *log, bool is_ccel, uint32_t index, uint32_t type, struct span data,
                          struct span measured)
{
        uint8_t digest[SHA384_LEN];
        u32(log, index);
        u32(log, type);
        u32(log, is_ccel ? 1 : 2);
        if (!is_ccel) {
                u16(log, 0x000b);
                hash(HASH_SHA256, measured, digest);
                must(buf_append(log, span_make(digest, SHA256_LEN)));
        }
        u16(log, 0x000c);
        hash(HASH_SHA384, measured, digest);
        must(buf_append(log, SPAN_OF(digest)));
        u32(log, (uint32_t) data.len);
        must(buf_append(log, data));
}

void tcg_log_add(struct buf *log, bool is_ccel, uint32_t index, uint32_t type, struct span data)
{
        tcg_log_add_measured(log, is_ccel, index, type, data, data);
}

void tcg_log_add_variable(struct buf *log, bool is_ccel, uint32_t index, const uint8_t guid[16], const char *name,
                          struct span value)
{
        AUTO(buf) struct buf data = BUF(LOG_MAX);
        must(buf_append(&data, span_make(guid, 16)));
        u64(&data, strlen(name));
        u64(&data, value.len);
        for (const char *c = name; *c != '\0'; c++)
                u16(&data, (uint8_t) *c);
        must(buf_append(&data, value));
        tcg_log_add(log, is_ccel, index, 0x80000001, buf_span(&data));
}
