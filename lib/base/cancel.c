#include "lib/base/cancel.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Longest single sleep. The condition variable counts CLOCK_MONOTONIC, which stands still while the machine is
 * suspended, and deadlines count CLOCK_BOOTTIME: looking again now and then bounds how late we notice. */
#define SLICE_MS 60000
/* With any other clock than the system's, time moves without waking anybody: look often. */
#define FOREIGN_SLICE_MS 5

void cancel_init(struct cancel *c, const struct clock *clock, struct boot deadline)
{
        c->clock = clock;
        c->deadline = deadline;
        atomic_init(&c->tripped, false);
        if (pthread_mutex_init(&c->mu, NULL) != 0)
                abort();
        c->wake = NULL;
        c->wake_arg = NULL;
}

void cancel_clear(struct cancel *c)
{
        (void) pthread_mutex_destroy(&c->mu); /* fails only for a locked one, which the owner rules out */
}

void cancel_trip(struct cancel *c)
{
        pthread_mutex_lock(&c->mu);
        atomic_store(&c->tripped, true);
        void (*wake)(void *arg) = c->wake;
        c->wake = NULL;
        if (wake != NULL)
                wake(c->wake_arg); /* under mu: cancel_set_wake(NULL) returns only when this has ended */
        pthread_mutex_unlock(&c->mu);
}

static bool has_deadline(const struct cancel *c)
{
        return c->deadline.ms != CANCEL_NO_DEADLINE.ms;
}

struct fault *cancel_check(const struct cancel *c)
{
        if (c == NULL)
                return NULL;
        if (atomic_load(&c->tripped))
                return fault(FAULT_CANCELLED, "CANCELLED", "given up by the caller");
        if (has_deadline(c) && clock_boot(c->clock).ms >= c->deadline.ms)
                return fault(FAULT_DEADLINE, "DEADLINE", "not done in time");
        return NULL;
}

int64_t cancel_left_ms(const struct cancel *c, int64_t max_ms)
{
        if (c == NULL || !has_deadline(c))
                return max_ms;
        int64_t left = 0;
        if (__builtin_sub_overflow(c->deadline.ms, clock_boot(c->clock).ms, &left))
                return c->deadline.ms > 0 ? max_ms : 0;
        if (left < 0)
                return 0;
        return left < max_ms ? left : max_ms;
}

void cancel_set_wake(struct cancel *c, void (*wake)(void *arg), void *arg)
{
        pthread_mutex_lock(&c->mu);
        bool now = wake != NULL && atomic_load(&c->tripped);
        c->wake = now ? NULL : wake;
        c->wake_arg = arg;
        if (now)
                wake(arg);
        pthread_mutex_unlock(&c->mu);
}

static struct timespec monotonic_in(int64_t ms)
{
        struct timespec at;
        if (clock_gettime(CLOCK_MONOTONIC, &at) != 0)
                abort();
        at.tv_sec += ms / 1000;
        at.tv_nsec += ms % 1000 * 1000000;
        if (at.tv_nsec >= 1000000000) {
                at.tv_sec++;
                at.tv_nsec -= 1000000000;
        }
        return at;
}

struct fault *cancel_wait(struct cancel *c, pthread_cond_t *cond, pthread_mutex_t *mu)
{
        TRY(cancel_check(c));
        bool foreign = c != NULL && has_deadline(c) && c->clock != &clock_system;
        struct timespec until = monotonic_in(cancel_left_ms(c, foreign ? FOREIGN_SLICE_MS : SLICE_MS));
        (void) pthread_cond_timedwait(cond, mu, &until); /* signalled or late: cancel_check tells */
        return cancel_check(c);
}

void cond_init_boot(pthread_cond_t *cond)
{
        pthread_condattr_t attr;
        if (pthread_condattr_init(&attr) != 0 || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
            pthread_cond_init(cond, &attr) != 0)
                abort();
        (void) pthread_condattr_destroy(&attr); /* no resource in it */
}

struct nap {
        pthread_mutex_t mu;
        pthread_cond_t woken;
};

static void end_nap(void *arg)
{
        struct nap *n = arg;
        pthread_mutex_lock(&n->mu);
        pthread_cond_broadcast(&n->woken);
        pthread_mutex_unlock(&n->mu);
}

struct fault *cancel_sleep(struct cancel *c, int64_t ms)
{
        struct nap n = {.mu = PTHREAD_MUTEX_INITIALIZER};
        struct timespec until = monotonic_in(cancel_left_ms(c, ms));
        cond_init_boot(&n.woken);
        if (c != NULL)
                cancel_set_wake(c, end_nap, &n);

        pthread_mutex_lock(&n.mu);
        struct fault *f = cancel_check(c);
        while (f == NULL && pthread_cond_timedwait(&n.woken, &n.mu, &until) != ETIMEDOUT)
                f = cancel_check(c); /* woken, perhaps for nothing */
        pthread_mutex_unlock(&n.mu);

        if (c != NULL)
                cancel_set_wake(c, NULL, NULL);
        pthread_cond_destroy(&n.woken);
        return f != NULL ? f : cancel_check(c);
}
