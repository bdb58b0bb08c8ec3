/* span and buf: bytes borrowed, bytes owned.
 *
 * `struct span` borrows; nobody passes a pointer with a separate length. `struct buf` owns and always knows its largest
 * size: appending past `limit` is a fault (FAULT_EXHAUSTED, "TOO_LARGE"), so a peer can't make us hold more.
 * A buf keeps a NUL after its last byte for the benefit of C strings; the NUL is not counted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/fault.h"

struct span {
        const uint8_t *data;
        size_t len;
};

#define SPAN_NONE ((struct span){NULL, 0})
/* Of a string literal or a char array that holds a literal, without its NUL. */
#define SPAN(literal) ((struct span){(const uint8_t *) (literal), sizeof(literal) - 1})
/* Of an array or a plain struct, whole. */
#define SPAN_OF(object) ((struct span){(const uint8_t *) &(object), sizeof(object)})

static inline struct span span_make(const void *data, size_t len)
{
        return (struct span){data, len};
}
static inline struct span span_str(const char *text)
{
        return (struct span){(const uint8_t *) text, strlen(text)};
}
bool span_eq(struct span a, struct span b);
bool span_eq_str(struct span a, const char *text);
/* Constant time for equal lengths. */
bool span_eq_secret(struct span a, struct span b);
bool span_starts_with(struct span s, struct span prefix);
bool span_is_zero(struct span s); /* every byte is 0; true for an empty one */
bool span_has_nul(struct span s);
bool span_is_utf8(struct span s);                               /* strict: no surrogates, no overlong forms */
struct span span_slice(struct span s, size_t from, size_t len); /* asserts that it lies inside */
/* Cuts the part before `separator` off the front of *rest; the separator goes too. Without one it is all of it, and *ret_more (NULL: don't tell) is
 * false. */
struct span span_cut(struct span *rest, uint8_t separator, bool *ret_more);
char *span_to_string(struct span s); /* malloc'd, NUL added; asserts that no NUL is inside */

struct buf {
        uint8_t *data; /* never NULL after the first append */
        size_t len;
        size_t cap;
        size_t limit;
};

#define BUF(max) ((struct buf){NULL, 0, 0, (max)})

struct fault *buf_append(struct buf *b, struct span s) MUST_USE;
struct fault *buf_append_str(struct buf *b, const char *text) MUST_USE;
struct fault *buf_append_byte(struct buf *b, uint8_t byte) MUST_USE;
struct fault *buf_append_u16be(struct buf *b, uint16_t v) MUST_USE;
struct fault *buf_append_u32be(struct buf *b, uint32_t v) MUST_USE;
struct fault *buf_append_u32le(struct buf *b, uint32_t v) MUST_USE;
struct fault *buf_append_u64be(struct buf *b, uint64_t v) MUST_USE;
struct fault *buf_printf(struct buf *b, const char *fmt, ...) MUST_USE PRINTF_LIKE(2, 3);
/* Makes room for `len` more bytes and returns where they go; the caller fills them and they count at once. */
struct fault *buf_grow(struct buf *b, size_t len, uint8_t **ret_where) MUST_USE;
/* Makes room ahead for `len` more bytes, within the limit: what will be long does not get there in steps. */
void buf_expect(struct buf *b, size_t len);
void buf_truncate(struct buf *b, size_t len);
struct span buf_span(const struct buf *b);
/* The bytes as a C string, "" when empty. Asserts nothing about NULs inside: check with span_has_nul where it matters. */
const char *buf_str(const struct buf *b);
void buf_clear(struct buf *b); /* frees the memory, keeps the limit */
/* As buf_clear, wiped first: for buffers that held something secret on its way to a library. */
void buf_wipe(struct buf *b);
DEFINE_AUTO_VALUE(buf)
