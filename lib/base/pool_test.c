#include "lib/base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/fakes/expect.h"

/* Holds workers back until a test opens it. */
struct gate {
        pthread_mutex_t mu;
        pthread_cond_t cond;
        bool open;        /* guarded by mu */
        unsigned waiting; /* guarded by mu */
        atomic_uint passed;
};
#define GATE ((struct gate){.mu = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER})

static void pass_gate(void *work)
{
        struct gate *g = work;
        pthread_mutex_lock(&g->mu);
        g->waiting++;
        pthread_cond_broadcast(&g->cond);
        while (!g->open)
                pthread_cond_wait(&g->cond, &g->mu);
        pthread_mutex_unlock(&g->mu);
        atomic_fetch_add(&g->passed, 1);
}

static void await_waiting(struct gate *g, unsigned count)
{
        pthread_mutex_lock(&g->mu);
        while (g->waiting < count)
                pthread_cond_wait(&g->cond, &g->mu);
        pthread_mutex_unlock(&g->mu);
}

static void open_gate(struct gate *g)
{
        pthread_mutex_lock(&g->mu);
        g->open = true;
        pthread_cond_broadcast(&g->cond);
        pthread_mutex_unlock(&g->mu);
}

static void full_queue_refuses(void **state UNUSED)
{
        struct gate gate = GATE;
        struct pool *p = pool_new("test", 2, 3);
        for (int i = 0; i < 2; i++)
                expect_ok(pool_submit(p, pass_gate, &gate));
        await_waiting(&gate, 2); /* both threads are busy: what follows stays in the queue */
        for (int i = 0; i < 3; i++)
                expect_ok(pool_submit(p, pass_gate, &gate));
        assert_int_equal(pool_queued(p), 3);
        expect_fault(pool_submit(p, pass_gate, &gate), FAULT_EXHAUSTED, "QUEUE_FULL");
        open_gate(&gate);
        pool_free(p);
        assert_int_equal(atomic_load(&gate.passed), 5); /* what was queued has run */
}

struct ordered {
        unsigned *next;
        unsigned got;
};
static void note_order(void *work)
{
        struct ordered *o = work;
        o->got = (*o->next)++;
}

static void one_thread_keeps_the_order(void **state UNUSED)
{
        unsigned next = 0;
        struct ordered jobs[100];
        struct pool *p = pool_new("test", 1, COUNT_OF(jobs));
        for (size_t i = 0; i < COUNT_OF(jobs); i++) {
                jobs[i].next = &next;
                expect_ok(pool_submit(p, note_order, &jobs[i]));
        }
        pool_free(p);
        for (size_t i = 0; i < COUNT_OF(jobs); i++)
                assert_int_equal(jobs[i].got, i);
}

struct seen {
        char name[16];
        bool term_blocked, segv_blocked;
};
static void look_around(void *work)
{
        struct seen *seen = work;
        pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
        sigset_t blocked;
        pthread_sigmask(SIG_BLOCK, NULL, &blocked);
        seen->term_blocked = sigismember(&blocked, SIGTERM) == 1;
        seen->segv_blocked = sigismember(&blocked, SIGSEGV) == 1;
}

static void threads_have_a_name_and_no_signals(void **state UNUSED)
{
        struct seen seen = {0};
        struct pool *p = pool_new("fifteen-letters", 1, 1);
        expect_ok(pool_submit(p, look_around, &seen));
        pool_free(p);
        assert_string_equal(seen.name, "fifteen-letters");
        assert_true(seen.term_blocked);
        assert_false(seen.segv_blocked);
        sigset_t own;
        pthread_sigmask(SIG_BLOCK, NULL, &own);
        assert_int_equal(sigismember(&own, SIGTERM), 0); /* the maker's are as they were */
}

struct resubmit {
        struct pool *pool;
        struct gate *gate;
        struct fault *result;
};
static void submit_again(void *work)
{
        struct resubmit *r = work;
        pass_gate(r->gate);
        do { /* the queue is full until pool_free begins */
                fault_free(r->result);
                r->result = pool_submit(r->pool, pass_gate, r->gate);
        } while (strcmp(fault_token(r->result), "POOL_STOPPED") != 0);
}

static void a_stopping_pool_refuses(void **state UNUSED)
{
        struct gate gate = GATE;
        struct pool *p = pool_new("test", 1, 1);
        struct resubmit r = {p, &gate, NULL};
        expect_ok(pool_submit(p, submit_again, &r));
        open_gate(&gate);
        pool_free(p);
        expect_fault(r.result, FAULT_UNAVAILABLE, "POOL_STOPPED");
        pool_free(NULL);
}

static void threads_come_and_go(void **state UNUSED)
{
        struct gate gate = GATE;
        struct pool *p = pool_new("test", 4, 8);
        pool_set_idle(p, 1);
        assert_int_equal(pool_threads(p), 1);
        for (unsigned i = 1; i <= 5; i++) {
                assert_int_equal(pool_is_free(p), i <= 4);
                expect_ok(pool_submit(p, pass_gate, &gate));
                assert_int_equal(pool_threads(p), i < 4 ? i : 4);
        }
        await_waiting(&gate, 4); /* all four are busy, and the fifth job waits */
        assert_int_equal(pool_threads(p), 4);
        assert_int_equal(pool_queued(p), 1);
        open_gate(&gate);
        while (pool_threads(p) > 1 || atomic_load(&gate.passed) < 5)
                sched_yield();
        for (unsigned i = 0; i < 4; i++) /* and come again, in the places of those that left */
                expect_ok(pool_submit(p, pass_gate, &gate));
        pool_free(p);
        assert_int_equal(atomic_load(&gate.passed), 9);
}

static void count(void *work)
{
        atomic_fetch_add((atomic_uint *) work, 1);
}

static void *submit_many(void *arg)
{
        struct resubmit *r = arg;
        for (int done = 0; done < 1000;) {
                struct fault *f = pool_submit(r->pool, count, &r->gate->passed);
                done += f == NULL;
                fault_free(f);
        }
        return NULL;
}

static void many_submit_to_many(void **state UNUSED)
{
        struct gate gate = GATE;
        struct pool *p = pool_new("test", 4, 16);
        struct resubmit r = {p, &gate, NULL};
        pthread_t threads[4];
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &r), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                pthread_join(threads[i], NULL);
        pool_free(p);
        assert_int_equal(atomic_load(&gate.passed), 4000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(full_queue_refuses),
                cmocka_unit_test(one_thread_keeps_the_order),
                cmocka_unit_test(threads_have_a_name_and_no_signals),
                cmocka_unit_test(a_stopping_pool_refuses),
                cmocka_unit_test(threads_come_and_go),
                cmocka_unit_test(many_submit_to_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
