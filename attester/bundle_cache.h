/* bundle_cache: the trust bundle in hand, refreshed by its own thread at the issuer's hint (or at once when a reply names a newer
 * one), over a connection of its own. Readers take copies; a listener hears of each new sequence. */
#pragma once

#include "attester/issuer.h"
#include "lib/model/bundle.h"

struct bundle_cache;
struct bundle_copy { /* as the node plugin gets it */
        struct bundle bundle;
        struct buf json, roots_pem;
};
void bundle_copy_clear(struct bundle_copy *b);
DEFINE_AUTO_VALUE(bundle_copy)

/* `issuer` is taken, and used by the cache's thread alone. */
struct fault *bundle_cache_start(struct issuer *issuer, const struct clock *clock,
                                 void (*changed)(void *arg, uint64_t sequence), void *arg,
                                 struct bundle_cache **ret) MUST_USE;
/* Waits for a bundle of at least this sequence (0: any). */
struct fault *bundle_cache_get(struct bundle_cache *b, uint64_t at_least, struct cancel *cancel,
                               struct bundle_copy *ret) MUST_USE;
uint64_t bundle_cache_sequence(struct bundle_cache *b); /* 0: none yet */
void bundle_cache_stop(struct bundle_cache *b);
