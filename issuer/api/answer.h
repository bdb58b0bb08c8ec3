/* answer: what all endpoints do alike: who may ask, the next nonce, and the refusal with it. */
#pragma once

#include "issuer/api/api.h"

/* A fresh nonce into `out` (any limit from NONCE_LEN on). */
void answer_nonce(const struct api *a, struct buf *out);
/* Admission: "RATE_LIMITED" by client key and by address (of IPv6, its /64). */
struct fault *answer_admit(const struct api *a, const struct httpd_request *q) MUST_USE;
/* The refusal as a problem document with "nonce", and the members of `extra` (an object; may be NULL). Counts and remembers it. Takes `refused`.
 * Returns a fault only when the document can't be written. */
struct fault *answer_refusal(struct api *a, const struct httpd_request *q, struct fault *refused,
                             const struct json *extra, struct httpd_response *r) MUST_USE;
/* Short name of the client for logs and the ring: 16 hex digits of its key's digest, or "". */
void answer_client(const struct httpd_request *q, char ret[17]);
