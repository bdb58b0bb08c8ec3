/* cancel: a deadline and a flag that travel with a piece of work.
 *
 * Anything that can take time accepts a `struct cancel *`. Whoever gives up on the work trips it; whoever does the work
 * checks it between steps, or blocks in cancel_wait and is woken. The owner keeps it alive until the work has ended.
 * Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/clock.h"

struct cancel {
        const struct clock *clock;
        struct boot deadline; /* INT64_MAX: none */
        atomic_bool tripped;
        pthread_mutex_t mu;
        void (*wake)(void *arg); /* guarded by mu */
        void *wake_arg;          /* guarded by mu */
};

void cancel_init(struct cancel *c, const struct clock *clock, struct boot deadline);
void cancel_clear(struct cancel *c);
DEFINE_AUTO_VALUE(cancel)
#define CANCEL_NO_DEADLINE ((struct boot){INT64_MAX})

void cancel_trip(struct cancel *c);
/* FAULT_CANCELLED "CANCELLED" or FAULT_DEADLINE "DEADLINE", or NULL: go on. `c` may be NULL: never cancelled. */
struct fault *cancel_check(const struct cancel *c) MUST_USE;
/* Milliseconds to the deadline, at least 0, at most `max_ms`. */
int64_t cancel_left_ms(const struct cancel *c, int64_t max_ms);
/* Calls wake(arg) once from cancel_trip (or at once, when already tripped). One waker at a time; NULL takes it away and
 * returns only when no wake is running: call it without the lock that the waker takes. The waker must not block. */
void cancel_set_wake(struct cancel *c, void (*wake)(void *arg), void *arg);
/* Waits on `cond` (made with cond_init_boot) under `mu` until signalled or the deadline; the flag's wake is the caller's
 * to arrange with cancel_set_wake. Returns cancel_check. Spurious wake-ups return NULL: loop on your predicate. */
struct fault *cancel_wait(struct cancel *c, pthread_cond_t *cond, pthread_mutex_t *mu) MUST_USE;
/* Waits for `ms`, and shorter when the work is given up meanwhile: cancel_check then. Uses the waker. */
struct fault *cancel_sleep(struct cancel *c, int64_t ms) MUST_USE;
/* A condition variable on CLOCK_MONOTONIC. */
void cond_init_boot(pthread_cond_t *cond);
