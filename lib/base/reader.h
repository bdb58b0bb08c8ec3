/* reader: bounded reading of binary input, one field per line.
 *
 * Every read checks what is left and fails with FAULT_INVALID "TRUNCATED" (offset and field size in the text);
 * reader_end demands that nothing is left ("TRAILING_BYTES"). Nothing is copied unless asked: reader_span borrows.
 * On a fault the reader has not moved and outputs are untouched. */
#pragma once

#include "lib/base/span.h"

struct reader {
        struct span input;
        size_t at;
};

#define READER(bytes) ((struct reader){(bytes), 0})

struct fault *reader_u8(struct reader *r, uint8_t *ret) MUST_USE;
struct fault *reader_u16be(struct reader *r, uint16_t *ret) MUST_USE;
struct fault *reader_u32be(struct reader *r, uint32_t *ret) MUST_USE;
struct fault *reader_u64be(struct reader *r, uint64_t *ret) MUST_USE;
struct fault *reader_u16le(struct reader *r, uint16_t *ret) MUST_USE;
struct fault *reader_u32le(struct reader *r, uint32_t *ret) MUST_USE;
struct fault *reader_u64le(struct reader *r, uint64_t *ret) MUST_USE;
struct fault *reader_bytes(struct reader *r, void *ret_bytes, size_t len) MUST_USE;
struct fault *reader_span(struct reader *r, size_t len, struct span *ret) MUST_USE;
struct fault *reader_skip(struct reader *r, size_t len) MUST_USE;
/* A 16-bit (TPM2B) or 32-bit big-endian length, then so many bytes; more than `max` is FAULT_INVALID "TOO_LONG". */
struct fault *reader_sized16be(struct reader *r, size_t max, struct span *ret) MUST_USE;
struct fault *reader_sized32be(struct reader *r, size_t max, struct span *ret) MUST_USE;
struct fault *reader_end(const struct reader *r) MUST_USE;
size_t reader_left(const struct reader *r);
struct span reader_rest(const struct reader *r); /* what is left, without moving */
