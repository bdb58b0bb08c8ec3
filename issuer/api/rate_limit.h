/* rate_limit: token buckets for clients, in a table of fixed size.
 *
 * A key is whatever text names a client ("key:<hex>", "address:<text>"). The table has RATE_SETS sets of RATE_WAYS buckets; a key's set
 * follows from a hash with a random seed, so nobody can choose whom to push out. A new key in a full set takes the place of the
 * fullest bucket: the client that loses least by being forgotten. Thread-safe. */
#pragma once

#include "lib/base/clock.h"

#define RATE_SETS 1024
#define RATE_WAYS 8

struct rate_limit;
/* `per_second` and `burst` ≥ 1. */
struct rate_limit *rate_limit_new(uint64_t per_second, uint64_t burst);
/* Takes one token. FAULT_EXHAUSTED "RATE_LIMITED" with the time to wait (fault_retry_after_ms) when there is none. */
struct fault *rate_limit_take(struct rate_limit *r, const char *key, struct boot now) MUST_USE;
void rate_limit_free(struct rate_limit *r);
DEFINE_AUTO(rate_limit)
