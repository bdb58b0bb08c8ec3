/* cose: COSE_Sign1 (RFC 9052 §4.2), as evidence documents are signed: one signer, the algorithm protected, no external data. */
#pragma once

#include "lib/crypt/key.h"

#define COSE_ES256 (-7)
#define COSE_ES384 (-35)

struct cose_sign1 {                   /* spans point into the input */
        struct span protected_header; /* as it was signed */
        int64_t algorithm;
        struct span payload, signature;
};
/* COSE_Sign1, with its tag 18 or without, and nothing after it. FAULT_INVALID "COSE"; a critical header, or one that is there twice, is
 * refused. */
struct fault *cose_sign1_read(struct span bytes, struct cose_sign1 *ret) MUST_USE;
/* The algorithm must be the key's: ES256 with P-256, ES384 with P-384. FAULT_DENIED "cose.algorithm", "cose.signature". */
struct fault *cose_sign1_verify(const struct cose_sign1 *c, const struct key *k) MUST_USE;
/* A COSE_Key (RFC 9052 §7) of type EC2 on P-256 or P-384, with both coordinates. FAULT_INVALID "COSE_KEY". */
struct fault *cose_key_read(struct span bytes, struct key **ret) MUST_USE;
