/* secret: bytes that must not leak.
 *
 * Keys and tokens live in pages that hold nothing else: locked, left out of core dumps, not inherited over fork; each is wiped when
 * freed (secret_room.h: several share a page).
 * A secret moves by TAKE and can't be logged (the log macro does not accept the type). Its size is fixed when it is
 * made. Where locking is refused (RLIMIT_MEMLOCK) the secret still works and secret_unlocked_count() says so once at
 * start-up; a program warns about it. A forked child may free a secret of its parent; reading it there crashes. */
#pragma once

#include "lib/base/span.h"

struct secret;

#define SECRET_MAX ((size_t) 64 * 1024)

/* Zeroed. Asserts 0 < len <= SECRET_MAX. */
struct secret *secret_new(size_t len);
struct secret *secret_copy(struct span bytes);
struct span secret_span(const struct secret *s);
uint8_t *secret_bytes(struct secret *s); /* for filling it */
size_t secret_len(const struct secret *s);
/* Shortens it in place, wiping the tail. */
void secret_shrink(struct secret *s, size_t len);
bool secret_eq(const struct secret *a, struct span b); /* constant time */
unsigned secret_unlocked_count(void);
void secret_free(struct secret *s);
DEFINE_AUTO(secret)

/* Wipes ordinary memory in a way the compiler can't drop. */
void wipe(void *bytes, size_t len);
