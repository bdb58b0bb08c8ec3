/* ear: attestation results as tokens: EAT Attestation Results (draft-ietf-rats-ear-03, JSON), signed as a JWT.
 *
 * A verifier writes one, and whoever trusts that verifier reads the same attestation result back: facts, concerns, collateral and checks are in
 * it under names that nobody else has, so that the policy decides as if the verifier were in its own process. An EAR is bound: to who presents it
 * (`cnf`: the key of its TLS connection), to the keys that were in the evidence ("vouchsafe.dev/keys": SHA-256 of each SPKI: credential
 * keys, or the key that a released one is sealed to), to an audience and a nonce. Who believes it, believes a pinned key of a named verifier; a key found
 * in the token is never one. Statuses are computed again from the vectors: a claimed one may be worse, never better, and "none" (nobody
 * looked) is not taken.
 *
 * Refusals, FAULT_UNAUTHENTICATED: those of jwt_verify_by, and "jwk.*" of the key in `cnf`; "ear.issuer" (no verifier that is trusted here),
 * "ear.profile", "ear.jti", "ear.aud", "ear.iat", "ear.exp" (missing or mistyped), "ear.expired", "ear.not_yet_valid", "ear.age" (older
 * than the rules allow), "ear.life" (end too far from its beginning), "ear.nonce", "ear.cnf", "ear.holder" (bound to somebody else), "ear.keys" (list mistyped), "ear.key" (not bound to
 * a key of the request), "ear.verifier_id", "ear.policy", "ear.submods", "ear.kind", "ear.status", "ear.vector", "ear.digest", "ear.facts" (mistyped, of an
 * origin that no verifier knows, or at odds with the rest), "ear.concerns", "ear.not_checked", "ear.collateral", "ear.not_after",
 * "ear.checks", "ear.credentials". */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/jwt.h"
#include "lib/model/attestation_result.h"

#define EAR_PROFILE    "tag:ietf.org,2026:rats/ear#03"
#define EAR_DEVELOPER  "https://vouchsafe.dev"
#define EAR_TYPE       "eat+jwt" /* RFC 9711 §10.3, RFC 8725 §3.11 */
#define EAR_MAX        ((size_t) 256 * 1024)
#define EAR_KEYS_MAX   64
#define EAR_NONCE_MIN  8 /* RFC 9711 §4.1 */
#define EAR_NONCE_MAX  64
#define EAR_LIFE_MAX_S 3600

struct ear_order {
        const char *verifier; /* iss: its id */
        const char *build;    /* of the verifier's program */
        const char *id;       /* jti: the verifier's record */
        const char *audience; /* who shall believe it */
        const char *policy;   /* digest of what it was appraised by; NULL: not said */
        struct span nonce;    /* that the evidence answered */
        const struct key *holder;
        size_t key_count; /* 1 to EAR_KEYS_MAX */
        const uint8_t (*keys)[SHA256_LEN];
        int64_t issued_unix_s, expires_unix_s;
        const struct json *credentials; /* array: what the authority issued on the verifier's word; NULL: none */
        const struct attestation_result *result;
};
/* Signed with `signer` (ES256 or ES384, with a kid). What ear_verify would refuse for any "now" is not built: the same refusals. */
struct fault *ear_build(const struct ear_order *o, const struct jwt_signer *signer, struct buf *out) MUST_USE;
/* The two halves of it, where the key lies in another process: claims that ear_verify would take, and the signature over claims that
 * the signer has read again (ear_read_claims). */
struct fault *ear_claims(const struct ear_order *o, struct json **ret) MUST_USE;
struct fault *ear_sign_claims(const struct json *claims, const struct jwt_signer *signer, struct buf *out) MUST_USE;
/* The claims alone, bound to nobody: for people. */
struct json *attestation_result_to_ear(const struct attestation_result *r, const char *verifier_build, struct wall now);

struct ear {
        char *verifier, *build, *id, *audience;
        char *policy; /* NULL: not said */
        struct buf nonce;
        struct key *holder;
        size_t key_count;
        uint8_t keys[EAR_KEYS_MAX][SHA256_LEN];
        int64_t issued_unix_s, expires_unix_s;
        struct json *credentials; /* NULL: none */
        struct attestation_result result;
};
struct ear_verifier { /* one that is trusted */
        const char *id;
        const struct jwk_set *keys;
};
struct ear_rules {
        const struct ear_verifier *verifiers;
        size_t verifier_count;
        const char *audience;
        struct span nonce;        /* SPAN_NONE: whatever it is, the caller looks at it */
        const struct key *holder; /* of who presents it; NULL: the caller compares */
        size_t key_count;         /* each of these must be named in it */
        const uint8_t (*keys)[SHA256_LEN];
        struct wall now;
        int64_t leeway_s;
        int64_t age_max_s; /* since its issue; 0: until it expires */
};
struct fault *ear_verify(struct span token, const struct ear_rules *rules, struct ear *ret) MUST_USE;
bool ear_has_key(const struct ear *e, const uint8_t spki_sha256[SHA256_LEN]);
/* What claims say, whoever vouches for them. */
struct fault *ear_read_claims(const struct json *claims, struct ear *ret) MUST_USE;
void ear_clear(struct ear *e);
DEFINE_AUTO_VALUE(ear)
