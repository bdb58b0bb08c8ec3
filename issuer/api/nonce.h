/* nonce: freshness without state. A nonce proves by itself that this issuer, or a replica with the same secret, made it and when.
 *
 *     u8 version = 1 ‖ u32 key id ‖ u64 time (Unix ms) ‖ 16 random bytes ‖ 32 bytes HMAC-SHA-256
 *
 * The key id is the hour of the time; its key is HMAC(master, "vouchsafe-nonce-v1" ‖ 0x00 ‖ hour), so keys change every hour and, with a
 * life of five minutes, at most two are live. The MAC covers the audience as well: a nonce of another issuer is foreign even under a shared
 * master. Single use is the ledger's to see (a unique row of the digest). Pure: time and randomness come in. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/secret.h"
#include "lib/crypt/hash.h"

#define NONCE_LEN        61
#define NONCE_RANDOM_LEN 16
#define NONCE_LIFE_MS    (300LL * 1000)
#define NONCE_AHEAD_MS   (5LL * 1000) /* clocks of replicas differ by this much */
#define MASTER_LEN       32

void nonce_make(const struct secret *master, const char *audience, struct wall now,
                const uint8_t random[NONCE_RANDOM_LEN], uint8_t ret[NONCE_LEN]);
/* FAULT_UNAUTHENTICATED "nonce.malformed", "nonce.foreign", "nonce.expired", "nonce.future". `ret_expires_unix_s` is when its row may be
 * forgotten. */
struct fault *nonce_check(const struct secret *master, const char *audience, struct wall now, struct span nonce,
                          int64_t *ret_expires_unix_s) MUST_USE;
/* Another key of the same master, for other purposes than nonces; `label` tells which. */
struct secret *master_derive(const struct secret *master, const char *label);
