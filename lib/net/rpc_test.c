#include "lib/net/rpc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/net/unix_socket.h"
#include "proto/csi.pb-c.h"
#include "tests/fakes/rpc_client.h"

#define PATIENCE_MS    20000
#define PROBE          "/csi.v1.Identity/Probe"
#define PUBLISH        "/csi.v1.Node/NodePublishVolume"
#define PUBLISH_OF(id) SPAN("\x0a\x04" id) /* field 1, four bytes */

enum { LANE_LONG, LANE_QUICK };

static char dir[] = "/tmp/vouchsafe-rpc-XXXXXX";
static char path[64];

/* What the handlers do and have seen. A handler of volume "hold" waits to be released, of "wait" to be cancelled. */
static struct {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool released;
        unsigned running, handled, done, done_failed, cancelled, deadline;
} world = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void world_add(unsigned *counter)
{
        pthread_mutex_lock(&world.mu);
        (*counter)++;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}
static void world_wait(const unsigned *counter, unsigned at_least)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_MS / 1000;
        pthread_mutex_lock(&world.mu);
        while (*counter < at_least)
                if (pthread_cond_timedwait(&world.changed, &world.mu, &until) != 0)
                        break;
        assert_true(*counter >= at_least);
        pthread_mutex_unlock(&world.mu);
}
static unsigned world_now(const unsigned *counter)
{
        unsigned value;

        pthread_mutex_lock(&world.mu);
        value = *counter;
        pthread_mutex_unlock(&world.mu);
        return value;
}
static void world_release(bool released)
{
        pthread_mutex_lock(&world.mu);
        world.released = released;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}
static int world_reset(void **state)
{
        (void) state;
        world.released = false;
        world.running = world.handled = world.done = world.done_failed = world.cancelled = world.deadline = 0;
        return 0;
}

/* ---- handlers ---- */

