#include "lib/net/httpd.h"

#include "tests/fakes/httpd_world.h"

static void full_queue(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int first = client();
        AUTO_CLOSE int second = client();

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN(HEAD("GET /hello") "\r\n")); /* waits in the queue, once the loop has read it */
        while (ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply) != 404)
                ;
        assert_int_equal(ask(SPAN(HEAD("GET /hello") "\r\n"), &reply), 503);
        assert_non_null(strstr(buf_str(&reply), "Retry-After: 1\r\n"));
        assert_non_null(strstr(buf_str(&reply), "QUEUE_FULL"));
        world_release();
        assert_int_equal(hear(first, false, &reply), 200);
        assert_int_equal(hear(second, false, &reply), 200);
        httpd_stop(h, 1000);
}

/* The client leaves while a worker has its request, and while it waits in the queue. */
static void client_leaves(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        int first = client(), second = client();

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404); /* the loop has seen all so far */
        close(first);
        close(second);
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404);
        world_release();
        world_wait(&world.done, 4);
        assert_int_equal(ask(SPAN(HEAD("GET /hello") "\r\n"), &reply), 200);
        httpd_stop(h, 1000);
}

static void too_many_connections(void **state)
{
        struct httpd *h = server_new(2, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        int first = client(), second = client(), third;

        (void) state;
        say(first, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(second, SPAN("GET /hello HT")); /* a request has begun */
        usleep(20000);
        third = client();
        assert_int_equal(hear(third, false, &reply), 0);
        close(third);
        world_release();
        assert_int_equal(hear(first, false, &reply), 200);
        close(first);
        while (ask(SPAN(HEAD("GET /hello") "\r\n"), &reply) != 200)
                ; /* until the server has seen the first one go */
        close(second);
        httpd_stop(h, 1000);
}

/* Silent connections can't lock anybody out: first goes who never asked, then who asked longest ago. */
static void a_newcomer_takes_a_silent_ones_place(void **state)
{
        struct httpd *h = server_new(3, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int old = client(), recent = client(), silent = -1, newcomer = -1, another = -1;

        (void) state;
        say(old, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(old, false, &reply), 200);
        say(recent, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(recent, false, &reply), 200);
        silent = client();
        newcomer = client();
        say(newcomer, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(newcomer, false, &reply), 200);
        assert_int_equal(hear(silent, false, &reply), 0);
        another = client();
        say(another, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(another, false, &reply), 200);
        assert_int_equal(hear(old, false, &reply), 0);
        say(recent, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(recent, false, &reply), 200);
        httpd_stop(h, 1000);
}

static void all_bodies_together_are_limited(void **state)
{
        struct httpd *h = server_new(16, PATIENCE_S * INT64_C(1000));
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int half = client();

        (void) state;
        say(half, SPAN(HEAD("POST /echo") "Content-Length: 900\r\n\r\n"));
        for (int i = 0; i < 80; i++)
                say(half, SPAN("0123456789"));
        usleep(20000);
        assert_int_equal(ask(SPAN(HEAD("POST /echo") "Content-Length: 300\r\n\r\n" TEN TEN TEN), &reply), 503);
        assert_non_null(strstr(buf_str(&reply), "BODIES_FULL"));
        for (int i = 0; i < 10; i++)
                say(half, SPAN("0123456789"));
        assert_int_equal(hear(half, false, &reply), 200);
        assert_int_equal(ask(SPAN(HEAD("POST /echo") "Content-Length: 300\r\n\r\n" TEN TEN TEN), &reply), 200);
        httpd_stop(h, 1000);
}

/* A warm connection may be silent for long; a request may not take as long to arrive. */
static void slow_requests_end_before_idle_ones(void **state)
{
        struct httpd *h = server_with(16, PATIENCE_S * INT64_C(1000), 100);
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int warm = client(), slow = client();

        (void) state;
        say(warm, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(warm, false, &reply), 200);
        say(slow, SPAN(HEAD("POST /echo") "Content-Length: 5\r\n\r\nab"));
        assert_int_equal(hear(slow, false, &reply), 0);
        usleep(150000);
        say(warm, SPAN(HEAD("GET /hello") "\r\n"));
        assert_int_equal(hear(warm, false, &reply), 200);
        httpd_stop(h, 1000);
}

static void idle_connections(void **state)
{
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"says nothing", SPAN_NONE},
                {"half a head", SPAN("GET /hello HT")},
                {"half a body", SPAN(HEAD("POST /echo") "Content-Length: 5\r\n\r\nab")},
        };
        struct httpd *h = server_new(16, 30);
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_CLOSE int fd = client();

                print_message("row: %s\n", rows[i].name);
                say(fd, rows[i].bytes);
                assert_int_equal(hear(fd, false, &reply), 0);
        }
        httpd_stop(h, 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(full_queue),
                ROW(client_leaves),
                ROW(too_many_connections),
                ROW(a_newcomer_takes_a_silent_ones_place),
                ROW(all_bodies_together_are_limited),
                ROW(slow_requests_end_before_idle_ones),
                ROW(idle_connections),
        };
        return cmocka_run_group_tests_name("httpd_limits", tests, make_dir, remove_dir);
}
