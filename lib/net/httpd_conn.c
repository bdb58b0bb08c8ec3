#include "lib/net/httpd_conn.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "lib/wire/problem.h"

#define LINGER_MAX   (4u << 20) /* bytes that a refused client may still send before we hang up on it */
#define LINGER_MS    2000
#define READ_AHEAD   (64u << 10)
#define RETRY_BUSY_S 1

static void conn_advance(struct httpd_conn *c);

/* ---- life ---- */

static void timer_arm(struct httpd_conn *c, int64_t ms)
{
        struct timeval in = {ms / 1000, ms % 1000 * 1000};

        (void) event_add(c->timer,
                         &in); /* fails only without memory, and then the connection lives until its client leaves */
}

static int64_t request_ms(const struct httpd_conn *c)
{
        const struct httpd_options *o = &c->httpd->options;

        return o->request_timeout_ms > 0 ? o->request_timeout_ms : o->idle_timeout_ms;
}

void httpd_conn_free(struct httpd_conn *c)
{
        if (c->exchange != NULL && c->state == CONN_RUNNING)
                c->exchange->conn = NULL; /* the worker goes on; its answer is dropped */
        if (c->exchange != NULL && c->state != CONN_RUNNING)
                exchange_free(c->exchange);
        *c->at = c->next;
        if (c->next != NULL)
                c->next->at = c->at;
        c->httpd->conn_count--;
        if (atomic_load(&c->httpd->stopping))
                (void) eventfd_write(c->httpd->wake_fd,
                                     1); /* it may have been the last; a full counter is readable anyway */
        event_free(c->timer);
        bufferevent_free(c->bev);
        free(c);
}

/* ---- writing ---- */

