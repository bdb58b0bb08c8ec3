/* httpd_exchange: a request in the hands of a worker, and problem documents. */
#include <assert.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "lib/net/httpd_conn.h"
#include "lib/wire/problem.h"

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
        x->httpd->body_bytes -= x->body_counted;
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
                .client_name = x->facts.client_name,
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