static void wake(void *arg)
{
        (void) arg;
        pthread_mutex_lock(&world.mu);
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

static struct fault *wait_for_cancel(struct cancel *cancel)
{
        struct fault *f = NULL;
        pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t cond;

        cond_init_boot(&cond);
        cancel_set_wake(cancel, wake, NULL);
        pthread_mutex_lock(&mu);
        while (f == NULL) { /* short slices: what is tested is that the cancel gets here, not how it wakes */
                struct timespec until;

                clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_nsec = (until.tv_nsec + 2000000) % 1000000000;
                until.tv_sec += until.tv_nsec < 2000000;
                (void) pthread_cond_timedwait(&cond, &mu, &until);
                f = cancel_check(cancel);
        }
        pthread_mutex_unlock(&mu);
        cancel_set_wake(cancel, NULL, NULL);
        pthread_cond_destroy(&cond);
        world_add(fault_code(f) == FAULT_CANCELLED ? &world.cancelled : &world.deadline);
        return f;
}

static void wait_for_release(void)
{
        pthread_mutex_lock(&world.mu);
        while (!world.released)
                pthread_cond_wait(&world.changed, &world.mu);
        pthread_mutex_unlock(&world.mu);
}

static struct fault *publish(void *self, const ProtobufCMessage *message, struct cancel *cancel, ProtobufCMessage **ret)
{
        const Csi__V1__NodePublishVolumeRequest *request = (const void *) message;

        assert_string_equal(self, "self");
        world_add(&world.running);
        if (strcmp(request->volume_id, "wait") == 0)
                return wait_for_cancel(cancel);
        if (strcmp(request->volume_id, "hold") == 0)
                wait_for_release();
        if (strcmp(request->volume_id, "deny") == 0)
                return fault(FAULT_DENIED, "POLICY", "volume %s: 100%% refused", request->volume_id);
        world_add(&world.handled);
        *ret = rpc_reply_new(&csi__v1__node_publish_volume_response__descriptor);
        return NULL;
}

static struct fault *plugin_info(void *self, const ProtobufCMessage *message, struct cancel *cancel,
                                 ProtobufCMessage **ret)
{
        Csi__V1__GetPluginInfoResponse *reply;

        (void) self, (void) message, (void) cancel;
        *ret = rpc_reply_new(&csi__v1__get_plugin_info_response__descriptor);
        reply = (void *) *ret;
        reply->name = rpc_string("csi.example");
        return NULL;
}

static struct fault *probe(void *self, const ProtobufCMessage *message, struct cancel *cancel, ProtobufCMessage **ret)
{
        (void) self, (void) message, (void) cancel;
        *ret = rpc_reply_new(&csi__v1__probe_response__descriptor);
        return NULL;
}

static void on_done(void *arg, const char *method, const struct fault *failed, int64_t took_us)
{
        assert_non_null(method);
        assert_ptr_equal(arg, &world);
        assert_true(took_us >= 0);
        world_add(failed != NULL ? &world.done_failed : &world.done);
}

/* ---- the server under test ---- */

static struct fault *server_try(struct rpc_lane lane, int64_t max_deadline_ms, struct rpc_server **ret)
{
        static const struct rpc_method identity[] = {{"GetPluginInfo", LANE_QUICK, plugin_info},
                                                     {"Probe", LANE_QUICK, probe}};
        static const struct rpc_method node[] = {{"NodePublishVolume", LANE_LONG, publish}};
        static char self[] = "self";
        static const struct rpc_service services[] = {
                {&csi__v1__identity__descriptor, identity, COUNT_OF(identity), self},
                {&csi__v1__node__descriptor, node, COUNT_OF(node), self},
        };

        return rpc_server_start(&(struct rpc_server_options){.socket_path = path,
                                                             .socket_mode = 0660,
                                                             .services = services,
                                                             .service_count = COUNT_OF(services),
                                                             .lanes = {lane, {"quick", 1, 16}},
                                                             .lane_count = 2,
                                                             .max_deadline_ms = max_deadline_ms,
                                                             .clock = &clock_system,
                                                             .on_done = on_done,
                                                             .on_done_arg = &world},
                                ret);
}
static struct rpc_server *server_new(void)
{
        struct rpc_server *s = NULL;

        assert_null(server_try((struct rpc_lane){"long", 4, 64}, PATIENCE_MS, &s));
        return s;
}
static struct rpc_client *client_new(void)
{
        return rpc_client_new(&(struct rpc_client_options){.socket_path = path});
}
static struct rpc_client_call *start(struct rpc_client *c, struct span request)
{
        return rpc_client_start(c, PUBLISH, request, false, PATIENCE_MS);
}
static int finish(struct rpc_client_call *call)
{
        AUTO(rpc_client_reply) struct rpc_client_reply reply;

        rpc_client_finish(call, &reply);
        return reply.status;
}
static int call(struct rpc_client *c, const char *method, struct span request)
{
        return finish(rpc_client_start(c, method, request, false, PATIENCE_MS));
}
static void assert_fault(struct fault *f, const char *token)
{
        assert_non_null(f);
        assert_string_equal(fault_token(f), token);
        fault_free(f);
}

/* ---- answers ---- */

static void answers(void **state)
{
        AUTO(rpc_client_reply) struct rpc_client_reply info = {0}, denied = {0};
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        Csi__V1__GetPluginInfoResponse *reply;

        (void) state;
        assert_int_equal(rpc_client_call(c, "/csi.v1.Identity/GetPluginInfo", SPAN_NONE, PATIENCE_MS, &info), 0);
        reply = csi__v1__get_plugin_info_response__unpack(NULL, info.body.len, info.body.data);
        assert_string_equal(reply->name, "csi.example");
        csi__v1__get_plugin_info_response__free_unpacked(reply, NULL);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        assert_int_equal(rpc_client_call(c, PUBLISH, PUBLISH_OF("deny"), PATIENCE_MS, &denied), FAULT_DENIED);
        assert_string_equal(denied.message, "volume deny: 100% refused");
        assert_int_equal(world_now(&world.done), 2);
        assert_int_equal(world_now(&world.done_failed), 1);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void unknown_methods(void **state)
{
        static const struct {
                const char *method, *text;
        } rows[] = {
                {"/csi.v1.Controller/CreateVolume", "there is no such method"},
                {"/csi.v1.Node/NodeStageVolume", "/csi.v1.Node/NodeStageVolume is not served here"},
                {"/csi.v1.Node/NodePublishVolumes", "there is no such method"},
                {"/", "there is no such method"},
                {"/csi.v1.Node/NodeExpandVolume", "/csi.v1.Node/NodeExpandVolume is not served here"},
        };
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        for (int round = 0; round < 5; round++)
                for (size_t i = 0; i < COUNT_OF(rows); i++) {
                        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};

                        assert_int_equal(rpc_client_call(c, rows[i].method, PUBLISH_OF("v001"), PATIENCE_MS, &reply),
                                         FAULT_UNIMPLEMENTED);
                        assert_string_equal(reply.message, rows[i].text);
                }
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void bad_messages(void **state)
{
        static uint8_t crowd[5000 * 2]; /* field 8, empty, 5000 times */
        const struct {
                const char *name;
                struct span bytes;
                int status;
        } rows[] = {
                {"good", PUBLISH_OF("v001"), 0},
                {"empty", SPAN_NONE, 0},
                {"unknown field", SPAN("\x0a\x04v001\xfa\x3e\x02zz"), 0},
                {"NUL in volume_id", PUBLISH_OF("v1\0/"), FAULT_INVALID},
                {"invalid UTF-8", PUBLISH_OF("v1\xff/"), FAULT_INVALID},
                {"NUL in a map's value", SPAN("\x42\x06\x0a\x01k\x12\x01\0"), FAULT_INVALID},
                {"one byte short", SPAN("\x0a\x04v00"), FAULT_INVALID},
                {"one byte long", SPAN("\x0a\x04v001\x0a"), FAULT_INVALID},
                {"too many fields", SPAN_OF(crowd), FAULT_EXHAUSTED},
        };
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        for (size_t i = 0; i < sizeof crowd; i += 2)
                crowd[i] = 0x42;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                print_message("row: %s\n", rows[i].name);
                assert_int_equal(call(c, PUBLISH, rows[i].bytes), rows[i].status);
        }
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

/* A message of exactly `len` bytes: one unknown field. */
static struct span padding(size_t len)
{
        static uint8_t bytes[RPC_MESSAGE_MAX + 1];
        size_t rest = len - 6;

        memcpy(bytes, "\xfa\x3e", 2);
        for (int i = 0; i < 4; i++)
                bytes[2 + i] = (uint8_t) (((rest >> (7 * i)) & 0x7f) | (i < 3 ? 0x80 : 0));
        return span_make(bytes, len);
}

static void message_too_large(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX)), 0);
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX + 1)), FAULT_EXHAUSTED);
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("v001")), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void compressed(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = rpc_client_new(&(struct rpc_client_options){.socket_path = path, .gzip = true});

        (void) state;
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX)), FAULT_UNIMPLEMENTED);
        assert_int_equal(world_now(&world.running), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void empty_stream(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        assert_int_equal(finish(rpc_client_start(c, PUBLISH, SPAN_NONE, true, PATIENCE_MS)), FAULT_INVALID);
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("v001")), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void authorities(void **state)
{
        static char endless[20000];
        const struct {
                const char *name, *authority;
                int status;
        } rows[] = {
                {"the library's", NULL, 0},
                {"localhost", "localhost", 0},
                {"raw path", "/var/lib/kubelet/plugins/csi.example/csi.sock", 0},
                {"escaped path", "%2Fvar%2Flib%2Fkubelet%2Fplugins%2Fcsi.example%2Fcsi.sock", 0},
                {"empty", "", 0},
                {"more than the metadata may have", endless, FAULT_EXHAUSTED},
        };
        struct rpc_server *s = server_new();

        (void) state;
        memset(endless, 'a', sizeof endless - 1);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(rpc_client)
                struct rpc_client *c = rpc_client_new(
                        &(struct rpc_client_options){.socket_path = path, .authority = rows[i].authority});

                print_message("row: %s\n", rows[i].name);
                assert_int_equal(call(c, PROBE, SPAN_NONE), rows[i].status);
        }
        rpc_server_stop(s, 0);
}

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
        assert_int_equal(finish(rpc_client_start(c, PUBLISH, PUBLISH_OF("wait"), false, 50)), FAULT_DEADLINE);
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

