/* cbor: CBOR (RFC 8949) read item by item out of bounded bytes; nothing is allocated and nothing recurses. A small writer for what must be
 * rebuilt to be verified (COSE's Sig_structure).
 *
 * Items are taken in order with their wanted type: FAULT_INVALID "CBOR" (what was wanted, what stands there, where) otherwise. Integers
 * may be encoded longer than needed, strings must be definite; arrays and maps may be indefinite (RFC 8949 §3.2.2). On a fault the reader
 * has moved to where it was met. Spans point into the input. */
#pragma once

#include "lib/base/reader.h"

#define CBOR_DEPTH_MAX 16 /* of what is skipped */

enum cbor_major { CBOR_UINT, CBOR_NINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };
#define CBOR_NULL 22 /* simple value */

/* An array's or map's items: while (cbor_more(r, &list, &f)) take one (of a map: a key and a value); then TRY(f). */
struct cbor_list {
        uint64_t left;
        bool is_indefinite;
};
struct fault *cbor_peek(const struct reader *r, enum cbor_major *ret) MUST_USE;
struct fault *cbor_uint(struct reader *r, uint64_t *ret) MUST_USE;
struct fault *cbor_int(struct reader *r, int64_t *ret) MUST_USE; /* either sign; out of range is a fault */
struct fault *cbor_bytes(struct reader *r, struct span *ret) MUST_USE;
struct fault *cbor_text(struct reader *r, struct span *ret) MUST_USE; /* UTF-8 without NUL */
struct fault *cbor_array(struct reader *r, struct cbor_list *ret) MUST_USE;
struct fault *cbor_map(struct reader *r, struct cbor_list *ret) MUST_USE;
bool cbor_more(struct reader *r, struct cbor_list *list, struct fault **ret);
struct fault *cbor_tag(struct reader *r, uint64_t *ret) MUST_USE;
/* *ret: it was null, and has been taken; otherwise nothing has moved. */
struct fault *cbor_take_null(struct reader *r, bool *ret) MUST_USE;
/* One whole item, whatever it is, at most CBOR_DEPTH_MAX deep; its bytes. */
struct fault *cbor_skip(struct reader *r, struct span *ret) MUST_USE;

struct fault *cbor_write_head(struct buf *out, enum cbor_major major, uint64_t value) MUST_USE; /* shortest form */
struct fault *cbor_write_bytes(struct buf *out, struct span bytes) MUST_USE;
struct fault *cbor_write_text(struct buf *out, const char *text) MUST_USE;