static const char *status_text(int status)
{
        static const struct {
                int status;
                const char *text;
        } rows[] = {
                {200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {304, "Not Modified"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {409, "Conflict"},
                {413, "Content Too Large"},
                {429, "Too Many Requests"},
                {431, "Request Header Fields Too Large"},
                {500, "Internal Server Error"},
                {501, "Not Implemented"},
                {503, "Service Unavailable"},
                {504, "Gateway Timeout"},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (rows[i].status == status)
                        return rows[i].text;
        return "Status";
}

static void conn_write(struct httpd_conn *c, const struct httpd_response *r, bool without_body, const char *allow)
{
        struct evbuffer *out = bufferevent_get_output(c->bev);
        bool has_content = r->status != 304 && r->status != 204;

        evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", r->status, status_text(r->status));
        if (has_content)
                evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                                    r->content_type[0] != '\0' ? r->content_type : "application/json", r->body.len);
        if (r->etag[0] != '\0')
                evbuffer_add_printf(out, "ETag: %s\r\n", r->etag);
        else
                evbuffer_add_printf(out, "Cache-Control: no-store\r\n");
        if (r->retry_after_s > 0)
                evbuffer_add_printf(out, "Retry-After: %lld\r\n", (long long) r->retry_after_s);
        if (allow[0] != '\0')
                evbuffer_add_printf(out, "Allow: %s\r\n", allow);
        evbuffer_add_printf(out, "%s\r\n", c->keep_alive ? "" : "Connection: close\r\n");
        if (has_content && !without_body && r->body.len > 0)
                evbuffer_add(out, r->body.data, r->body.len);
        c->state = CONN_WRITING;
        timer_arm(c, c->httpd->options.idle_timeout_ms);
}

void httpd_conn_reply(struct httpd_conn *c, const struct httpd_response *response, bool without_body)
{
        if (atomic_load(&c->httpd->stopping))
                c->keep_alive = false;
        conn_write(c, response, without_body, "");
}

/* A refusal of our own. Takes the fault. When the request's body will not be read, the connection can't go on. */
static void conn_refuse(struct httpd_conn *c, int status, struct fault *failed, const char *allow, bool is_read)
{
        const struct httpd_options *o = &c->httpd->options;
        struct exchange *x = TAKE(c->exchange);
        struct httpd_response r = {.body = BUF(HTTPD_RESPONSE_MAX)};
        bool without_body = x != NULL && strcmp(x->head.method, "HEAD") == 0;

        response_problem(&r, status, failed);
        if (o->on_done != NULL)
                o->on_done(o->on_done_arg, x != NULL && x->route != NULL ? x->route->path : "", r.status,
                           x != NULL ? httpd_now_us() - x->came_us : 0);
        c->keep_alive = c->keep_alive && is_read;
        conn_write(c, &r, without_body, allow);
        buf_clear(&r.body);
        fault_free(failed);
        exchange_free(x);
}

/* ---- reading ---- */

static void conn_run(struct httpd_conn *c)
{
        struct exchange *x = c->exchange;
        struct fault *busy;

        if (!c->learnt)
                c->transport.learn(c->transport.self, c->bev, &c->facts);
        c->learnt = true;
        x->facts = c->facts;
        c->state = CONN_RUNNING;
        (void) event_del(c->timer); /* the handler has its own limits */
        busy = httpd_hand_over(c->httpd, x);
        if (busy == NULL)
                return;
        busy = fault_recode(busy, FAULT_UNAVAILABLE);
        fault_set_retry_after_ms(busy, RETRY_BUSY_S * INT64_C(1000));
        conn_refuse(c, 0, busy, "", /* is_read= */ true);
}

static void conn_read_body(struct httpd_conn *c)
{
        struct evbuffer *in = bufferevent_get_input(c->bev);
        struct exchange *x = c->exchange;
        size_t take = evbuffer_get_length(in) < c->body_left ? evbuffer_get_length(in) : c->body_left;
        struct fault *failed = NULL;
        uint8_t *where;

        if (c->httpd->options.bodies_max > 0 && take > c->httpd->options.bodies_max - c->httpd->body_bytes) {
                failed = fault(FAULT_UNAVAILABLE, "BODIES_FULL", "too many requests are arriving at the same time");
                fault_set_retry_after_ms(failed, RETRY_BUSY_S * INT64_C(1000));
                conn_refuse(c, 0, failed, "", /* is_read= */ false);
                return;
        }
        if (take > 0) {
                failed = buf_grow(&x->body, take, &where);
                if (failed != NULL) {
                        conn_refuse(c, 413, failed, "", /* is_read= */ false);
                        return;
                }
                (void) evbuffer_remove(in, where, take); /* they are there: the length was asked above */
                c->body_left -= take;
                x->body_counted += take;
                c->httpd->body_bytes += take;
        }
        if (c->body_left == 0)
                conn_run(c);
}

static void conn_take_head(struct httpd_conn *c)
{
        const struct httpd *h = c->httpd;
        struct exchange *x = c->exchange;
        char allow[64] = "";
        int status = 0;

        c->keep_alive = x->head.keep_alive;
        x->route = httpd_route_find(h->routes, h->options.route_count, x->head.method, buf_span(&x->head.path), &status,
                                    allow);
        if (x->route == NULL) {
                conn_refuse(c, status,
                            status == 404
                                    ? fault(FAULT_NOT_FOUND, "NO_ROUTE", "there is nothing at this path")
                                    : fault(FAULT_UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "this path takes %s", allow),
                            allow, /* is_read= */ x->head.content_length == 0);
                return;
        }
        if (x->head.content_length > x->route->body_max) {
                conn_refuse(c, 413,
                            fault(FAULT_EXHAUSTED, "BODY_TOO_LARGE", "the body has %llu bytes, %zu are allowed",
                                  (unsigned long long) x->head.content_length, x->route->body_max),
                            "", /* is_read= */ false);
                return;
        }
        if (x->head.expects_continue && x->head.content_length > 0)
                (void) bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25); /* without memory it times out */
        x->body = BUF(x->route->body_max);
        c->body_left = (size_t) x->head.content_length;
        c->state = CONN_READING_BODY;
}

static void conn_read_head(struct httpd_conn *c)
{
        struct evbuffer *in = bufferevent_get_input(c->bev);
        struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
        size_t len = end.pos >= 0 ? (size_t) end.pos + 4 : evbuffer_get_length(in);
        struct fault *failed;

        c->keep_alive = false;
        if (len > HTTP_HEAD_MAX) {
                conn_refuse(c, 431,
                            fault(FAULT_EXHAUSTED, "HEAD_TOO_LARGE", "the head has more than %u bytes", HTTP_HEAD_MAX),
                            "",
                            /* is_read= */ false);
                return;
        }
        if (end.pos < 0) {
                if (len > 0 && !c->started)
                        timer_arm(c, request_ms(c)); /* for the whole request, from its first byte */
                c->started = len > 0;
                return;
        }
        if (!c->started)
                timer_arm(c, request_ms(c));
        c->started = false;
        c->exchange = exchange_new(c->httpd, c);
        failed = http_head_parse(span_make(evbuffer_pullup(in, (ssize_t) len), len), &c->exchange->head);
        (void) evbuffer_drain(in, len); /* they are there */
        if (failed != NULL) {
                conn_refuse(c, 0, failed, "", /* is_read= */ false);
                return;
        }
        conn_take_head(c);
}

static void conn_linger(struct httpd_conn *c)
{
        struct evbuffer *in = bufferevent_get_input(c->bev);

        c->lingered += evbuffer_get_length(in);
        (void) evbuffer_drain(in, evbuffer_get_length(in)); /* nobody wants it */
        if (c->lingered > LINGER_MAX)
                httpd_conn_free(c);
}

/* Goes as far as what is here allows. */
static void conn_advance(struct httpd_conn *c)
{
        if (c->state == CONN_READING_HEAD)
                conn_read_head(c);
        if (c->state == CONN_READING_BODY)
                conn_read_body(c);
        if (c->state == CONN_LINGERING)
                conn_linger(c); /* last: it may free */
}

/* ---- events ---- */

static void on_readable(struct bufferevent *bev UNUSED, void *arg)
{
        conn_advance(arg);
}

/* All that was to be written has gone to the socket. */
static void on_drained(struct bufferevent *bev UNUSED, void *arg)
{
        struct httpd_conn *c = arg;

        if (c->state != CONN_WRITING)
                return; /* a 100 Continue went out */
        if (atomic_load(&c->httpd->stopping)) {
                httpd_conn_free(c);
                return;
        }
        if (c->keep_alive) {
                c->state = CONN_READING_HEAD;
                c->idle_since_us = httpd_now_us();
                timer_arm(c, c->httpd->options.idle_timeout_ms);
                conn_advance(c); /* the next request may be here already */
                return;
        }
        /* Closing with unread bytes would reset the connection, and the client might lose the answer: wait until it hangs up. */
        c->state = CONN_LINGERING;
        timer_arm(c, LINGER_MS);
        conn_advance(c);
}

static void on_event(struct bufferevent *bev UNUSED, short what, void *arg)
{
        if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0)
                httpd_conn_free(arg);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        httpd_conn_free(arg);
}

