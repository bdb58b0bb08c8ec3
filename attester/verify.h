/* verify: everything that comes back is checked before the node plugin sees it. Pure.
 *
 * A certificate must chain to the bundle's roots, a Workload Identity Token must be signed by one of the bundle's token keys (verify_wit.c);
 * either must hold the key that was asked for, have exactly the promised SPIFFE id and dates, and be valid now; the issuer's clock and ours
 * must agree to five minutes. A control plane that swaps credentials is noticed here. `certs` only saves parsing what was parsed before. */
#pragma once

#include "attester/cert_cache.h"
#include "attester/order.h"
#include "lib/model/bundle.h"

#define CLOCK_SKEW_MAX_S 300

#define SERIAL_TEXT_MAX 40 /* a certificate's serial in hex, a token's jti */

/* Is it what the slot of that type was promised? FAULT_INTERNAL with tokens "reply.chain", "reply.token", "reply.key", "reply.identity",
 * "reply.validity", "reply.type", and those of cert_verify and wit_verify; FAULT_PRECONDITION "clock.skew". */
struct fault *verify_credential(const struct issued_credential *c, const char *type, const struct key *key,
                                const struct bundle *bundle, struct cert_cache *certs, struct wall now,
                                char ret_serial[SERIAL_TEXT_MAX + 1]) MUST_USE;
/* The part of it for tokens. */
struct fault *verify_wit(const struct issued_credential *c, const struct key *key, const struct bundle *bundle,
                         struct wall now, char ret_id[SERIAL_TEXT_MAX + 1]) MUST_USE;
struct fault *verify_server_time(int64_t server_unix_s, struct wall now) MUST_USE;
