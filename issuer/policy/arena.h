/* arena: memory of a compiled policy. Everything in it lives and dies with the policy, so nothing in a program has an
 * owner of its own and freeing is one loop. Not thread-safe: only the compiler allocates. */
#pragma once

#include "lib/base/span.h"

struct arena;

struct arena *arena_new(void);
void *arena_zero(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
char *arena_string(struct arena *a, const char *text) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));
struct span arena_bytes(struct arena *a, struct span bytes);
void arena_free(struct arena *a);
DEFINE_AUTO(arena)
