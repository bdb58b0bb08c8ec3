/* Written on libevent's bufferevents with a strict head parser of our own (http_head) rather than on its evhttp: evhttp can't
 * limit connections, can't tell a route's body limit before it has read the body, and frees a request under the worker that has it
 * when the client leaves. This file: the server's life and its loop. */
#include "lib/net/httpd.h"

#include <assert.h>
#include <sys/eventfd.h>

#include "lib/base/log.h"
#include "lib/net/httpd_conn.h"

/* ---- the loop ---- */

static struct exchange *done_take(struct httpd *h)
{
        struct exchange *done;

        pthread_mutex_lock(&h->mu);
        done = TAKE(h->done);
        pthread_mutex_unlock(&h->mu);
        return done;
}

/* Connections without a request in a worker's hands and without an answer on its way. */
static void idle_close(struct httpd *h)
{
        for (struct httpd_conn *c = h->conns, *next; c != NULL; c = next) {
                next = c->next;
                if (c->state != CONN_RUNNING && c->state != CONN_WRITING)
                        httpd_conn_free(c);
        }
}

static void stop_begin(struct httpd *h)
{
        int64_t grace_ms = atomic_load(&h->grace_ms);
        struct timeval in = {grace_ms / 1000, grace_ms % 1000 * 1000};

        httpd_listeners_free(h);
        (void) event_add(h->grace, &in); /* without memory there is no end by time, only by the last answer */
}

static void stop_continue(struct httpd *h)
{
        idle_close(h);
        if (h->conn_count == 0 && h->running == 0)
                (void) event_base_loopbreak(h->base); /* our own thread: it does not fail */
}

static void on_wake(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct httpd *h = arg;
        eventfd_t count;

        (void) eventfd_read(h->wake_fd, &count); /* only its being readable matters */
        for (struct exchange *x = done_take(h), *next; x != NULL; x = next) {
                next = x->next;
                h->running--;
                if (x->conn != NULL) {
                        x->conn->exchange = NULL;
                        httpd_conn_reply(x->conn, &x->response, strcmp(x->head.method, "HEAD") == 0);
                }
                exchange_free(x);
        }
        if (!atomic_load(&h->stopping))
                return;
        if (h->listeners != NULL || !event_pending(h->grace, EV_TIMEOUT, NULL))
                stop_begin(h);
        stop_continue(h);
}

static void on_grace(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct httpd *h = arg;

        (void) event_base_loopbreak(h->base); /* our own thread: it does not fail */
}

static void *loop_run(void *arg)
{
        struct httpd *h = arg;

        (void) event_base_loop(h->base, EVLOOP_NO_EXIT_ON_EMPTY); /* ends by loopbreak; an error ends the service too */
        return NULL;
}

/* ---- life ---- */

static void event_log(int severity, const char *message)
{
        log_debug("libevent", KV("message", message), KV("severity", severity));
}

static void httpd_free(struct httpd *h)
{
        httpd_listeners_free(h);
        while (h->conns != NULL)
                httpd_conn_free(h->conns);
        pool_free(h->pool); /* runs out; what it still answers is dropped below */
        for (struct exchange *x = done_take(h), *next; x != NULL; x = next) {
                next = x->next;
                exchange_free(x);
        }
        if (h->wake != NULL)
                event_free(h->wake);
        if (h->grace != NULL)
                event_free(h->grace);
        if (h->base != NULL)
                event_base_free(h->base);
        auto_close_cleanup(&h->wake_fd);
        pthread_mutex_destroy(&h->mu);
        free(h->routes);
        free(h);
}

struct fault *httpd_new(const struct httpd_options *o, struct httpd **ret)
{
        struct event_config *config = event_config_new();
        struct httpd *h = NEW(struct httpd);

        assert(o->workers > 0 && o->queue_max > 0 && o->idle_timeout_ms > 0 && config != NULL);
        event_set_log_callback(event_log);
        h->options = *o;
        h->routes = alloc_zero(o->route_count + 1, sizeof *h->routes);
        memcpy(h->routes, o->routes, o->route_count * sizeof *h->routes);
        pthread_mutex_init(&h->mu, NULL);
        (void) event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread only: a lock would be for nothing */
        h->base = event_base_new_with_config(config);
        event_config_free(config);
        h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (h->base != NULL && h->wake_fd >= 0) {
                h->wake = event_new(h->base, h->wake_fd, EV_READ | EV_PERSIST, on_wake, h);
                h->grace = event_new(h->base, -1, 0, on_grace, h);
        }
        if (h->wake == NULL || h->grace == NULL || event_add(h->wake, NULL) != 0) {
                httpd_free(h);
                return fault(FAULT_EXHAUSTED, "SOCKET", "make an event loop");
        }
        *ret = h;
        return NULL;
}

struct fault *httpd_start(struct httpd *h)
{
        h->pool = pool_new(h->options.name, h->options.workers, h->options.queue_max);
        TRY(thread_start(h->options.name, loop_run, h, &h->thread));
        h->started = true;
        return NULL;
}

void httpd_stop(struct httpd *h, int64_t grace_ms)
{
        if (h == NULL)
                return;
        if (h->started) {
                atomic_store(&h->grace_ms, grace_ms > 0 ? grace_ms : 0);
                atomic_store(&h->stopping, true);
                (void) eventfd_write(h->wake_fd,
                                     1); /* fails only when the counter is full, and then it is readable anyway */
                pthread_join(h->thread, NULL);
                atomic_store(&h->grace_ms, -1); /* what is queued is not begun any more */
        }
        httpd_free(h);
}
