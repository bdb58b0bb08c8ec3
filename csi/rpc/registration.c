#include "csi/rpc/registration.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/model/names.h"
#include "lib/net/rpc.h"
#include "proto/pluginregistration.pb-c.h"

#define PAUSE_MIN_MS    1000
#define PAUSE_MAX_MS    60000
#define NOTIFY_GRACE_MS 1000 /* kubelet's own notification is being answered when it makes us go */
#define SOCKET_NAME     VOUCHSAFE_DRIVER_NAME "-reg.sock"

struct registration {
        char *registry_dir, *socket_path, *endpoint;
        const struct clock *clock;
        struct rpc_server *server; /* owned by the watching thread after start */
        pthread_t watcher;
        int stop_fd, watch_fd;
        atomic_bool stopping, done, was_done, refused;
};

static struct fault *get_info(void *self, const ProtobufCMessage *request UNUSED, struct cancel *cancel UNUSED,
                              ProtobufCMessage **ret_reply)
{
        struct registration *r = self;
        Pluginregistration__PluginInfo *reply = (void *) rpc_reply_new(&pluginregistration__plugin_info__descriptor);
        reply->type = rpc_string("CSIPlugin");
        reply->name = rpc_string(VOUCHSAFE_DRIVER_NAME);
        reply->endpoint = rpc_string(r->endpoint);
        reply->n_supported_versions = 1;
        reply->supported_versions = alloc_zero(1, sizeof *reply->supported_versions);
        reply->supported_versions[0] = rpc_string("1.0.0");
        *ret_reply = &reply->base;
        return NULL;
}

static void wake_watcher(struct registration *r)
{
        uint64_t one = 1;
        (void) !write(r->stop_fd, &one, sizeof one); /* an eventfd takes it unless it is already awake */
}

static struct fault *notify(void *self, const ProtobufCMessage *message, struct cancel *cancel UNUSED,
                            ProtobufCMessage **ret_reply)
{
        struct registration *r = self;
        const Pluginregistration__RegistrationStatus *status = (const void *) message;
        atomic_store(&r->done, status->plugin_registered != 0);
        if (status->plugin_registered) {
                atomic_store(&r->was_done, true);
                log_info("registered_with_kubelet", KV("endpoint", r->endpoint));
        } else {
                log_error("registration_refused", KV("by", "kubelet"), KV("reason", status->error));
                atomic_store(&r->refused, true);
                wake_watcher(r);
        }
        *ret_reply = rpc_reply_new(&pluginregistration__registration_status_response__descriptor);
        return NULL;
}

static struct fault *serve(struct registration *r)
{
        static const struct rpc_method methods[] = {{.name = "GetInfo", .lane = 0, .handler = get_info},
                                                    {.name = "NotifyRegistrationStatus", .lane = 0, .handler = notify}};
        const struct rpc_service service = {&pluginregistration__registration__descriptor, methods, COUNT_OF(methods),
                                            r};
        const struct rpc_server_options options = {
                .socket_path = r->socket_path,
                .socket_mode = 0600,
                .services = &service,
                .service_count = 1,
                .lanes = {{"registration", 1, 8}},
                .lane_count = 1,
                .max_deadline_ms = 10000,
                .clock = r->clock,
        };
        return rpc_server_start(&options, &r->server);
}

static bool socket_is_there(const struct registration *r)
{
        struct stat found;
        return stat(r->socket_path, &found) == 0 && S_ISSOCK(found.st_mode);
}

static void drain_wakes(struct registration *r)
{
        uint64_t wakes;
        (void) !read(r->stop_fd, &wakes, sizeof wakes); /* non-blocking: nothing there is fine */
}

/* Sleeps until something happens in the registry directory or somebody wakes us. */
static void wait_for_change(struct registration *r)
{
        struct pollfd fds[] = {{.fd = r->stop_fd, .events = POLLIN}, {.fd = r->watch_fd, .events = POLLIN}};
        (void) poll(fds, COUNT_OF(fds), -1); /* an interrupted wait is as good as a short one */
        char events[4096];
        while (read(r->watch_fd, events, sizeof events) > 0)
                continue;
        drain_wakes(r);
}

/* Sleeps for `ms`, shorter when somebody wakes us. */
static void pause_ms(struct registration *r, int ms)
{
        struct pollfd wake = {.fd = r->stop_fd, .events = POLLIN};
        drain_wakes(r); /* a wake of before the pause is no reason to cut it */
        if (!atomic_load(&r->stopping))
                (void) poll(&wake, 1, ms);
}

static void watch_directory(struct registration *r)
{
        /* added anew each time: the directory itself may have been replaced; the same one again is the same watch */
        if (inotify_add_watch(r->watch_fd, r->registry_dir,
                              IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_CREATE) < 0)
                log_warn("registry_not_watched", KV("directory", r->registry_dir), KV("errno", errno));
}

static void *watch(void *arg)
{
        struct registration *r = arg;
        int pause = PAUSE_MIN_MS;
        bool is_failing = false;
        while (!atomic_load(&r->stopping)) {
                bool refused = atomic_exchange(&r->refused, false);
                if (r->server != NULL && !refused && socket_is_there(r)) {
                        wait_for_change(r);
                        continue;
                }

                atomic_store(&r->done, false);
                rpc_server_stop(TAKE(r->server), NOTIFY_GRACE_MS);
                if (atomic_exchange(&r->was_done, false))
                        pause = PAUSE_MIN_MS; /* earlier refusals are history */
                if (refused) {
                        pause_ms(r, pause);
                        pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
                }
                if (atomic_load(&r->stopping))
                        break;
                watch_directory(r);
                AUTO(fault) struct fault *failed = serve(r);
                if (failed != NULL) {
                        if (!is_failing)
                                log_warn("registration_socket_failed", KV("problem", failed));
                        is_failing = true;
                        pause_ms(r, PAUSE_MIN_MS);
                        continue;
                }
                is_failing = false;
                log_info("registration_socket_made", KV("path", r->socket_path));
        }
        rpc_server_stop(TAKE(r->server), 0);
        return NULL;
}

struct fault *registration_start(const struct registration_options *o, struct registration **ret)
{
        struct registration *r = NEW(struct registration);
        r->registry_dir = alloc_string(o->registry_dir);
        r->socket_path = alloc_printf("%s/" SOCKET_NAME, o->registry_dir);
        r->endpoint = alloc_string(o->endpoint);
        r->clock = o->clock;
        r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->stop_fd < 0 || r->watch_fd < 0 || pthread_create(&r->watcher, NULL, watch, r) != 0) {
                struct fault *failed = fault_errno(FAULT_INTERNAL, "REGISTRATION", errno, "watch %s", o->registry_dir);
                auto_close_cleanup(&r->stop_fd);
                auto_close_cleanup(&r->watch_fd);
                free(r->registry_dir);
                free(r->socket_path);
                free(r->endpoint);
                free(r);
                return failed;
        }
        *ret = r;
        return NULL;
}

bool registration_is_done(struct registration *r)
{
        return r != NULL && atomic_load(&r->done);
}

void registration_stop(struct registration *r)
{
        if (r == NULL)
                return;
        atomic_store(&r->stopping, true);
        wake_watcher(r);
        pthread_join(r->watcher, NULL);
        close(r->stop_fd);
        close(r->watch_fd);
        free(r->registry_dir);
        free(r->socket_path);
        free(r->endpoint);
        free(r);
}
