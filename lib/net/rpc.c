/* The core's sharp edges, and where each is met. Misuse of it is an assert inside, that is, death: every call of it is in
 * rpc.c, rpc_call.c and rpc_message.c. (T: the test in rpc_test.c or rpc_call_test.c)
 *
 *  1. An unknown method hangs until the client's deadline unless one unregistered request is always outstanding:
 *     server_arm, rpc_call_arm(NULL), answered UNIMPLEMENTED. T: unknown_methods.
 *  2. A batch started after the queue's shutdown aborts the process, and handlers outlive grpc_server_cancel_all_calls. So
 *     the order of rpc_server_stop: accept no more, shutdown_and_notify, grace, cancel_all, its tag, join the lanes, queue's
 *     shutdown, drain, destroy. T: stop_*.
 *  3. Its own listener unlinks and steals a living server's socket, takes the mode from umask, and deletes a successor's
 *     file on exit. So we listen ourselves (unix_socket) under a lock on `<socket>.lock`, and hand connections over with
 *     grpc_server_add_channel_from_fd. T: one_server_a_path, socket_file.
 *  4. protobuf-c cuts strings at NUL and takes invalid UTF-8: pbcheck stands before it. T: bad_messages.
 *  5. Small inputs become large allocations: limits on message, metadata, streams and fields; decompression is off, so a
 *     compressed message can't grow past them. T: bad_messages, message_too_large, compressed.
 *  6. An empty stream on a unary method gives no payload; a failed NEW has no call. T: empty_stream, stop_idle.
 *  7. Deadlines come on the monotonic clock and may be infinite: capped by max_deadline_ms. T: deadline_*.
 *  8. Cancel and Probe are only seen while the polling thread polls: no handler runs on it. T: cancel_reaches_handler,
 *     lanes_do_not_starve.
 *  9. The worker holds its own reference while it runs; else the answer's tag may free the call under it (TSan does not see
 *     the hand-over through the core, which is not instrumented: tests/tools/run-units). T: storm.
 * 10. Its threads inherit the signal mask, and it prints to stderr: rpc_init. Never fork after it.
 * 11. Clients send what they like as :authority (a socket's path, raw or escaped, or nothing): methods are registered for any
 *     host. T: authorities. */
#include "lib/net/rpc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <sys/file.h>

#include "lib/base/log.h"
#include "lib/net/rpc_call.h"
#include "lib/net/unix_socket.h"

#define METADATA_MAX (16 * 1024)
#define STREAMS_MAX  128 /* calls at a time on one connection */

/* ---- starting ---- */

static struct fault *lock_take(const char *socket_path, int *ret_fd)
{
        AUTO_STRING char *path = alloc_printf("%s.lock", socket_path);
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "open %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET_BUSY", errno, "another instance holds %s", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

static grpc_server *core_server_new(void)
{
        grpc_arg args[] = {
                {.type = GRPC_ARG_INTEGER,
                 .key = (char *) GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                 .value.integer = RPC_MESSAGE_MAX},
                {.type = GRPC_ARG_INTEGER, .key = (char *) GRPC_ARG_MAX_METADATA_SIZE, .value.integer = METADATA_MAX},
                {.type = GRPC_ARG_INTEGER,
                 .key = (char *) GRPC_ARG_MAX_CONCURRENT_STREAMS,
                 .value.integer = STREAMS_MAX},
                {.type = GRPC_ARG_INTEGER,
                 .key = (char *) GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION,
                 .value.integer = 0},
        };
        return grpc_server_create(&(grpc_channel_args){COUNT_OF(args), args}, NULL);
}

static const ProtobufCMethodDescriptor *method_types(const struct rpc_service *service, const char *name)
{
        const ProtobufCMethodDescriptor *types =
                protobuf_c_service_descriptor_get_method_by_name(service->descriptor, name);

        assert(types != NULL); /* the table names a method that the service does not have */
        return types;
}

static void methods_register(struct rpc_server *s)
{
        for (size_t i = 0; i < s->options.service_count; i++)
                s->entry_count += s->options.services[i].method_count;
        s->entries = alloc_zero(s->entry_count, sizeof *s->entries);

        for (size_t i = 0, at = 0; i < s->options.service_count; i++) {
                const struct rpc_service *service = &s->options.services[i];

                for (size_t k = 0; k < service->method_count; k++, at++) {
                        const struct rpc_method *method = &service->methods[k];
                        AUTO_STRING char *path = alloc_printf("/%s/%s", service->descriptor->name, method->name);

                        assert(method->lane < s->options.lane_count);
                        assert(method->first == NULL || method->first_lane < method->lane);
                        s->entries[at] = (struct rpc_entry){
                                .service = service,
                                .method = method,
                                .types = method_types(service, method->name),
                                .registered = grpc_server_register_method(s->server, path, /* host= */ NULL,
                                                                          GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0),
                        };
                        assert(s->entries[at].registered != NULL);
                }
        }
}

static void server_arm(struct rpc_server *s)
{
        for (size_t i = 0; i < s->entry_count; i++)
                rpc_call_arm(s, &s->entries[i]);
        rpc_call_arm(s, NULL);
}

static void server_accepted(void *self, int fd)
{
        struct rpc_server *s = self;
        grpc_server_credentials *clear = grpc_insecure_server_credentials_create();

        grpc_server_add_channel_from_fd(s->server, fd, clear);
        grpc_server_credentials_release(clear);
}

/* ---- the polling thread ---- */

static void *poller_run(void *arg)
{
        struct rpc_server *s = arg;

        for (;;) {
                grpc_event event = grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
                struct rpc_op *op = event.tag;

                if (event.type == GRPC_QUEUE_SHUTDOWN)
                        return NULL;
                if (event.type != GRPC_OP_COMPLETE)
                        continue;
                if (op->kind != RPC_OP_SHUTDOWN) {
                        rpc_call_event(op, event.success != 0);
                        continue;
                }
                pthread_mutex_lock(&s->mu);
                s->shutdown_done = true;
                pthread_cond_broadcast(&s->changed);
                pthread_mutex_unlock(&s->mu);
        }
}

/* ---- stopping ---- */

/* Until no client waits any more, or the grace is over. */
static void wait_idle(struct rpc_server *s, int64_t grace_ms)
{
        struct cancel grace;
        bool over = false;

        cancel_init(&grace, &clock_system, (struct boot){clock_boot(&clock_system).ms + grace_ms});
        pthread_mutex_lock(&s->mu);
        while (s->active > 0 && !over) {
                AUTO(fault) struct fault *late = cancel_wait(&grace, &s->changed, &s->mu);

                over = late != NULL;
        }
        pthread_mutex_unlock(&s->mu);
        cancel_clear(&grace);
}

/* Ends the core's server: no call of it is in the hands of a worker when this returns. */
static void core_stop(struct rpc_server *s, int64_t grace_ms)
{
        pthread_mutex_lock(&s->mu);
        s->stopping = true;
        pthread_mutex_unlock(&s->mu);
        grpc_server_shutdown_and_notify(s->server, s->queue, &s->shutdown_op);
        wait_idle(s, grace_ms);

        grpc_server_cancel_all_calls(s->server);
        pthread_mutex_lock(&s->mu);
        while (!s->shutdown_done)
                pthread_cond_wait(&s->changed, &s->mu);
        pthread_mutex_unlock(&s->mu);
        for (size_t i = 0; i < s->options.lane_count; i++)
                pool_free(s->lanes[i]);
}

static void server_free(struct rpc_server *s)
{
        grpc_server_destroy(s->server);
        grpc_completion_queue_destroy(s->queue);
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->mu);
        auto_close_cleanup(&s->lock_fd);
        free((char *) s->options.socket_path);
        free((struct rpc_service *) s->options.services);
        free(s->entries);
        free(s);
}

