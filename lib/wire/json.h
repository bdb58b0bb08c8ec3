/* json: strict JSON in, canonical JSON out.
 *
 * Reading refuses duplicate keys, NUL in strings, invalid UTF-8, more than JSON_DEPTH_MAX levels, real numbers, and
 * anything after the value: FAULT_INVALID "BAD_JSON". Members are fetched with their type and bounds; what is missing,
 * mistyped or out of bounds is FAULT_INVALID "BAD_FIELD" naming the member. Writing sorts keys and leaves out blanks,
 * which for our subset (no reals) is RFC 8785, except that integers past 2^53 keep all their digits. A `struct json *`
 * from json_parse or json_new_* is owned; what the getters return is borrowed from its parent.
 *
 * Documents may hold tokens: every block that the library frees is wiped first, and errors tell a position, never what
 * stands there. The text that was parsed, or written, is the caller's to wipe. Memory is bounded by the length of the
 * text (the caller's limit) and JSON_VALUES_MAX. A tree is used by one thread at a time. */
#pragma once

#include "lib/base/span.h"

#define JSON_DEPTH_MAX       16
#define JSON_VALUES_MAX      100000 /* of one text: bounds what small brackets cost in memory */
#define JSON_WRITE_DEPTH_MAX 64     /* of what we build ourselves */

struct json;
enum json_kind { JSON_NULL_KIND, JSON_BOOL, JSON_INT, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct fault *json_parse(struct span text, struct json **ret) MUST_USE;
void json_free(struct json *j);
DEFINE_AUTO(json)

enum json_kind json_kind(const struct json *j);
const struct json *json_get(const struct json *object, const char *key); /* NULL: none, or not an object */
size_t json_count(const struct json *j);                                 /* of an array or object, else 0 */
const struct json *json_at(const struct json *array, size_t index);
/* for (void *at = NULL; json_next(object, &at, &key, &value);) in the order of the text */
bool json_next(const struct json *object, void **at, const char **ret_key, const struct json **ret_value);
struct span json_text(const struct json *j); /* asserts JSON_TEXT */
int64_t json_int(const struct json *j);      /* asserts JSON_INT */
bool json_bool(const struct json *j);        /* asserts JSON_BOOL */

/* Required members. */
struct fault *json_need_text(const struct json *o, const char *key, size_t max_len, struct span *ret) MUST_USE;
struct fault *json_need_int(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret) MUST_USE;
struct fault *json_need_bool(const struct json *o, const char *key, bool *ret) MUST_USE;
struct fault *json_need_array(const struct json *o, const char *key, size_t max, const struct json **ret) MUST_USE;
struct fault *json_need_object(const struct json *o, const char *key, const struct json **ret) MUST_USE;
struct fault *json_need_base64url(const struct json *o, const char *key, struct buf *out) MUST_USE;
/* Optional ones: *ret is untouched when the member is missing. */
struct fault *json_want_text(const struct json *o, const char *key, size_t max_len, struct span *ret) MUST_USE;
struct fault *json_want_int(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret) MUST_USE;
struct fault *json_want_bool(const struct json *o, const char *key, bool *ret) MUST_USE;
struct fault *json_want_array(const struct json *o, const char *key, size_t max, const struct json **ret) MUST_USE;
struct fault *json_want_object(const struct json *o, const char *key, const struct json **ret) MUST_USE;
/* FAULT_INVALID "UNKNOWN_FIELD" unless every key is in `allowed` (NULL-terminated). */
struct fault *json_only_keys(const struct json *o, const char *const *allowed) MUST_USE;

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_text(struct span text);                        /* asserts UTF-8 without NUL */
struct json *json_new_texts(const char *const *texts, size_t count); /* an array of them */
struct json *json_new_base64url(struct span bytes);
struct json *json_new_int(int64_t v);
/* A value whose canonical text is known, or some items of an array with commas between: written as it stands, null to whoever looks at it. */
struct json *json_new_written(struct span canonical);
struct json *json_new_bool(bool v);
/* Deep. jansson, which tests hold this against, exports this name: the symbol differs, so that neither calls the other's. */
struct json *json_copy(const struct json *j) __asm__("vouchsafe_json_copy");
/* These take ownership of `value`; setting replaces. */
void json_set(struct json *object, const char *key, struct json *value);
void json_push(struct json *array, struct json *value);
/* Bytes that are no UTF-8, and NUL, become U+FFFD. */
void json_set_text(struct json *object, const char *key, const char *value);
void json_set_span(struct json *object, const char *key, struct span text);
void json_set_int(struct json *object, const char *key, int64_t v);
void json_set_bool(struct json *object, const char *key, bool v);
void json_set_base64url(struct json *object, const char *key, struct span bytes);
void json_set_hex(struct json *object, const char *key, struct span bytes);
/* Canonical bytes, appended to `out`; nothing is appended on a fault. FAULT_EXHAUSTED "TOO_LARGE" past the limit of
 * `out`, FAULT_INVALID "TOO_DEEP" past JSON_WRITE_DEPTH_MAX. */
struct fault *json_write(const struct json *j, struct buf *out) MUST_USE;
/* For people: two-space indent, keys in insertion order, no newline at the end. */
struct fault *json_write_pretty(const struct json *j, struct buf *out) MUST_USE;