void httpd_conn_new(struct httpd_listener *l, int fd)
{
        struct httpd *h = l->httpd;
        struct bufferevent *bev = l->transport.wrap(l->transport.self, h->base, fd);
        struct httpd_conn *c;

        if (bev == NULL)
                return;
        c = NEW(struct httpd_conn);
        c->httpd = h;
        c->transport = l->transport;
        c->bev = bev;
        c->timer = event_new(h->base, -1, 0, on_timer, c);
        assert(c->timer != NULL);
        c->next = h->conns;
        c->at = &h->conns;
        if (c->next != NULL)
                c->next->at = &c->next;
        h->conns = c;
        h->conn_count++;
        c->idle_since_us = httpd_now_us();
        bufferevent_setcb(bev, on_readable, on_drained, on_event, c);
        bufferevent_setwatermark(bev, EV_READ, 0, READ_AHEAD);
        (void) bufferevent_enable(bev, EV_READ | EV_WRITE); /* fails for no bufferevent of these kinds */
        timer_arm(c, request_ms(c));                        /* a handshake as well */
}

/* Before one that has been served: one that never was. */
static bool goes_before(const struct httpd_conn *a, const struct httpd_conn *b)
{
        return a->learnt != b->learnt ? !a->learnt : a->idle_since_us < b->idle_since_us;
}

bool httpd_conn_evict(struct httpd *h)
{
        struct httpd_conn *found = NULL;

        for (struct httpd_conn *c = h->conns; c != NULL; c = c->next)
                if (c->state == CONN_READING_HEAD && !c->started && (found == NULL || goes_before(c, found)))
                        found = c;
        if (found == NULL)
                return false;
        httpd_conn_free(found);
        return true;
}
