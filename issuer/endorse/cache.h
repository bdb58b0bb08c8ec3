/* cache: endorsements that are there: in memory what was asked for lately, in the issuer's store all of them, over restarts.
 *
 * What comes in proves nothing yet: it takes the place of one of its path unless it is older than one that an appraisal has believed (marks in the store, which only rise: somebody who plays an old TCB info back
 * gets nowhere with it, also after the cache was emptied). Marks are raised by what was verified, so a liar can't raise them. Thread-safe. */
#pragma once

#include "issuer/endorse/sort.h"

#define CACHE_MEMORY_COUNT_MAX 4096
#define CACHE_MEMORY_BYTES_MAX ((size_t) 64 << 20)
#define CACHE_LOOK_AGAIN_MS    60000 /* into the store, which other replicas write as well */

struct entry; /* counted */
const struct endorsement *entry_endorsement(const struct entry *e);
void entry_free(struct entry *e);
DEFINE_AUTO(entry)

struct cache;
struct cache *cache_new(struct store *store, const struct clock *clock, uint64_t count_max);
void cache_free(struct cache *c);
/* *ret stays NULL when there is none. Faults are the store's. */
struct fault *cache_find(struct cache *c, const char *path, struct entry **ret) MUST_USE;
/* FAULT_EXISTS "endorsements.older": the one that is there was issued later and was believed; it stays. FAULT_DENIED "endorsements.rollback". Faults of sort_read
 * and of the store. */
struct fault *cache_offer(struct cache *c, const char *path, struct span body, struct span chain) MUST_USE;
/* An appraisal has verified it: nothing older is taken from now on. */
void cache_believe(struct cache *c, struct entry *e);
