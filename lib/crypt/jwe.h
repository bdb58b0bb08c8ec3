/* jwe: secrets sealed to a key that only one workload holds (RFC 7516, compact form).
 *
 * Exactly one shape: ECDH-ES+A256KW on P-256 with a fresh ephemeral key, and A256GCM. A released key travels in this and in nothing else,
 * also inside TLS. Both parties are named in it (apu, apv: RFC 7518 §4.6.1): they go into the derived key, and whoever opens compares
 * them with what it expects, so that what was sealed for one purpose opens for no other. Plaintext exists in locked pages only.
 *
 * What can be told from the text is refused before any key is used. Refusals, all FAULT_UNAUTHENTICATED: "jwe.too_large", "jwe.structure"
 * (not five parts of base64url, something after them), "jwe.header" (not strict JSON, a name twice, a wrong type), "jwe.zip", "jwe.crit",
 * "jwe.member" (a header member that isn't known here), "jwe.algorithm", "jwe.encryption", "jwe.epk" (not a public P-256 key on the
 * curve), "jwe.party" (apu or apv differ from what is expected), "jwe.length" (wrapped key, IV, tag, or nothing sealed), "jwe.key" (the
 * key does not unwrap: sealed to another one), "jwe.tag" (changed). */
#pragma once

#include "lib/crypt/key.h"

#define JWE_MAX       ((SECRET_MAX + 2) / 3 * 4 + 2048)
#define JWE_PARTY_MAX 512

struct jwe_parties {
        struct span producer;  /* apu: who seals, e.g. the issuer's id; SPAN_NONE: not said */
        struct span recipient; /* apv: for what it is sealed, e.g. the nonce of the attestation; SPAN_NONE: not said */
};
/* `to` is P-256: FAULT_INVALID "KEY_KIND" otherwise. `kid` and `cty` may be NULL. */
struct fault *jwe_seal(const struct key *to, const struct jwe_parties *parties, const char *kid, const char *cty,
                       const struct secret *plain, struct buf *out) MUST_USE;
/* `own` is private and P-256: FAULT_INVALID "KEY_KIND" otherwise. */
struct fault *jwe_open(const struct key *own, const struct jwe_parties *parties, struct span token,
                       struct secret **ret_plain) MUST_USE;

/* Concat KDF (RFC 7518 §4.6.2; NIST SP 800-56A §5.8.1), one round of SHA-256: 1 to 32 bytes for algorithm `alg`. */
struct secret *jwe_concat_kdf(const struct secret *shared, struct span alg, const struct jwe_parties *parties,
                              size_t key_len);
