/* pool: worker threads behind a queue with a limit.
 *
 * Work is handed over as a function and a pointer; a full queue refuses at once (FAULT_EXHAUSTED "QUEUE_FULL").
 * pool_free stops taking work, runs what is queued, and joins. */
#pragma once

#include "lib/base/fault.h"

struct pool;

/* `name` (a literal, ≤ 15 characters) names the threads. Signals are blocked in them. */
struct pool *pool_new(const char *name, unsigned threads, size_t queue_max);
struct fault *pool_submit(struct pool *p, void (*run)(void *work), void *work) MUST_USE;
size_t pool_queued(struct pool *p);
void pool_free(struct pool *p);
DEFINE_AUTO(pool)
