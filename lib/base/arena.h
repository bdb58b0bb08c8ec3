/* arena: memory of many small things that live and die together (a compiled policy, the facts of an appraisal), so that none of them has an
 * owner of its own and freeing is one loop. One thread. */
#pragma once

#include "lib/base/span.h"

struct arena;

/* It grows by blocks of `block_len`; what is larger gets a block of its own. */
struct arena *arena_new(size_t block_len);
void *arena_zero(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
char *arena_string(struct arena *a, const char *text) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));
struct span arena_bytes(struct arena *a, struct span bytes);
void arena_free(struct arena *a);
DEFINE_AUTO(arena)
