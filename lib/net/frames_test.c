#include "lib/net/frames.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "lib/net/unix_socket.h"

#define PATIENCE_S 20

/* What a side has seen; waits are for events, never for time. */
struct seen {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        unsigned opened, closed, frames;
        size_t last_len;
        uint8_t last_first_byte;
        char why[64]; /* token of the last close, "" for none */
        bool echo;
        struct frames_conn *held; /* a reference to the last opened connection */
};

static char dir[] = "/tmp/vouchsafe-frames-XXXXXX";
static char path[64];

static void seen_init(struct seen *s)
{
        memset(s, 0, sizeof *s);
        pthread_mutex_init(&s->mu, NULL);
        cond_init_boot(&s->changed);
}
static void seen_clear(struct seen *s)
{
        frames_unref(s->held);
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->mu);
}
static void on_open(void *self, struct frames_conn *c)
{
        struct seen *s = self;

        pthread_mutex_lock(&s->mu);
        s->opened++;
        frames_unref(s->held);
        s->held = frames_ref(c);
        frames_set_user(c, s);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mu);
}
static void on_frame(void *self, struct frames_conn *c, struct span frame)
{
        struct seen *s = self;

        assert_ptr_equal(frames_user(c), s);
        if (s->echo)
                fault_free(frames_send(c, frame)); /* a peer that left is part of the test */
        pthread_mutex_lock(&s->mu);
        s->frames++;
        s->last_len = frame.len;
        s->last_first_byte = frame.len > 0 ? frame.data[0] : 0;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mu);
}
static void on_close(void *self, struct frames_conn *c, struct fault *why)
{
        struct seen *s = self;

        (void) c;
        pthread_mutex_lock(&s->mu);
        s->closed++;
        (void) snprintf(s->why, sizeof s->why, "%s", why != NULL ? fault_token(why) : "");
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mu);
}
static struct frames_events events_of(struct seen *s)
{
        return (struct frames_events){on_open, on_frame, on_close, s};
}
static void wait_until(struct seen *s, const unsigned *counter, unsigned at_least)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PATIENCE_S;
        pthread_mutex_lock(&s->mu);
        while (*counter < at_least)
                if (pthread_cond_timedwait(&s->changed, &s->mu, &until) != 0)
                        break;
        assert_true(*counter >= at_least);
        pthread_mutex_unlock(&s->mu);
}
static unsigned now_at(struct seen *s, const unsigned *counter)
{
        unsigned value;

        pthread_mutex_lock(&s->mu);
        value = *counter;
        pthread_mutex_unlock(&s->mu);
        return value;
}
static void assert_fault(struct fault *f, const char *token)
{
        assert_non_null(f);
        assert_string_equal(fault_token(f), token);
        fault_free(f);
}

static struct frames_server *server_for(struct seen *s, size_t connections_max, size_t allowed_count)
{
        struct frames_server *server = NULL;

        assert_null(frames_server_start(&(struct frames_server_options){.path = path,
                                                                        .mode = 0600,
                                                                        .allowed_uids = {getuid()},
                                                                        .allowed_count = allowed_count,
                                                                        .connections_max = connections_max,
                                                                        .events = events_of(s)},
                                        &server));
        return server;
}

