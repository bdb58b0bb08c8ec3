#include "lib/net/httpd.h"

#include "tests/fakes/httpd_world.h"

static void *stop_run(void *server)
{
        httpd_stop(server, PATIENCE_S * INT64_C(1000));
        return NULL;
}

static void stop_lets_handlers_finish(void **state)
{
        struct httpd *h = server_default();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        AUTO_CLOSE int fd = client();
        AUTO_CLOSE int idle = client();
        struct stat st;
        pthread_t stopper;

        (void) state;
        say(fd, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        assert_int_equal(pthread_create(&stopper, NULL, stop_run, h), 0);
        while (stat(path, &st) == 0)
                ;
        assert_int_equal(hear(idle, false, &reply), 0);
        world_release();
        assert_int_equal(hear(fd, false, &reply), 200);
        assert_non_null(strstr(buf_str(&reply), "Connection: close"));
        pthread_join(stopper, NULL);
}

static void *release_run(void *arg)
{
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);

        assert_int_equal(hear(*(int *) arg, false, &reply), 0); /* hung up: the grace is over */
        world_release();
        return NULL;
}

static void stop_does_not_wait_for_ever(void **state)
{
        struct httpd *h = server_default();
        AUTO_CLOSE int fd = client();
        AUTO_CLOSE int queued = client();
        AUTO(buf) struct buf reply = BUF(REPLY_MAX);
        pthread_t releaser;

        (void) state;
        say(fd, SPAN(HEAD("GET /hold") "\r\n"));
        world_wait(&world.entered, 1);
        say(queued, SPAN(HEAD("GET /hold") "\r\n"));
        assert_int_equal(ask(SPAN(HEAD("GET /nothing") "\r\n"), &reply), 404);
        assert_int_equal(pthread_create(&releaser, NULL, release_run, &fd), 0);
        httpd_stop(h, 10);
        pthread_join(releaser, NULL);
        assert_int_equal(world.entered, 1); /* what waited in the queue was not begun */
}

static void stop_unstarted(void **state)
{
        static const struct httpd_route none[1];
        struct httpd *h = NULL;
        struct stat st;

        (void) state;
        assert_null(httpd_new(&(struct httpd_options){.name = "http-test",
                                                      .routes = none,
                                                      .workers = 1,
                                                      .queue_max = 1,
                                                      .connections_max = 1,
                                                      .idle_timeout_ms = 1000,
                                                      .clock = &clock_system},
                              &h));
        assert_null(httpd_listen_unix(h, path, 0640));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        httpd_stop(h, 0);
        assert_int_equal(stat(path, &st), -1);
        httpd_stop(NULL, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(stop_lets_handlers_finish),
                ROW(stop_does_not_wait_for_ever),
                ROW(stop_unstarted),
        };
        return cmocka_run_group_tests_name("httpd_stop", tests, make_dir, remove_dir);
}
