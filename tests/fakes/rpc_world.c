#include "tests/fakes/rpc_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/csi.pb-c.h"

enum { LANE_LONG, LANE_QUICK };

static char dir[] = "/tmp/vouchsafe-rpc-XXXXXX";
char rpc_world_path[64];

struct rpc_world world = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void world_add(unsigned *counter)
{
        pthread_mutex_lock(&world.mu);
        (*counter)++;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}
void world_wait(const unsigned *counter, unsigned at_least)
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
unsigned world_now(const unsigned *counter)
{
        unsigned value;

        pthread_mutex_lock(&world.mu);
        value = *counter;
        pthread_mutex_unlock(&world.mu);
        return value;
}
void world_release(bool released)
{
        pthread_mutex_lock(&world.mu);
        world.released = released;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}
int world_reset(void **state)
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

struct fault *server_try(struct rpc_lane lane, int64_t max_deadline_ms, struct rpc_server **ret)
{
        static const struct rpc_method identity[] = {
                {.name = "GetPluginInfo", .lane = LANE_QUICK, .handler = plugin_info},
                {.name = "Probe", .lane = LANE_QUICK, .handler = probe}};
        static const struct rpc_method node[] = {{.name = "NodePublishVolume", .lane = LANE_LONG, .handler = publish}};
        static char self[] = "self";
        static const struct rpc_service services[] = {
                {&csi__v1__identity__descriptor, identity, COUNT_OF(identity), self},
                {&csi__v1__node__descriptor, node, COUNT_OF(node), self},
        };

        return rpc_server_start(&(struct rpc_server_options){.socket_path = rpc_world_path,
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
struct rpc_server *server_new(void)
{
        struct rpc_server *s = NULL;

        assert_null(server_try((struct rpc_lane){"long", 4, 64}, PATIENCE_MS, &s));
        return s;
}
struct rpc_client *client_new(void)
{
        return rpc_client_new(&(struct rpc_client_options){.socket_path = rpc_world_path});
}
struct rpc_client_call *start(struct rpc_client *c, struct span request)
{
        return rpc_client_start(c, PUBLISH, request, false, PATIENCE_MS);
}
int finish(struct rpc_client_call *call)
{
        AUTO(rpc_client_reply) struct rpc_client_reply reply;

        rpc_client_finish(call, &reply);
        return reply.status;
}
int call(struct rpc_client *c, const char *method, struct span request)
{
        return finish(rpc_client_start(c, method, request, false, PATIENCE_MS));
}
void assert_fault(struct fault *f, const char *token)
{
        assert_non_null(f);
        assert_string_equal(fault_token(f), token);
        fault_free(f);
}

/* ---- set-up ---- */

int world_make(void **state)
{
        (void) state;
        if (mkdtemp(dir) == NULL)
                return -1;
        (void) snprintf(rpc_world_path, sizeof rpc_world_path, "%s/csi.sock", dir);
        rpc_init();
        return 0;
}
int world_drop(void **state)
{
        AUTO_STRING char *lock = alloc_printf("%s.lock", rpc_world_path);

        (void) state;
        rpc_shutdown();
        return unlink(lock) == 0 && rmdir(dir) == 0 ? 0 : -1;
}
