/* http_signature_base: the text that a signature is made over (RFC 9421 §2.5), and what of a message it must cover. For
 * http_signature.c and http_signature_verify.c. */
#pragma once

#include "lib/model/http_signature.h"

#define WIT_COMPONENT "workload-identity-token"

/* Fields that are covered when they are there, in this order; NULL-terminated. */
extern const char *const http_covered_fields[];

struct fault *http_refuse(const char *token, const char *why) MUST_USE;
/* The only field of that name, blanks around it stripped; *ret is SPAN_NONE when there is none. "http_signature.field" when there are two, or a
 * character in it that no field has. */
struct fault *http_field_find(const struct http_message *m, const char *name, struct span *ret) MUST_USE;
/* `"name": value` and a line feed. "http_signature.component", "http_signature.field". */
struct fault *http_base_add(const struct http_message *m, struct span component, struct buf *base) MUST_USE;
/* The last line. */
struct fault *http_base_end(struct span params, struct buf *base) MUST_USE;
/* A body has a Content-Digest, and a Content-Digest is the body's. "http_signature.digest". */
struct fault *http_check_digest(const struct http_message *m) MUST_USE;
