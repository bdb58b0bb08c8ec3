/* jwt: compact JWS read and written, and JWK sets. One strict reader for every token that we take.
 *
 * jwt_verify checks structure, the algorithm against the key (never the header's word alone), and the signature over the
 * exact bytes; the claims are then parsed from those same bytes. Header: alg, kid, typ; `crit`, `jwk`, `jku`, `x5u` are refused;
 * "none" and symmetric algorithms do not exist here. Claims checks (aud, exp, …) belong to the caller, who has "now". */
#pragma once

#include "lib/crypt/key.h"
#include "lib/wire/json.h"

#define JWT_MAX ((size_t) 16 * 1024)

struct jwk_set;
struct fault *jwk_set_parse(struct span json,
                            struct jwk_set **ret) MUST_USE; /* RFC 7517; EC P-256/P-384, RSA; unknown kty skipped */
size_t jwk_set_count(const struct jwk_set *s);
const struct key *jwk_set_key(const struct jwk_set *s, size_t index);     /* NULL past the last */
const struct key *jwk_set_find(const struct jwk_set *s, struct span kid); /* NULL: none */
void jwk_set_free(struct jwk_set *s);
DEFINE_AUTO(jwk_set)
/* {"kty":"EC","crv":"P-256","x":…,"y":…} or RSA; no kid, no alg. */
struct json *jwk_from_key(const struct key *k);

/* FAULT_UNAUTHENTICATED, tokens: "jwt.structure", "jwt.algorithm", "jwt.key" (no such kid), "jwt.signature", "jwt.type".
 * `typ` may be NULL (not compared). A token without kid is tried only when the set has exactly one key. */
struct fault *jwt_verify(struct span token, const struct jwk_set *keys, const char *typ,
                         struct json **ret_claims) MUST_USE;
/* ES256/ES384/PS256 by the key's kind. */
struct fault *jwt_sign(const struct key *k, const char *typ, const char *kid, const struct json *claims,
                       struct buf *out) MUST_USE;
