/* proof: the header fields of a request that show whose it is, from what was read and told. Pure but for the files that hold other tokens
 * and the body, which the caller has read. */
#pragma once

#include "sign/arguments.h"
#include "sign/credential.h"

#define PROOF_MAX ((size_t) 128 * 1024)

struct proof_inputs {
        struct span access_token, txn_token; /* SPAN_NONE: none */
        struct span body;                    /* empty: none */
        bool has_body;
        struct wall now;
        uint8_t random[16]; /* makes it unlike every other */
};
struct fault *proof_wpt(const struct arguments *a, const struct credential *c, const struct proof_inputs *in,
                        struct buf *out) MUST_USE;
struct fault *proof_http(const struct arguments *a, const struct credential *c, const struct proof_inputs *in,
                         struct buf *out) MUST_USE;
