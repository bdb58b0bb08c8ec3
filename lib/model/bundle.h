/* bundle: the trust bundle of a trust domain, in SPIFFE's form (SPIFFE Trust Domain and Bundle §4): a JWK set with
 * "spiffe_sequence" and "spiffe_refresh_hint", roots as keys with use "x509-svid" and one x5c, token keys with use
 * "wit-svid" and a kid. */
#pragma once

#include "lib/crypt/jwt.h"
#include "lib/crypt/x509.h"
#include "lib/model/spiffe_id.h"

#define BUNDLE_ROOTS_MAX 16
struct bundle {
        uint64_t sequence;
        int64_t refresh_hint_s;
        size_t root_count;
        struct buf roots[BUNDLE_ROOTS_MAX]; /* DER */
        struct json *token_keys;            /* array of JWK, may be empty */
};
struct fault *bundle_write(const struct bundle *b, struct buf *out) MUST_USE;
struct fault *bundle_read(struct span text, struct bundle *ret) MUST_USE; /* "BAD_BUNDLE"; no root at all is refused */
struct fault *bundle_roots_pem(const struct bundle *b, struct buf *out) MUST_USE;
/* The token keys, for verifying. */
struct fault *bundle_token_key_set(const struct bundle *b, struct jwk_set **ret) MUST_USE;
/* By the first root's SPIFFE id. "BAD_BUNDLE" where that has none. */
struct fault *bundle_trust_domain(const struct bundle *b, char ret[TRUST_DOMAIN_MAX + 1]) MUST_USE;
void bundle_clear(struct bundle *b);
DEFINE_AUTO_VALUE(bundle)
