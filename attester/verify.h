/* verify: everything that comes back is checked before the node plugin sees it. Pure.
 *
 * A certificate must chain to the bundle's roots, hold the key that was asked for, have exactly the promised SPIFFE id, and be valid now;
 * the issuer's clock and ours must agree to five minutes. A control plane that swaps credentials is noticed here. `certs` only saves
 * parsing what was parsed before. */
#pragma once

#include "attester/cert_cache.h"
#include "attester/order.h"
#include "lib/model/bundle.h"

#define CLOCK_SKEW_MAX_S 300

/* FAULT_INTERNAL with tokens "reply.chain", "reply.key", "reply.identity", "reply.validity", "reply.type", FAULT_PRECONDITION "clock.skew". `ret_serial` is hex. */
struct fault *verify_credential(const struct issued_credential *c, const struct key *key, const struct bundle *bundle,
                                struct cert_cache *certs, struct wall now, char ret_serial[41]) MUST_USE;
struct fault *verify_server_time(int64_t server_unix_s, struct wall now) MUST_USE;
