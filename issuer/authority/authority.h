/* authority: the credential authority: root, online intermediate, and the signer process that holds their keys.
 *
 * authority_start forks the signer before any thread, socket or library state exists: the child has no network and, after loading,
 * no files (seccomp); the parent never sees a private key. Orders go over a socketpair as structured fields, never as bytes to
 * sign: the signer builds each leaf itself and refuses what the authority may not issue (foreign trust domain, CA
 * bits, too long a life, past the intermediate's end, a serial used twice in its window). The root key is opened only to sign the intermediate (P-256, ≤ 24 h, renewed at half its
 * life) and closed again. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/crypt/x509.h"

#define INTERMEDIATE_LIFE_MIN_MS (60LL * 1000)
#define INTERMEDIATE_LIFE_MAX_MS (24LL * 3600 * 1000)

struct authority_options {
        const char *trust_domain;
        /* PEM file: the root that signs, then roots that are only published: the next one before its first use, the last
         * one while what it signed still lives. NULL: no credentials are issued, and there is no root. */
        const char *root_certificate;
        const char *root_key;         /* PEM file, opened by the signer only */
        int64_t intermediate_life_ms; /* INTERMEDIATE_LIFE_MIN_MS to _MAX_MS */
        int64_t max_leaf_life_ms;
        int64_t backdate_ms;
        /* File that the token keys come from (token_keys.h), read by the signer only, and made by it when it is missing; NULL: no tokens. */
        const char *token_key;
        int64_t token_key_life_ms; /* at least max_leaf_life_ms and token_key_lead_ms */
        int64_t token_key_lead_ms; /* how long a key is published before it is used, where older bundles may be about */
        const char *
                result_key; /* PEM file, opened by the signer only (result_key.h); NULL: no attestation results are signed */
        const char *verifier; /* with it: the id that results are signed as */
        /* In this process, once the signer has its keys and before the first thread: here the parent shuts itself out of what only the signer had to
         * reach. NULL: nothing. */
        struct fault *(*shield)(void *arg);
        void *shield_arg;
        /* What the certificates' dates go by, in both processes. NULL: clock_system. */
        const struct clock *clock;
};
struct authority;
/* Makes the root (P-256, ten years) when neither file exists, one without the other is an error, and with it the file of token keys. For
 * `vouchsafe-issuer init`. */
struct fault *authority_init_root(const struct authority_options *o, struct wall now) MUST_USE;
/* Forks. Call before anything else starts. */
struct fault *authority_start(const struct authority_options *o, struct authority **ret) MUST_USE;

struct leaf_order {
        uint8_t serial[16]; /* from authority_serial, recorded before */
        const char *identity;
        const char *const *dns;
        size_t dns_count;
        struct span spki;
        int64_t not_before_unix_s, not_after_unix_s;
        bool insecure_development; /* the certificate says so (OID_INSECURE_DEVELOPMENT), or the token does (WIT_CLAIM_DEVELOPMENT) */
        bool token; /* a Workload Identity Token: for a P-256 key, without DNS names; jti is the serial in hex */
        struct span claims; /* of a token: JSON object of business claims, as policies name them; none: no claims */
};
struct leaf_issued {
        struct buf leaf; /* DER; of a token order the token */
        struct buf
                issuer; /* DER of the intermediate that signed it: what the chain must carry, also right after a renewal */
};
#define LEAF_DNS_MAX     8
#define TOKEN_CLAIMS_MAX ((size_t) 4 * 1024)
/* `ret` is an array of `count`; on a fault nothing in it is set. All or none. Thread-safe; many orders in one round trip to the signer. FAULT_UNAVAILABLE "SIGNER_GONE" when it died (the program
 * should exit then), FAULT_DENIED "authority.*" when the signer refuses. */
struct fault *authority_issue(struct authority *a, const struct leaf_order *orders, size_t count, struct cancel *cancel,
                              struct leaf_issued *ret) MUST_USE;
void leaf_issued_clear(struct leaf_issued *l);
/* Current intermediate (DER, borrowed until the next call from this thread… copied into `out`), and the roots. */
struct fault *authority_intermediate(struct authority *a, struct buf *out, int64_t *ret_not_after_unix_s) MUST_USE;
struct fault *authority_roots(struct authority *a, struct cert_list *ret) MUST_USE;
/* Could a token be signed now? So that one pod waits, and not the whole call. FAULT_DENIED "authority.token_key" (there are no token keys),
 * FAULT_UNAVAILABLE "authority.token_key" (the first one is published, and not used yet). */
struct fault *authority_check_tokens(struct authority *a) MUST_USE;
/* The token keys to publish now, as an array of JWKs (the caller's), and when that changes (INT64_MAX: never). */
struct json;
struct fault *authority_token_keys(struct authority *a, struct json **ret, int64_t *ret_until_unix_s) MUST_USE;
/* Signs the claims of an attestation result (ear_claims); the signer reads them again. FAULT_DENIED "authority.result", FAULT_UNAVAILABLE "SIGNER_GONE". */
struct fault *authority_sign_result(struct authority *a, const struct json *claims, struct cancel *cancel,
                                    struct buf *ret) MUST_USE;
/* The key that results are signed with, as a set with its kid; NULL: none. Borrowed. */
struct jwk_set;
const struct jwk_set *authority_result_keys(const struct authority *a);
/* The time (clock_head), then 88 random bits; top bit clear. Serials of one time lie side by side in the ledger's index. */
void authority_serial(uint8_t ret[16]);
/* True once the signer is gone: health fails and the program leaves. */
bool authority_is_dead(struct authority *a);
/* How often the intermediate was due and could not be renewed. Issuing goes on while the current one lives; an "intermediate_not_renewed" of at
 * most one a minute says why. */
uint64_t authority_renewal_failures(struct authority *a);
void authority_stop(struct authority *a);
DEFINE_AUTO_VALUE(leaf_issued)
