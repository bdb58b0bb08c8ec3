#include "lib/net/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/fakes/rpc_world.h"

/* ---- cancels, deadlines, lanes ---- */

static void cancel_reaches_handler(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        struct rpc_client_call *waiting = start(c, PUBLISH_OF("wait"));

        (void) state;
        world_wait(&world.running, 1);
        rpc_client_cancel(waiting);
        assert_int_equal(finish(waiting), FAULT_CANCELLED);
        world_wait(&world.cancelled, 1);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void lost_client_reaches_handler(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        struct rpc_client_call *waiting = start(c, PUBLISH_OF("wait"));

        (void) state;
        world_wait(&world.running, 1);
        rpc_client_cancel(waiting);
        rpc_client_free(c);
        world_wait(&world.cancelled, 1);
        (void) finish(waiting); /* how its own end looks is the client's affair */
        rpc_server_stop(s, 0);
}

static void deadline_reaches_handler(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        assert_int_equal(finish(rpc_client_start(c, PUBLISH, PUBLISH_OF("wait"), false, 400)), FAULT_DEADLINE);
        world_wait(&world.done_failed, 1);
        assert_int_equal(world_now(&world.cancelled) + world_now(&world.deadline), 1);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void deadline_is_capped(void **state)
{
        struct rpc_server *s = NULL;
        struct rpc_client *c;

        (void) state;
        assert_null(server_try((struct rpc_lane){"long", 4, 64}, 50, &s));
        c = client_new();
        assert_int_equal(finish(rpc_client_start(c, PUBLISH, PUBLISH_OF("wait"), false, 0)), FAULT_DEADLINE);
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("wait")), FAULT_DEADLINE);
        assert_int_equal(world_now(&world.deadline), 2);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void lanes_do_not_starve(void **state)
{
        struct rpc_server *s = NULL;
        struct rpc_client *c;
        struct rpc_client_call *held, *queued, *left;

        (void) state;
        assert_null(server_try((struct rpc_lane){"long", 1, 2}, PATIENCE_MS, &s));
        c = client_new();
        held = start(c, PUBLISH_OF("hold"));
        world_wait(&world.running, 1);
        queued = start(c, PUBLISH_OF("v001"));
        left = start(c, PUBLISH_OF("v002"));
        while (call(c, PUBLISH, PUBLISH_OF("v003")) != FAULT_EXHAUSTED)
                ; /* until both are in the queue, which then refuses at once: the next waits for nobody */
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("v003")), FAULT_EXHAUSTED);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);

        rpc_client_cancel(left);
        assert_int_equal(finish(left), FAULT_CANCELLED);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0); /* by now the server has seen the cancel */
        world_release(true);
        assert_int_equal(finish(held), 0);
        assert_int_equal(finish(queued), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
        assert_int_equal(world_now(&world.running), 2); /* who left while waiting was never run */
}

/* ---- stopping ---- */

static void stop_idle(void **state)
{
        (void) state;
        for (int i = 0; i < 5; i++)
                rpc_server_stop(server_new(), PATIENCE_MS);
        rpc_server_stop(NULL, 0);
}

static void *stop_run(void *server)
{
        rpc_server_stop(server, PATIENCE_MS);
        return NULL;
}

static void stop_lets_calls_finish(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new(), *late = NULL;
        struct rpc_client_call *held = start(c, PUBLISH_OF("hold"));
        struct stat st;
        pthread_t stopper;

        (void) state;
        world_wait(&world.running, 1);
        assert_int_equal(pthread_create(&stopper, NULL, stop_run, s), 0);
        while (stat(rpc_world_path, &st) == 0)
                ;
        late = client_new();
        assert_int_equal(call(late, PROBE, SPAN_NONE), FAULT_UNAVAILABLE);
        world_release(true);
        assert_int_equal(finish(held), 0);
        pthread_join(stopper, NULL);
        rpc_client_free(c);
        rpc_client_free(late);
}

static void stop_cancels_what_stays(void **state)
{
        struct rpc_server *s = NULL;
        struct rpc_client *c;
        struct rpc_client_call *waiting, *queued;

        (void) state;
        assert_null(server_try((struct rpc_lane){"long", 1, 4}, PATIENCE_MS, &s));
        c = client_new();
        waiting = start(c, PUBLISH_OF("wait"));
        world_wait(&world.running, 1);
        queued = start(c, PUBLISH_OF("v001"));
        rpc_server_stop(s, 10);
        assert_int_equal(world_now(&world.cancelled), 1);
        assert_int_equal(world_now(&world.running), 1);
        assert_int_not_equal(finish(waiting), 0);
        assert_int_not_equal(finish(queued), 0);
        rpc_client_free(c);
}

static void *storm_run(void *arg)
{
        struct rpc_client *c = client_new();

        (void) arg;
        for (unsigned i = 0; i < 60; i++) {
                struct rpc_client_call *a = start(c, PUBLISH_OF("v001"));
                struct rpc_client_call *b = rpc_client_start(c, PUBLISH, PUBLISH_OF("wait"), false, 1 + i % 7);
                struct rpc_client_call *d = start(c, PUBLISH_OF("wait"));

                rpc_client_cancel(d);
                (void) finish(a); /* any end is a good one: what matters is that it comes */
                (void) finish(b);
                (void) finish(d);
        }
        rpc_client_free(c);
        return NULL;
}

/* Cancels, deadlines and a stop in the middle of them. */
static void storm(void **state)
{
        struct rpc_server *s = NULL;
        pthread_t threads[4];

        (void) state;
        assert_null(server_try((struct rpc_lane){"long", 2, 4}, 20, &s));
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, storm_run, NULL), 0);
        world_wait(&world.done_failed, 40);
        rpc_server_stop(s, 5);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                pthread_join(threads[i], NULL);
}

#define ROW(test) cmocka_unit_test_setup(test, world_reset)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(cancel_reaches_handler), ROW(lost_client_reaches_handler), ROW(deadline_reaches_handler),
                ROW(deadline_is_capped),     ROW(lanes_do_not_starve),         ROW(stop_idle),
                ROW(stop_lets_calls_finish), ROW(stop_cancels_what_stays),     ROW(storm),
        };
        return cmocka_run_group_tests_name("rpc_call", tests, world_make, world_drop);
}
