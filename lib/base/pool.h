/* pool: worker threads behind a queue with a limit.
 *
 * Work is handed over as a function and a pointer; a full queue refuses at once (FAULT_EXHAUSTED "QUEUE_FULL").
 * Threads come when there is more work than idle ones, up to the pool's number, and go when they have had none for a while, since each
 * keeps the stack that it has touched; one always stays. pool_free stops taking work, runs what is queued, and joins. */
#pragma once

#include <stdbool.h>

#include "lib/base/fault.h"

struct pool;

/* `name` (a literal, ≤ 15 characters) names the threads, at most `threads`. Signals are blocked in them. */
struct pool *pool_new(const char *name, unsigned threads, size_t queue_max);
/* How long a thread stays without work: two seconds unless told; counts from its next job on. */
void pool_set_idle(struct pool *p, int64_t idle_ms);
unsigned pool_threads(struct pool *p); /* there now */
struct fault *pool_submit(struct pool *p, void (*run)(void *work), void *work) MUST_USE;
size_t pool_queued(struct pool *p);
bool pool_is_free(struct pool *p); /* a job would start at once */
void pool_free(struct pool *p);
DEFINE_AUTO(pool)
