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
/* The same, and only keys whose "use" is this one: a SPIFFE bundle's "wit-svid". */
struct fault *jwk_set_parse_use(struct span json, const char *use, struct jwk_set **ret) MUST_USE;
size_t jwk_set_count(const struct jwk_set *s);
const struct key *jwk_set_key(const struct jwk_set *s, size_t index);     /* NULL past the last */
const struct key *jwk_set_find(const struct jwk_set *s, struct span kid); /* NULL: none */
void jwk_set_free(struct jwk_set *s);
DEFINE_AUTO(jwk_set)
/* The key that a JWK's numbers are, whatever else it says; *ret stays NULL for a type, curve or size that we don't take. */
struct fault *jwk_read_numbers(const struct json *jwk, struct key **ret) MUST_USE;
/* {"kty":"EC","crv":"P-256","x":…,"y":…} or RSA; no kid, no alg. */
struct json *jwk_from_key(const struct key *k);
/* One public key that says its algorithm, as `cnf` has it (RFC 7800 §3.2). All FAULT_UNAUTHENTICATED: "jwk.private" (holds a private or
 * symmetric key), "jwk.alg" (missing, or not of this key and of ours), "jwk.key" (no key of ours: type, curve, point, size). */
struct fault *jwk_read_public(const struct json *jwk, struct key **ret, const char **ret_alg) MUST_USE;
/* A private EC key with its "alg" as JSON text, for files that libraries read. "KEY_KIND" for RSA, and for a public one. */
struct fault *jwk_write_private(const struct key *k, struct secret **ret) MUST_USE;
/* SHA-256 over the members that make the key (RFC 7638), in base64url: a key id that nobody has to remember. */
struct fault *jwk_thumbprint(const struct key *k, struct buf *out) MUST_USE;
/* As a published set has it: the key, its "alg", "kid" and "use". */
struct json *jwk_published(const struct key *k, const char *kid, const char *use);
const char *jwt_alg_of(const struct key *k); /* what we sign with: ES256, ES384 or PS256 by the key's kind */

/* FAULT_UNAUTHENTICATED, tokens: "jwt.structure", "jwt.algorithm", "jwt.key" (no such kid), "jwt.signature", "jwt.type".
 * `typ` may be NULL (not compared). A token without kid is tried only when the set has exactly one key. */
struct fault *jwt_verify(struct span token, const struct jwk_set *keys, const char *typ,
                         struct json **ret_claims) MUST_USE;
/* What a kind of token demands beyond that. */
struct jwt_rules {
        const char *typ;                /* NULL: not compared */
        const char *const *header_only; /* NULL-terminated names, no other in the header: "jwt.header"; NULL: any */
        const char *const *algs;        /* NULL-terminated: no other: "jwt.algorithm"; NULL: all of ours */
        bool needs_kid;                 /* "jwt.key" */
        size_t max;                     /* bytes of the token; 0: JWT_MAX */
};
struct fault *jwt_verify_by(struct span token, const struct jwk_set *keys, const struct jwt_rules *rules,
                            struct json **ret_claims) MUST_USE;
/* With a key that came another way (a `cnf`), for exactly this algorithm. A kid in the header means nothing here. */
struct fault *jwt_verify_with(struct span token, const struct key *key, const char *alg, const struct jwt_rules *rules,
                              struct json **ret_claims) MUST_USE;
/* A signature as JWS has it (raw r‖s), over bytes that are no JWS. "jwt.algorithm", "jwt.signature". */
struct fault *jwt_verify_bytes(const struct key *key, const char *alg, struct span bytes,
                               struct span signature) MUST_USE;
/* Claims that nobody has vouched for: good for choosing whose keys to verify with, and for nothing else. "jwt.structure". */
struct fault *jwt_peek(struct span token, size_t max, struct json **ret_claims) MUST_USE;

/* Whoever signs: `sign` appends the raw signature of `signed_part` under `alg`. So header and claims are made in one place, wherever
 * the key lies. */
struct jwt_signer {
        const char *alg, *kid; /* kid NULL: none */
        struct fault *(*sign)(const void *self, struct span signed_part, struct buf *ret_signature);
        const void *self;
};
struct jwt_signer jwt_signer_of(const struct key *k, const char *kid); /* borrows both */
/* FAULT_EXHAUSTED "TOO_LARGE" past `max` (0: JWT_MAX) or the limit of `out`. */
struct fault *jwt_sign_by(const struct jwt_signer *s, const char *typ, const struct json *claims, size_t max,
                          struct buf *out) MUST_USE;
/* ES256/ES384/PS256 by the key's kind. */
struct fault *jwt_sign(const struct key *k, const char *typ, const char *kid, const struct json *claims,
                       struct buf *out) MUST_USE;
