/* parse: text to numbers, with bounds, and bytes to text and back.
 *
 * The only way from text to a number (no atoi, strtol, sscanf). Whole input or nothing: no blanks, no sign unless the
 * type has one, no leading zeros. Faults: FAULT_INVALID "BAD_NUMBER", "BAD_BOOL", "BAD_DURATION", "BAD_SIZE", "BAD_MODE",
 * "BAD_HEX", "BAD_BASE64"; the text says what was found (of hex and base64, which may be keys, only where) and what is
 * allowed. On a fault outputs are untouched. */
#pragma once

#include "lib/base/span.h"

struct fault *parse_u64(struct span text, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
struct fault *parse_i64(struct span text, int64_t min, int64_t max, int64_t *ret) MUST_USE;
struct fault *parse_bool(struct span text, bool *ret) MUST_USE; /* "true" or "false" */
/* One number and one unit of ms, s, m, h, d: "90s", "15m", "24h". No unit is an error. */
struct fault *parse_duration_ms(struct span text, int64_t min_ms, int64_t max_ms, int64_t *ret_ms) MUST_USE;
/* One number and one unit of B, KiB, MiB, GiB. */
struct fault *parse_size(struct span text, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;
/* "0440", "02750": a 0, then three or four octal digits. */
struct fault *parse_mode(struct span text, uint32_t *ret) MUST_USE;

struct fault *hex_encode(struct span bytes, struct buf *out) MUST_USE; /* lower case */
struct fault *hex_decode(struct span text, struct buf *out) MUST_USE;  /* both cases */
/* Into a fixed array: 2*len+1 bytes with the NUL. */
void hex_string(struct span bytes, char *ret_text);

/* base64url without padding (RFC 4648 §5), strict: no padding, no blanks, unused bits zero. */
struct fault *base64url_encode(struct span bytes, struct buf *out) MUST_USE;
struct fault *base64url_decode(struct span text, struct buf *out) MUST_USE;
/* base64 with padding (RFC 4648 §4), strict. */
struct fault *base64_encode(struct span bytes, struct buf *out) MUST_USE;
struct fault *base64_decode(struct span text, struct buf *out) MUST_USE;
