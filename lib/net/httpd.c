/* Written on libevent's bufferevents with a strict head parser of our own (http_head) rather than on its evhttp: evhttp can't
 * limit connections, can't tell a route's body limit before it has read the body, and frees a request under the worker that has it
 * when the client leaves. */
#include "lib/net/httpd.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/net/httpd_conn.h"
#include "lib/wire/problem.h"

#define NO_DESCRIPTOR_WAIT_US 100000 /* out of descriptors: connections stay in the backlog, so don't spin on them */

int64_t httpd_now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail; only for how long a request took */
        return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- exchanges ---- */

struct exchange *exchange_new(struct httpd *h, struct httpd_conn *c)
{
        struct exchange *x = NEW(struct exchange);

        x->httpd = h;
        x->conn = c;
        x->came_us = httpd_now_us();
        x->response = (struct httpd_response){.status = 200, .body = BUF(HTTPD_RESPONSE_MAX)};
        return x;
}

void exchange_free(struct exchange *x)
{
        if (x == NULL)
                return;
        http_head_clear(&x->head);
        buf_wipe(&x->body); /* may hold tokens */
        buf_wipe(&x->response.body);
        free(x);
}

void response_problem(struct httpd_response *r, int status, const struct fault *failed)
{
        struct json *problem = problem_write(failed);
        struct fault *unwritten;

        buf_wipe(&r->body);
        r->status = status != 0 ? status : problem_http_status(fault_code(failed));
        r->etag[0] = '\0';
        r->retry_after_s = (fault_retry_after_ms(failed) + 999) / 1000;
        (void) snprintf(r->content_type, sizeof r->content_type, "application/problem+json"); /* it fits */
        json_set_int(problem, "status", r->status);
        unwritten = json_write(problem, &r->body);
        assert(unwritten == NULL); /* a fault's text is far below the limit */
        fault_free(unwritten);
        json_free(problem);
}

/* ---- in a worker ---- */

static void exchange_handle(struct exchange *x)
{
        struct httpd_request request = {
                .method = x->head.method,
                .path = buf_str(&x->head.path),
                .query = buf_str(&x->head.query),
                .body = buf_span(&x->body),
                .if_none_match = x->head.has_if_none_match ? buf_str(&x->head.if_none_match) : NULL,
                .remote = x->facts.remote,
                .remote_uid = x->facts.remote_uid,
                .has_client_spki = x->facts.has_client_spki,
                .has_exporter = x->facts.has_exporter,
        };
        AUTO(fault) struct fault *failed = NULL;

        memcpy(request.client_spki_sha256, x->facts.client_spki_sha256, sizeof request.client_spki_sha256);
        memcpy(request.exporter, x->facts.exporter, sizeof request.exporter);
        failed = x->route->handler(x->route->self, &request, &x->response);
        if (failed != NULL)
                response_problem(&x->response, 0, failed);
}

static void exchange_work(void *work)
{
        struct exchange *x = work;
        struct httpd *h = x->httpd;
        const struct httpd_options *o = &h->options;

        if (atomic_load(&h->stopping) && atomic_load(&h->grace_ms) < 0) {
                AUTO(fault) struct fault *over = fault(FAULT_UNAVAILABLE, "STOPPING", "the server stops");

                response_problem(&x->response, 0, over); /* nobody reads it any more: the loop has ended */
        } else {
                exchange_handle(x);
        }
        if (o->on_done != NULL)
                o->on_done(o->on_done_arg, x->route->path, x->response.status, httpd_now_us() - x->came_us);

        pthread_mutex_lock(&h->mu);
        x->next = h->done;
        h->done = x;
        pthread_mutex_unlock(&h->mu);
        (void) eventfd_write(h->wake_fd, 1); /* fails only when the counter is full, and then it is readable anyway */
}

struct fault *httpd_hand_over(struct httpd *h, struct exchange *x)
{
        TRY(pool_submit(h->pool, exchange_work, x));
        h->running++;
        return NULL;
}

/* ---- the loop ---- */

static struct exchange *done_take(struct httpd *h)
{
        struct exchange *done;

        pthread_mutex_lock(&h->mu);
        done = TAKE(h->done);
        pthread_mutex_unlock(&h->mu);
        return done;
}