static void both_ways(void **state)
{
        struct seen at_server, at_client;
        struct frames_server *server;
        struct frames_client *client;
        struct frames_events events;
        uint8_t *large = alloc_zero(1, FRAME_MAX);
        struct stat st;

        (void) state;
        seen_init(&at_server), seen_init(&at_client);
        at_server.echo = true;
        server = server_for(&at_server, 4, 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        events = events_of(&at_client);
        assert_null(frames_client_start(path, getuid(), &events, &client));
        wait_until(&at_client, &at_client.opened, 1);

        assert_null(frames_client_send(client, SPAN("x")));
        wait_until(&at_client, &at_client.frames, 1);
        assert_int_equal(at_client.last_len, 1);
        assert_null(frames_client_send(client, SPAN_NONE));
        wait_until(&at_client, &at_client.frames, 2);
        assert_int_equal(at_client.last_len, 0);
        large[0] = 7;
        assert_null(frames_client_send(client, span_make(large, FRAME_MAX)));
        wait_until(&at_client, &at_client.frames, 3);
        assert_int_equal(at_client.last_len, FRAME_MAX);
        assert_int_equal(at_client.last_first_byte, 7);
        assert_fault(frames_client_send(client, span_make(large, FRAME_MAX + 1)), "FRAME_TOO_LARGE");
        assert_int_equal(frames_peer_uid(at_server.held), getuid());

        frames_client_stop(client);
        wait_until(&at_server, &at_server.closed, 1);
        assert_string_equal(at_server.why, "");
        assert_fault(frames_send(at_server.held, SPAN("late")), "PEER_GONE");
        frames_server_stop(server);
        assert_int_equal(stat(path, &st), -1);
        seen_clear(&at_server), seen_clear(&at_client);
        free(large);
}

static void reconnects(void **state)
{
        struct seen at_server, at_client;
        struct frames_server *server;
        struct frames_client *client;
        struct frames_events events;

        (void) state;
        seen_init(&at_server), seen_init(&at_client);
        events = events_of(&at_client);
        assert_null(frames_client_start(path, (uid_t) -1, &events, &client));
        assert_fault(frames_client_send(client, SPAN("x")), "PEER_GONE");
        server = server_for(&at_server, 4, 1);
        wait_until(&at_client, &at_client.opened, 1);
        frames_server_stop(server);
        wait_until(&at_client, &at_client.closed, 1);
        server = server_for(&at_server, 4, 1);
        wait_until(&at_client, &at_client.opened, 2);
        assert_null(frames_client_send(client, SPAN("x")));
        wait_until(&at_server, &at_server.frames, 1);
        frames_server_stop(server);
        frames_client_stop(client);
        seen_clear(&at_server), seen_clear(&at_client);
}

/* Raw bytes from a peer, and how the server's connection ends. */
static void peer_bytes(void **state)
{
        static const struct {
                const char *name;
                struct span bytes;
                unsigned frames;
                const char *why;
        } rows[] = {
                {"one frame", SPAN("\0\0\0\1a"), 1, ""},
                {"two frames at once", SPAN("\0\0\0\1a\0\0\0\2bc"), 2, ""},
                {"nothing", SPAN_NONE, 0, ""},
                {"half a header", SPAN("\0\0"), 0, "FRAME_TRUNCATED"},
                {"one byte short", SPAN("\0\0\0\3ab"), 0, "FRAME_TRUNCATED"},
                {"one byte long", SPAN("\0\0\0\1ab"), 1, "FRAME_TRUNCATED"},
                {"one over the limit", SPAN("\0\x20\0\1"), 0, "FRAME_TOO_LARGE"},
                {"all ones", SPAN("\xff\xff\xff\xff"), 0, "FRAME_TOO_LARGE"},
        };
        struct seen at_server;
        struct frames_server *server;

        (void) state;
        seen_init(&at_server);
        server = server_for(&at_server, 4, 1);
        for (unsigned i = 0; i < COUNT_OF(rows); i++) {
                unsigned before = now_at(&at_server, &at_server.frames);
                int fd;

                print_message("row: %s\n", rows[i].name);
                assert_null(unix_connect(path, &fd));
                assert_int_equal(send(fd, rows[i].bytes.data, rows[i].bytes.len, MSG_NOSIGNAL), rows[i].bytes.len);
                assert_int_equal(shutdown(fd, SHUT_WR), 0);
                wait_until(&at_server, &at_server.closed, i + 1);
                assert_int_equal(now_at(&at_server, &at_server.frames) - before, rows[i].frames);
                assert_string_equal(at_server.why, rows[i].why);
                close(fd);
        }
        frames_server_stop(server);
        seen_clear(&at_server);
}

/* True when the server closes the connection without a word, false when it answers (an echoing one). */
static bool is_turned_away(void)
{
        struct timeval patience = {PATIENCE_S, 0};
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char byte;

        memcpy(a.sun_path, path, strlen(path) + 1);
        assert_int_equal(connect(fd, (struct sockaddr *) &a, sizeof a), 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void) send(fd, "\0\0\0\1z", 5, MSG_NOSIGNAL); /* who is turned away may see it fail */
        return recv(fd, &byte, 1, 0) <= 0;
}

static void refuses_strangers(void **state)
{
        struct seen at_server;
        struct frames_server *server;

        (void) state;
        seen_init(&at_server);
        server = server_for(&at_server, 4, 0);
        assert_true(is_turned_away());
        frames_server_stop(server);
        assert_int_equal(at_server.opened, 0);
        seen_clear(&at_server);
}

static void refuses_one_too_many_and_takes_the_next(void **state)
{
        struct seen at_server;
        struct frames_server *server;
        int first;

        (void) state;
        seen_init(&at_server);
        at_server.echo = true;
        server = server_for(&at_server, 1, 1);
        assert_null(unix_connect(path, &first));
        wait_until(&at_server, &at_server.opened, 1);
        assert_true(is_turned_away());
        close(first);
        wait_until(&at_server, &at_server.closed, 1);
        while (is_turned_away()) /* until the ended thread has been joined its place is not free */
                ;
        wait_until(&at_server, &at_server.opened, 2);
        frames_server_stop(server);
        seen_clear(&at_server);
}

/* A client that wants another uid never opens. */
static void client_checks_the_server(void **state)
{
        struct seen at_server, at_client;
        struct frames_server *server;
        struct frames_client *client;
        struct frames_events events;

        (void) state;
        seen_init(&at_server), seen_init(&at_client);
        server = server_for(&at_server, 4, 1);
        events = events_of(&at_client);
        assert_null(frames_client_start(path, getuid() + 1, &events, &client));
        wait_until(&at_server, &at_server.closed, 1);
        assert_fault(frames_client_send(client, SPAN("x")), "PEER_GONE");
        frames_client_stop(client);
        assert_int_equal(at_client.opened, 0);
        frames_server_stop(server);
        seen_clear(&at_server), seen_clear(&at_client);
}

/* A peer that never reads is closed when its queue is full; the sender never blocks. */
static void closes_who_does_not_read(void **state)
{
        struct seen at_server;
        struct frames_server *server;
        struct fault *f = NULL;
        uint8_t *frame = alloc_zero(1, FRAME_MAX);
        int fd;

        (void) state;
        seen_init(&at_server);
        server = server_for(&at_server, 4, 1);
        assert_null(unix_connect(path, &fd));
        wait_until(&at_server, &at_server.opened, 1);
        for (int i = 0; i < 10 && f == NULL; i++)
                f = frames_send(at_server.held, span_make(frame, FRAME_MAX));
        assert_fault(f, "PEER_GONE");
        wait_until(&at_server, &at_server.closed, 1);
        close(fd);
        frames_server_stop(server);
        seen_clear(&at_server);
        free(frame);
}

static void sockets(void **state)
{
        struct unix_file file, other = {0};
        struct stat st;
        char lengthy[200];
        int fd;

        (void) state;
        memset(lengthy, 'x', sizeof lengthy - 1);
        lengthy[sizeof lengthy - 1] = '\0';
        assert_fault(unix_listen(lengthy, 0600, &fd, &file), "SOCKET_PATH");
        assert_fault(unix_listen("", 0600, &fd, &file), "SOCKET_PATH");
        assert_null(unix_listen(path, 0666, &fd, &file));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0666);
        assert_fault(unix_listen(path, 0600, &(int){0}, &other), "SOCKET_BUSY");
        close(fd);
        assert_null(unix_listen(path, 0600, &fd, &other)); /* stale by now */
        unix_unlink(path, &(struct unix_file){other.dev, other.ino + 1});
        assert_int_equal(stat(path, &st), 0);
        unix_unlink(path, &other);
        assert_int_equal(stat(path, &st), -1);
        close(fd);

        fd = creat(path, 0600);
        close(fd);
        assert_fault(unix_listen(path, 0600, &fd, &file), "NOT_A_SOCKET");
        unlink(path);
        assert_fault(unix_connect(path, &fd), "CONNECT");
}

static int make_dir(void **state)
{
        (void) state;
        if (mkdtemp(dir) == NULL)
                return -1;
        (void) snprintf(path, sizeof path, "%s/s", dir);
        return 0;
}
static int remove_dir(void **state)
{
        (void) state;
        return rmdir(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_ways),
                cmocka_unit_test(reconnects),
                cmocka_unit_test(peer_bytes),
                cmocka_unit_test(refuses_strangers),
                cmocka_unit_test(refuses_one_too_many_and_takes_the_next),
                cmocka_unit_test(client_checks_the_server),
                cmocka_unit_test(closes_who_does_not_read),
                cmocka_unit_test(sockets),
        };
        return cmocka_run_group_tests_name("frames", tests, make_dir, remove_dir);
}