void rpc_server_stop(struct rpc_server *s, int64_t grace_ms)
{
        if (s == NULL)
                return;
        unix_acceptor_stop(s->acceptor);
        core_stop(s, grace_ms);
        grpc_completion_queue_shutdown(s->queue);
        pthread_join(s->poller, NULL);
        server_free(s);
}

/* The caller's array need not live longer than the call; the method tables in it are static. */
static struct rpc_service *services_copy(const struct rpc_server_options *o)
{
        struct rpc_service *copy = alloc_zero(o->service_count, sizeof *copy);
        memcpy(copy, o->services, o->service_count * sizeof *copy);
        return copy;
}

struct fault *rpc_server_start(const struct rpc_server_options *o, struct rpc_server **ret)
{
        AUTO_CLOSE int lock_fd = -1;
        struct rpc_server *s;
        struct fault *failed;

        assert(o->lane_count > 0 && o->lane_count <= RPC_LANES_MAX && o->max_deadline_ms > 0);
        TRY(lock_take(o->socket_path, &lock_fd));

        s = NEW(struct rpc_server);
        s->options = *o;
        s->options.socket_path = alloc_string(o->socket_path);
        s->options.services = services_copy(o);
        s->lock_fd = TAKE_FD(lock_fd);
        s->shutdown_op = (struct rpc_op){NULL, RPC_OP_SHUTDOWN};
        pthread_mutex_init(&s->mu, NULL);
        cond_init_boot(&s->changed);
        for (size_t i = 0; i < o->lane_count; i++)
                s->lanes[i] = pool_new(o->lanes[i].name, o->lanes[i].threads, o->lanes[i].queue_max);
        s->queue = grpc_completion_queue_create_for_next(NULL);
        s->server = core_server_new();
        grpc_server_register_completion_queue(s->server, s->queue, NULL);
        methods_register(s);
        grpc_server_start(s->server);
        server_arm(s);
        failed = thread_start("rpc", poller_run, s, &s->poller);
        assert(failed == NULL); /* as a pool does: a program starts whole or not at all */
        fault_free(failed);

        failed = unix_acceptor_start(o->socket_path, o->socket_mode,
                                     &(struct unix_acceptor_events){.accepted = server_accepted, .self = s},
                                     &s->acceptor);
        if (failed != NULL) {
                rpc_server_stop(s, /* grace_ms= */ 0);
                return failed;
        }
        *ret = s;
        return NULL;
}

/* ---- the core's global state ---- */

static void core_log(gpr_log_func_args *args)
{
        log_debug("grpc", KV("message", args->message), KV("line", args->line));
}

void rpc_init(void)
{
        gpr_set_log_function(core_log);
        gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
        grpc_init();
}

void rpc_shutdown(void)
{
        grpc_shutdown_blocking();
}