static void listener_free(struct httpd_listener *l)
{
        if (l->unix_path != NULL)
                unix_unlink(l->unix_path, &l->unix_file);
        if (l->listener != NULL)
                evconnlistener_free(l->listener);
        if (l->resume != NULL)
                event_free(l->resume);
        free(l->unix_path);
        free(l);
}

static void listeners_free(struct httpd *h)
{
        while (h->listeners != NULL) {
                struct httpd_listener *l = h->listeners;

                h->listeners = l->next;
                listener_free(l);
        }
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

        listeners_free(h);
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

/* ---- listeners ---- */

static void facts_of_peer(struct httpd_conn *c, const struct sockaddr *address)
{
        int fd = bufferevent_getfd(c->bev);

        c->facts.remote_uid = (uid_t) -1;
        (void) snprintf(c->facts.remote, sizeof c->facts.remote, "unix"); /* it fits */
        if (address->sa_family == AF_UNIX)
                fault_free(unix_peer_uid(fd, &c->facts.remote_uid)); /* stays nobody's uid without an answer */
        if (address->sa_family == AF_INET)
                (void) inet_ntop(AF_INET, &((const struct sockaddr_in *) (const void *) address)->sin_addr,
                                 c->facts.remote, sizeof c->facts.remote);
        if (address->sa_family == AF_INET6)
                (void) inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr,
                                 c->facts.remote, sizeof c->facts.remote);
}

static void on_accept(struct evconnlistener *listener UNUSED, evutil_socket_t fd, struct sockaddr *address,
                      int len UNUSED, void *arg)
{
        struct httpd_listener *l = arg;
        struct httpd *h = l->httpd;
        struct httpd_conn *before = h->conns;

        if (h->conn_count >= h->options.connections_max) {
                log_debug("http_connection_refused", KV("open", h->conn_count));
                (void) close(fd); /* at once: a full house must not fill the backlog as well */
                return;
        }
        if (l->unix_path == NULL)
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* slower without, not wrong */
        httpd_conn_new(l, fd);
        if (h->conns != before)
                facts_of_peer(h->conns, address);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
        struct httpd_listener *l = arg;
        struct timeval in = {0, NO_DESCRIPTOR_WAIT_US};

        log_debug("http_accept_deferred", KV("errno", errno));
        (void) evconnlistener_disable(listener); /* until resume */
        (void) event_add(l->resume, &in);        /* without memory nothing better can be done either */
}

static void on_resume(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct httpd_listener *l = arg;

        (void) evconnlistener_enable(l->listener); /* it was enabled before */
}

struct fault *httpd_listen_fd(struct httpd *h, int fd, const struct httpd_transport *transport, const char *unix_path,
                              const struct unix_file *unix_file)
{
        struct httpd_listener *l = NEW(struct httpd_listener);

        assert(!h->started);
        l->httpd = h;
        l->transport = *transport;
        l->resume = event_new(h->base, -1, 0, on_resume, l);
        l->listener = evconnlistener_new(h->base, on_accept, l, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                         /* backlog= */ 0, fd);
        if (l->listener == NULL || l->resume == NULL) {
                if (l->listener == NULL)
                        (void) close(fd); /* ours by contract */
                listener_free(l);
                return fault(FAULT_EXHAUSTED, "SOCKET", "make a listener");
        }
        if (unix_path != NULL) {
                l->unix_path = alloc_string(unix_path);
                l->unix_file = *unix_file;
        }
        evconnlistener_set_error_cb(l->listener, on_accept_error);
        l->next = h->listeners;
        h->listeners = l;
        return NULL;
}

static struct bufferevent *clear_wrap(void *self UNUSED, struct event_base *base, int fd)
{
        struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

        if (bev == NULL)
                (void) close(fd); /* ours by contract */
        return bev;
}

static void clear_learn(void *self UNUSED, struct bufferevent *bev UNUSED, struct httpd_facts *facts UNUSED)
{
}

struct fault *httpd_listen_unix(struct httpd *h, const char *path, mode_t mode)
{
        const struct httpd_transport clear = {clear_wrap, clear_learn, NULL};
        struct unix_file file;
        int fd = -1;

        TRY(unix_listen(path, mode, &fd, &file));
        return httpd_listen_fd(h, fd, &clear, path, &file);
}

/* ---- life ---- */

static void event_log(int severity, const char *message)
{
        log_debug("libevent", KV("message", message), KV("severity", severity));
}

static void httpd_free(struct httpd *h)
{
        listeners_free(h);
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
