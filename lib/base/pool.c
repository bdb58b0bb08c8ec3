#include "lib/base/pool.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define IDLE_MS 2000

struct job {
        void (*run)(void *work);
        void *work;
};

struct place {
        struct pool *pool;
        pthread_t thread;
        bool is_started; /* to be joined; guarded by mu */
};

struct pool {
        const char *name;
        unsigned thread_max;
        struct place *places;
        size_t queue_max;
        pthread_mutex_t mu;
        pthread_cond_t work_came;
        int64_t idle_ms;   /* guarded by mu, as all below */
        unsigned threads;  /* that work or wait for work */
        unsigned waiting;  /* of them, also those that are about to */
        struct job *queue; /* a ring of queue_max */
        size_t first;
        size_t queued;
        bool stopping;
};

static struct timespec after_ms(int64_t ms)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += ms / 1000;
        t.tv_nsec += ms % 1000 * 1000000;
        if (t.tv_nsec >= 1000000000) {
                t.tv_sec++;
                t.tv_nsec -= 1000000000;
        }
        return t;
}

/* With mu held. False when this thread has nothing more to do: the pool stops, or no work came in time, and it is not the last one. */
static bool wait_for_work(struct pool *p)
{
        const struct timespec until = after_ms(p->idle_ms);
        bool is_late = false;
        while (p->queued == 0 && !p->stopping && !(is_late && p->threads > 1)) {
                if (p->threads == 1)
                        pthread_cond_wait(&p->work_came, &p->mu);
                else
                        is_late = pthread_cond_timedwait(&p->work_came, &p->mu, &until) == ETIMEDOUT;
        }
        return p->queued > 0;
}

/* A new thread is counted among those that wait from its making on, so that the work it was made for makes no second one. */
static bool take(struct pool *p, struct place *own, bool is_new, struct job *ret_job)
{
        pthread_mutex_lock(&p->mu);
        p->waiting += !is_new;
        bool got = wait_for_work(p);
        p->waiting--;
        if (got) {
                *ret_job = p->queue[p->first];
                p->first = (p->first + 1) % p->queue_max;
                p->queued--;
        } else if (!p->stopping) {
                /* Nobody waits for it, or its stack would stay until then. Nothing of the pool is touched after the unlock below. */
                (void) pthread_detach(own->thread); /* can't fail: it runs, and only here */
                own->is_started = false;
                p->threads--;
        }
        bool is_over = !got && !p->stopping && p->threads == 1;
        pthread_mutex_unlock(&p->mu);
        if (is_over) /* the burst is: what it freed lies in pieces that the allocator keeps by itself */
                (void) malloc_trim(0); /* says only whether there was any */
        return got;
}

static void *worker(void *arg)
{
        struct place *own = arg;
        struct pool *p = own->pool;
        (void) pthread_setname_np(pthread_self(), p->name); /* only for a person who looks at the threads */
        struct job job;
        for (bool is_new = true; take(p, own, is_new, &job); is_new = false)
                job.run(job.work);
        return NULL;
}

/* Everything but what a thread's own mistake raises. */
static void block_signals(sigset_t *ret_before)
{
        static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
        sigset_t blocked;
        sigfillset(&blocked);
        for (size_t i = 0; i < COUNT_OF(own); i++)
                sigdelset(&blocked, own[i]);
        pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

/* With mu held: the new thread waits for it, which takes no longer than its start. False when the system has no thread to give. */
static bool thread_add(struct pool *p)
{
        struct place *free_one = p->places;
        while (free_one->is_started)
                free_one++; /* one is free: threads < thread_max */

        sigset_t before;
        block_signals(&before); /* the thread inherits it from the start */
        free_one->is_started = pthread_create(&free_one->thread, NULL, worker, free_one) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        p->threads += free_one->is_started;
        p->waiting += free_one->is_started;
        return free_one->is_started;
}

struct pool *pool_new(const char *name, unsigned threads, size_t queue_max)
{
        assert(threads > 0 && queue_max > 0 && strlen(name) <= 15);
        struct pool *p = NEW(struct pool);
        p->name = name;
        p->thread_max = threads;
        p->idle_ms = IDLE_MS;
        p->places = alloc_zero(threads, sizeof(*p->places));
        for (unsigned i = 0; i < threads; i++)
                p->places[i].pool = p;
        p->queue_max = queue_max;
        p->queue = alloc_zero(queue_max, sizeof(*p->queue));
        pthread_condattr_t monotonic;
        if (pthread_mutex_init(&p->mu, NULL) != 0 || pthread_condattr_init(&monotonic) != 0 ||
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
            pthread_cond_init(&p->work_came, &monotonic) != 0)
                abort();
        pthread_condattr_destroy(&monotonic);

        pthread_mutex_lock(&p->mu);
        if (!thread_add(p))
                abort(); /* as for memory: a program starts whole or not at all */
        pthread_mutex_unlock(&p->mu);
        return p;
}

struct fault *pool_submit(struct pool *p, void (*run)(void *work), void *work)
{
        pthread_mutex_lock(&p->mu);
        bool stopping = p->stopping;
        bool full = p->queued == p->queue_max;
        if (!stopping && !full) {
                p->queue[(p->first + p->queued) % p->queue_max] = (struct job){run, work};
                p->queued++;
                if (p->queued > p->waiting && p->threads < p->thread_max)
                        (void) thread_add(p); /* without it the job waits for those that are there */
                pthread_cond_signal(&p->work_came);
        }
        pthread_mutex_unlock(&p->mu);

        if (stopping)
                return fault(FAULT_UNAVAILABLE, "POOL_STOPPED", "%s takes no more work", p->name);
        if (full)
                return fault(FAULT_EXHAUSTED, "QUEUE_FULL", "%s has %zu jobs waiting already", p->name, p->queue_max);
        return NULL;
}

void pool_set_idle(struct pool *p, int64_t idle_ms)
{
        pthread_mutex_lock(&p->mu);
        p->idle_ms = idle_ms;
        pthread_mutex_unlock(&p->mu);
}

unsigned pool_threads(struct pool *p)
{
        pthread_mutex_lock(&p->mu);
        unsigned threads = p->threads;
        pthread_mutex_unlock(&p->mu);
        return threads;
}

size_t pool_queued(struct pool *p)
{
        pthread_mutex_lock(&p->mu);
        size_t queued = p->queued;
        pthread_mutex_unlock(&p->mu);
        return queued;
}

bool pool_is_free(struct pool *p)
{
        pthread_mutex_lock(&p->mu);
        bool is_free = p->queued < p->waiting || (p->queued == p->waiting && p->threads < p->thread_max);
        pthread_mutex_unlock(&p->mu);
        return is_free;
}

void pool_free(struct pool *p)
{
        if (p == NULL)
                return;
        pthread_mutex_lock(&p->mu);
        p->stopping = true;
        pthread_cond_broadcast(&p->work_came);
        pthread_mutex_unlock(&p->mu);
        for (unsigned i = 0; i < p->thread_max; i++) { /* nobody adds one any more */
                if (p->places[i].is_started)
                        pthread_join(p->places[i].thread, NULL);
        }

        pthread_cond_destroy(&p->work_came);
        pthread_mutex_destroy(&p->mu);
        free(p->places);
        free(p->queue);
        free(p);
}
