/* x509_signed: SEQUENCE { to be signed, AlgorithmIdentifier, BIT STRING }: what certificates and revocation lists have in common, read with
 * our own reader so that exactly the bytes that came are verified. Private to lib/crypt. RFC 5280 §4.1.1, §5.1.1. */
#pragma once

#include "lib/crypt/der.h"
#include "lib/crypt/x509.h"

struct x509_signed {
        struct span signed_bytes; /* the inner SEQUENCE with its head: what the signature covers */
        struct span inner;        /* its content */
        struct span algorithm;    /* AlgorithmIdentifier's content, outside the signature */
        struct span signature;
};
/* Exactly one, nothing after it. "BAD_DER". */
struct fault *x509_signed_read(struct span der, struct x509_signed *ret) MUST_USE;
/* `inner_algorithm` is the AlgorithmIdentifier's content that the signature covers: it must equal the outer one and be exactly the wanted
 * algorithm. FAULT_DENIED "x509.algorithm", "x509.signature". */
struct fault *x509_signed_verify(const struct x509_signed *s, struct span inner_algorithm, const struct key *issuer_key,
                                 enum cert_signature wanted) MUST_USE;
