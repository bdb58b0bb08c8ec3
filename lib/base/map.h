/* map: string keys to pointers, in the order of insertion.
 *
 * Keyed hashing (a random seed per process), so a peer can't choose collisions. Keys are copied; values belong to the
 * caller. Not thread-safe: its owner guards it. */
#pragma once

#include "lib/base/span.h"

struct map;

struct map *map_new(size_t max_entries);
/* Replaces: *ret_old (may be NULL) gets what was there. FAULT_EXHAUSTED "MAP_FULL" past max_entries. */
struct fault *map_put(struct map *m, const char *key, void *value, void **ret_old) MUST_USE;
void *map_get(const struct map *m, const char *key); /* NULL: none */
void *map_remove(struct map *m, const char *key);    /* NULL: none */
size_t map_count(const struct map *m);
/* for (size_t at = 0; map_next(m, &at, &key, &value);) The entry just given may be removed meanwhile. */
bool map_next(const struct map *m, size_t *at, const char **ret_key, void **ret_value);
void map_free(struct map *m);
DEFINE_AUTO(map)
