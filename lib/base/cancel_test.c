#include "lib/base/cancel.h"

#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

static void checks_flag_and_deadline(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 0, 1000);
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &time.clock, (struct boot){1500});
        expect_ok(cancel_check(&c));
        fake_clock_advance_ms(&time, 499);
        expect_ok(cancel_check(&c));
        fake_clock_advance_ms(&time, 1);
        expect_fault(cancel_check(&c), FAULT_DEADLINE, "DEADLINE");
        cancel_trip(&c);
        expect_fault(cancel_check(&c), FAULT_CANCELLED, "CANCELLED");
}

static void tells_what_is_left(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 0, 1000);
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &time.clock, (struct boot){1500});
        assert_int_equal(cancel_left_ms(&c, 10000), 500);
        assert_int_equal(cancel_left_ms(&c, 100), 100);
        fake_clock_advance_ms(&time, 600);
        assert_int_equal(cancel_left_ms(&c, 10000), 0);

        AUTO(cancel) struct cancel endless;
        cancel_init(&endless, &time.clock, CANCEL_NO_DEADLINE);
        assert_int_equal(cancel_left_ms(&endless, 10000), 10000);
        expect_ok(cancel_check(&endless));
        assert_int_equal(cancel_left_ms(NULL, 10000), 10000);
        expect_ok(cancel_check(NULL));
}

static void count(void *arg)
{
        (*(int *) arg)++;
}

static void wakes_once(void **state UNUSED)
{
        int first = 0, second = 0, late = 0;
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, CANCEL_NO_DEADLINE);
        cancel_set_wake(&c, count, &first);
        cancel_set_wake(&c, NULL, NULL);
        cancel_set_wake(&c, count, &second);
        cancel_trip(&c);
        cancel_trip(&c);
        cancel_set_wake(&c, count, &late);
        assert_int_equal(first, 0);
        assert_int_equal(second, 1);
        assert_int_equal(late, 1); /* at once: it came after the trip */
}

/* A thread that waits for `done`, and what it got. */
struct waiter {
        struct cancel *cancel;
        pthread_mutex_t mu;
        pthread_cond_t cond;
        bool waiting, done; /* guarded by mu */
        struct fault *result;
};

static void wake_waiter(void *arg)
{
        struct waiter *w = arg;
        pthread_mutex_lock(&w->mu);
        pthread_cond_broadcast(&w->cond);
        pthread_mutex_unlock(&w->mu);
}

static void *wait_thread(void *arg)
{
        struct waiter *w = arg;
        if (w->cancel != NULL)
                cancel_set_wake(w->cancel, wake_waiter, w);
        pthread_mutex_lock(&w->mu);
        w->waiting = true;
        pthread_cond_broadcast(&w->cond);
        while (!w->done && w->result == NULL)
                w->result = cancel_wait(w->cancel, &w->cond, &w->mu);
        pthread_mutex_unlock(&w->mu);
        if (w->cancel != NULL)
                cancel_set_wake(w->cancel, NULL, NULL);
        return NULL;
}

/* Returns when the thread waits: it holds mu from saying so until it sleeps. */
static pthread_t start_waiter(struct waiter *w, struct cancel *cancel)
{
        *w = (struct waiter){.cancel = cancel};
        pthread_mutex_init(&w->mu, NULL);
        cond_init_boot(&w->cond);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_thread, w), 0);
        pthread_mutex_lock(&w->mu);
        while (!w->waiting)
                pthread_cond_wait(&w->cond, &w->mu);
        pthread_mutex_unlock(&w->mu);
        return thread;
}

static struct fault *join_waiter(struct waiter *w, pthread_t thread)
{
        pthread_join(thread, NULL);
        pthread_cond_destroy(&w->cond);
        pthread_mutex_destroy(&w->mu);
        return w->result;
}

static void a_trip_ends_a_wait(void **state UNUSED)
{
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, CANCEL_NO_DEADLINE);
        struct waiter w;
        pthread_t thread = start_waiter(&w, &c);
        cancel_trip(&c);
        expect_fault(join_waiter(&w, thread), FAULT_CANCELLED, "CANCELLED");
}

static void a_signal_ends_a_wait(void **state UNUSED)
{
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, CANCEL_NO_DEADLINE);
        struct cancel *both[] = {&c, NULL};
        for (size_t i = 0; i < COUNT_OF(both); i++) {
                struct waiter w;
                pthread_t thread = start_waiter(&w, both[i]);
                pthread_mutex_lock(&w.mu);
                w.done = true;
                pthread_cond_broadcast(&w.cond);
                pthread_mutex_unlock(&w.mu);
                expect_ok(join_waiter(&w, thread));
        }
}

static void a_deadline_ends_a_wait(void **state UNUSED)
{
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, (struct boot){clock_boot(&clock_system).ms + 20});
        struct waiter w;
        pthread_t thread = start_waiter(&w, &c);
        expect_fault(join_waiter(&w, thread), FAULT_DEADLINE, "DEADLINE");
}

static void a_deadline_of_the_fake_clock_ends_a_wait(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 0, 0);
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &time.clock, (struct boot){3600000});
        struct waiter w;
        pthread_t thread = start_waiter(&w, &c);
        fake_clock_advance_ms(&time, 3600000);
        expect_fault(join_waiter(&w, thread), FAULT_DEADLINE, "DEADLINE");
}

static void what_is_over_does_not_wait(void **state UNUSED)
{
        pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t cond;
        cond_init_boot(&cond);
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, CANCEL_NO_DEADLINE);
        cancel_trip(&c);
        pthread_mutex_lock(&mu);
        expect_fault(cancel_wait(&c, &cond, &mu), FAULT_CANCELLED, "CANCELLED");
        pthread_mutex_unlock(&mu);
        pthread_cond_destroy(&cond);
}

static void *trip(void *arg)
{
        cancel_trip(arg);
        return NULL;
}

static void sleeps(void **state UNUSED)
{
        int64_t began_ms = clock_boot(&clock_system).ms;
        expect_ok(cancel_sleep(NULL, 5));
        assert_true(clock_boot(&clock_system).ms - began_ms >= 5);

        AUTO(cancel) struct cancel late;
        cancel_init(&late, &clock_system, (struct boot){clock_boot(&clock_system).ms + 10});
        expect_ok(cancel_sleep(&late, 0));
        expect_fault(cancel_sleep(&late, 60000), FAULT_DEADLINE, "DEADLINE");

        pthread_t thread;
        AUTO(cancel) struct cancel c;
        cancel_init(&c, &clock_system, CANCEL_NO_DEADLINE);
        assert_int_equal(pthread_create(&thread, NULL, trip, &c), 0);
        expect_fault(cancel_sleep(&c, 60000), FAULT_CANCELLED, "CANCELLED");
        pthread_join(thread, NULL);
        expect_fault(cancel_sleep(&c, 60000), FAULT_CANCELLED, "CANCELLED");
        assert_true(clock_boot(&clock_system).ms - began_ms < 30000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(checks_flag_and_deadline),
                cmocka_unit_test(tells_what_is_left),
                cmocka_unit_test(wakes_once),
                cmocka_unit_test(a_trip_ends_a_wait),
                cmocka_unit_test(a_signal_ends_a_wait),
                cmocka_unit_test(a_deadline_ends_a_wait),
                cmocka_unit_test(a_deadline_of_the_fake_clock_ends_a_wait),
                cmocka_unit_test(what_is_over_does_not_wait),
                cmocka_unit_test(sleeps),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
