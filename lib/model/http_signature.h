/* http_signature: HTTP message signatures (RFC 9421) in the profile of WIMSE (draft-ietf-wimse-http-signature): the other way for a workload
 * to show that it holds its token's key, and one that covers the request itself.
 *
 * Covered are always the method, the target (as "@request-target", or as "@path" and "@query", which newer drafts prefer), the token, and
 * each of Content-Type, Content-Digest, Authorization and Txn-Token that is there; a body needs a Content-Digest, which is compared with it.
 * Parameters: created, expires, nonce, tag "wimse-workload-to-workload", wimse-aud; keyid and alg are refused: key and algorithm are those of
 * the token's `cnf`. Host is not covered, since proxies change it; whom a request is for says wimse-aud, and the receiver's own configuration
 * says who that may be. What the receiver acts upon must be covered: it takes nothing else from the message.
 *
 * Refusals, FAULT_UNAUTHENTICATED, each beginning with "http_signature.": "field" (a covered or signature field is missing, is there twice, or
 * has a line break in it), "structure" (http_fields.h), "tag" (no signature of this profile, or two), "component" (unknown, or twice), "coverage" (one that must
 * be covered is not), "parameter" (missing, mistyped, alg, keyid, or unknown), "expired", "not_yet_valid", "life", "nonce" (too short), "audience",
 * "digest", "wit" (not the token that was verified), "signature". Whether the nonce was seen before is for the caller to remember. */
#pragma once

#include "lib/model/wit.h"

#define HTTP_SIGNATURE_TAG        "wimse-workload-to-workload"
#define HTTP_SIGNATURE_LABEL      "wimse"
#define HTTP_SIGNATURE_LIFE_MAX_S 300
#define HTTP_SIGNATURE_NONCE_MIN  22 /* characters: 128 bits in base64url */
#define HTTP_MESSAGE_FIELDS_MAX   100
#define HTTP_SIGNATURE_BASE_MAX   ((size_t) 64 * 1024)

struct http_field {
        const char *name; /* in any case */
        struct span value;
};
struct http_message {
        struct span method; /* "POST" */
        struct span target; /* origin form, as sent: "/charge?currency=EUR" */
        size_t field_count;
        const struct http_field *fields;
        struct span body; /* empty: none */
};
struct http_signature_order {
        const struct http_message
                *message; /* with its Workload-Identity-Token, and its Content-Digest when it has a body */
        const char *audience, *nonce;
        int64_t created_unix_s, expires_unix_s;
        bool by_path; /* cover "@path" and "@query" instead of "@request-target" */
};
/* The values of the fields Signature-Input and Signature. `signer` has the token's key. FAULT_INVALID "BAD_FIELD" for an audience or nonce
 * that is no plain visible text; "http_signature.field", "http_signature.digest" when the message lacks what must be covered. */
struct fault *http_signature_build(const struct http_signature_order *o, const struct jwt_signer *signer,
                                   struct buf *ret_input, struct buf *ret_signature) MUST_USE;
/* The value of Content-Digest: `sha-256=:…:`. */
struct fault *http_content_digest(struct span body, struct buf *out) MUST_USE;

struct http_signature_rules {
        struct span wit;              /* the token as it came */
        const struct wit *holder;     /* and verified */
        const char *const *audiences; /* NULL-terminated: what the receiver is called */
        struct wall now;
        int64_t leeway_s;
        int64_t life_max_s; /* 0: HTTP_SIGNATURE_LIFE_MAX_S */
};
struct http_signature {
        char *nonce, *audience;
        int64_t created_unix_s, expires_unix_s;
};
struct fault *http_signature_verify(const struct http_message *m, const struct http_signature_rules *rules,
                                    struct http_signature *ret) MUST_USE;
void http_signature_clear(struct http_signature *s);
DEFINE_AUTO_VALUE(http_signature)
