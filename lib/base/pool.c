#include "lib/base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

struct job {
        void (*run)(void *work);
        void *work;
};

struct pool {
        const char *name;
        unsigned thread_count;
        pthread_t *threads;
        size_t queue_max;
        pthread_mutex_t mu;
        pthread_cond_t work_came;
        struct job *queue; /* guarded by mu; a ring of queue_max */
        size_t first;      /* guarded by mu */
        size_t queued;     /* guarded by mu */
        bool stopping;     /* guarded by mu */
};

/* Waits for a job; false when the pool stops and nothing is left. */
static bool take(struct pool *p, struct job *ret_job)
{
        pthread_mutex_lock(&p->mu);
        while (p->queued == 0 && !p->stopping)
                pthread_cond_wait(&p->work_came, &p->mu);
        bool got = p->queued > 0;
        if (got) {
                *ret_job = p->queue[p->first];
                p->first = (p->first + 1) % p->queue_max;
                p->queued--;
        }
        pthread_mutex_unlock(&p->mu);
        return got;
}

static void *worker(void *arg)
{
        struct pool *p = arg;
        (void) pthread_setname_np(pthread_self(), p->name); /* only for a person who looks at the threads */
        struct job job;
        while (take(p, &job))
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

struct pool *pool_new(const char *name, unsigned threads, size_t queue_max)
{
        assert(threads > 0 && queue_max > 0 && strlen(name) <= 15);
        struct pool *p = NEW(struct pool);
        p->name = name;
        p->thread_count = threads;
        p->threads = alloc_zero(threads, sizeof(*p->threads));
        p->queue_max = queue_max;
        p->queue = alloc_zero(queue_max, sizeof(*p->queue));
        if (pthread_mutex_init(&p->mu, NULL) != 0 || pthread_cond_init(&p->work_came, NULL) != 0)
                abort();

        sigset_t before;
        block_signals(&before); /* the threads inherit it from the start */
        for (unsigned i = 0; i < threads; i++) {
                if (pthread_create(&p->threads[i], NULL, worker, p) != 0)
                        abort(); /* as for memory: a program starts whole or not at all */
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
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
                pthread_cond_signal(&p->work_came);
        }
        pthread_mutex_unlock(&p->mu);

        if (stopping)
                return fault(FAULT_UNAVAILABLE, "POOL_STOPPED", "%s takes no more work", p->name);
        if (full)
                return fault(FAULT_EXHAUSTED, "QUEUE_FULL", "%s has %zu jobs waiting already", p->name, p->queue_max);
        return NULL;
}

size_t pool_queued(struct pool *p)
{
        pthread_mutex_lock(&p->mu);
        size_t queued = p->queued;
        pthread_mutex_unlock(&p->mu);
        return queued;
}

void pool_free(struct pool *p)
{
        if (p == NULL)
                return;
        pthread_mutex_lock(&p->mu);
        p->stopping = true;
        pthread_cond_broadcast(&p->work_came);
        pthread_mutex_unlock(&p->mu);
        for (unsigned i = 0; i < p->thread_count; i++)
                pthread_join(p->threads[i], NULL);

        pthread_cond_destroy(&p->work_came);
        pthread_mutex_destroy(&p->mu);
        free(p->threads);
        free(p->queue);
        free(p);
}