/* ---- sockets ---- */

static void one_server_a_path(void **state)
{
        struct rpc_server *s = server_new(), *second = NULL;
        struct rpc_client *c = client_new();

        (void) state;
        assert_fault(server_try((struct rpc_lane){"long", 1, 1}, PATIENCE_MS, &second), "SOCKET_BUSY");
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
        s = server_new();
        rpc_server_stop(s, 0);
}

static void socket_file(void **state)
{
        struct rpc_server *s = server_new();
        struct stat st;
        int fd;

        (void) state;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(unlink(path), 0); /* somebody took it away and put his own there */
        fd = creat(path, 0600);
        close(fd);
        rpc_server_stop(s, 0);
        assert_int_equal(stat(path, &st), 0);
        assert_fault(server_try((struct rpc_lane){"long", 1, 1}, PATIENCE_MS, &s), "NOT_A_SOCKET");
        assert_int_equal(unlink(path), 0);

        s = server_new();
        rpc_server_stop(s, 0);
        assert_int_equal(stat(path, &st), -1);
}

/* Peers that don't speak the protocol, or say nothing, harm neither the others nor the stop. */
static void strange_peers(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        int silent, http;

        (void) state;
        assert_null(unix_connect(path, &silent));
        assert_null(unix_connect(path, &http));
        assert_int_equal(write(http, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        rpc_client_free(c);
        rpc_server_stop(s, PATIENCE_MS);
        close(silent);
        close(http);
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
        while (stat(path, &st) == 0)
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

static int make_dir(void **state)
{
        (void) state;
        if (mkdtemp(dir) == NULL)
                return -1;
        (void) snprintf(path, sizeof path, "%s/csi.sock", dir);
        rpc_init();
        return 0;
}
static int remove_dir(void **state)
{
        AUTO_STRING char *lock = alloc_printf("%s.lock", path);

        (void) state;
        rpc_shutdown();
        return unlink(lock) == 0 && rmdir(dir) == 0 ? 0 : -1;
}

#define ROW(test) cmocka_unit_test_setup(test, world_reset)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(answers),
                ROW(unknown_methods),
                ROW(bad_messages),
                ROW(message_too_large),
                ROW(compressed),
                ROW(empty_stream),
                ROW(authorities),
                ROW(cancel_reaches_handler),
                ROW(lost_client_reaches_handler),
                ROW(deadline_reaches_handler),
                ROW(deadline_is_capped),
                ROW(lanes_do_not_starve),
                ROW(one_server_a_path),
                ROW(socket_file),
                ROW(strange_peers),
                ROW(stop_idle),
                ROW(stop_lets_calls_finish),
                ROW(stop_cancels_what_stays),
                ROW(storm),
        };
        return cmocka_run_group_tests_name("rpc", tests, make_dir, remove_dir);
}
