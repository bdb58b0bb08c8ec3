/* wit: Workload Identity Tokens (WIMSE workload credentials; SPIFFE WIT-SVID), written by the issuer and read by whoever relies on them.
 *
 * A token of ours keeps the stricter rule of both: header exactly alg, kid, typ; typ "wit+jwt", ES256; `sub` a SPIFFE id, `iss`, `iat`,
 * `exp`, `jti`, perhaps `nbf`; `cnf` with exactly one `jwk`, public, asymmetric, with its `alg`; no `aud`; every other claim under a name
 * that nobody else can mean ("corp.example/data-class"). It is worth nothing without a proof of the key in `cnf` (wpt.h, http_signature.h).
 * Keys are chosen by the trust domain, never by anything found in the token.
 *
 * Refusals, FAULT_UNAUTHENTICATED: those of jwt_verify_by; "jwk.private", "jwk.alg", "jwk.key" of the key in `cnf`; "wit.aud", "wit.sub",
 * "wit.trust_domain", "wit.iss", "wit.jti", "wit.iat", "wit.nbf", "wit.exp" (missing, mistyped, or in an impossible order), "wit.life"
 * (longer than WIT_LIFE_MAX_S), "wit.expired", "wit.not_yet_valid", "wit.cnf", "wit.claim" (a name that others could use), "wit.claim_count". */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/jwt.h"

#define WIT_TYPE "wit+jwt"
#define WIT_USE  "wit-svid" /* of its keys in a bundle */
/* True in a token that evidence stands behind which proved nothing. */
#define WIT_CLAIM_DEVELOPMENT "vouchsafe.dev/insecure-development"
#define WIT_HEADER            "Workload-Identity-Token"
#define WIT_MAX               ((size_t) 8 * 1024) /* it travels in a header field */
#define WIT_CLAIMS_MAX        64
#define WIT_LIFE_MAX_S        (24 * 3600)

struct wit {
        char *id;      /* jti: what the ledger finds its record by */
        char *issuer;  /* iss */
        char *subject; /* sub */
        int64_t issued_unix_s, expires_unix_s;
        int64_t not_before_unix_s; /* 0: not said */
        struct key *key;           /* cnf.jwk: who holds its private half may use the token */
        const char *key_alg;       /* "ES256", …; when building: by the key's kind */
        struct json *claims;       /* object of business claims, named as in the token; NULL: none */
};
/* Signed with `signer` (ES256, with a kid). What wit_verify would refuse for any "now" is not built: the same refusals. */
struct fault *wit_build(const struct wit *w, const struct jwt_signer *signer, struct buf *out) MUST_USE;

struct wit_rules {
        const char *trust_domain; /* whose keys `keys` are: `sub` must lie in it */
        struct wall now;
        int64_t leeway_s; /* for clocks that differ */
};
struct fault *wit_verify(struct span token, const struct jwk_set *keys, const struct wit_rules *rules,
                         struct wit *ret) MUST_USE;
/* One's own token, whose signature is for others to check: the same shape, any issuer. */
struct fault *wit_peek(struct span token, struct wit *ret) MUST_USE;
void wit_clear(struct wit *w);
DEFINE_AUTO_VALUE(wit)

/* A policy's claims as a token names them: "app" of the domain corp.example is "corp.example/app". */
struct json *wit_claims_of(const struct json *policy_claims, const char *domain);
/* True for a host name of two labels or more, a slash, and a name; and for a URI. */
bool wit_claim_is_collision_resistant(const char *name);
