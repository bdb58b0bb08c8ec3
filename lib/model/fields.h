/* fields: what members of our wire documents have in common: bounded visible ASCII, names, bytes in base64url, version
 * and purpose. Outputs are untouched on a fault. */
#pragma once

#include "lib/wire/json.h"

/* 9999-12-31T23:59:59Z, the last second that RFC 3339 and X.509 can write. */
#define UNIX_S_MAX 253402300799

/* All texts here: at least one byte, all of them visible ASCII (no blank). FAULT_INVALID "BAD_FIELD". */
struct fault *field_text(const struct json *o, const char *key, size_t max_len, char **ret) MUST_USE;
/* Into an array of `size` bytes, NUL included. */
struct fault *field_text_into(const struct json *o, const char *key, size_t size, char *ret) MUST_USE;
/* As field_text_into, of [A-Za-z0-9._-] and NAME_MAX_LEN bytes at most. */
struct fault *field_name_into(const struct json *o, const char *key, char *ret) MUST_USE;
/* Bytes in base64url, 1 to `max_len` of them; *ret has `max_len` as its limit. */
struct fault *field_bytes(const struct json *o, const char *key, size_t max_len, struct buf *ret) MUST_USE;
/* An array of at most `count_max` such. `ret` is an array of so many bufs. */
struct fault *field_bytes_list(const struct json *o, const char *key, size_t count_max, size_t max_len, struct buf *ret,
                               size_t *ret_count) MUST_USE;
/* The same without a place in an object: one item of an array. */
struct fault *field_item_text_into(const struct json *item, size_t size, char *ret) MUST_USE;
/* "v" must be WIRE_VERSION: FAULT_INVALID "WRONG_VERSION". */
struct fault *field_version(const struct json *o) MUST_USE;
/* "purpose" must be this one: FAULT_INVALID "WRONG_PURPOSE". */
struct fault *field_purpose(const struct json *o, const char *purpose) MUST_USE;
struct fault *field_time(const struct json *o, const char *key, int64_t *ret_unix_s) MUST_USE;

/* Writing. */
void field_set_bytes_list(struct json *o, const char *key, const struct buf *items, size_t count);
