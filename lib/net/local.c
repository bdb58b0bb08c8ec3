#include "lib/net/local.h"

#include <stdio.h>

#define QUEUE_MAX       16
#define CONNECTIONS_MAX 16
#define IDLE_TIMEOUT_MS 10000
#define STOP_GRACE_MS   1000

static void set_type(struct httpd_response *response, const char *type)
{
        (void) snprintf(response->content_type, sizeof response->content_type, "%s", type); /* it fits */
}

static struct fault *get_healthz(void *self, const struct httpd_request *request UNUSED,
                                 struct httpd_response *response)
{
        const struct health_view *view = self;
        if (view->alive != NULL)
                TRY(view->alive(view->self));
        set_type(response, "text/plain");
        return buf_append_str(&response->body, "ok\n");
}

static struct fault *get_readyz(void *self, const struct httpd_request *request, struct httpd_response *response)
{
        const struct health_view *view = self;
        TRY(view->ready(view->self));
        return get_healthz(self, request, response);
}

static struct fault *get_metrics(void *self, const struct httpd_request *request UNUSED,
                                 struct httpd_response *response)
{
        const struct health_view *view = self;
        set_type(response, "text/plain; version=0.0.4");
        return view->metrics(view->self, &response->body);
}

void health_routes(const struct health_view *view, struct httpd_route ret[HEALTH_ROUTES])
{
        void *self = (struct health_view *) view; /* handlers only read it */
        ret[0] = (struct httpd_route){"GET", "/healthz", 0, get_healthz, self};
        ret[1] = (struct httpd_route){"GET", "/readyz", 0, get_readyz, self};
        ret[2] = (struct httpd_route){"GET", "/metrics", 0, get_metrics, self};
}

struct fault *local_serve(const char *name, const char *socket_path, mode_t mode, const struct httpd_route *routes,
                          size_t route_count, const struct clock *clock, struct httpd **ret)
{
        const struct httpd_options options = {
                .name = name,
                .routes = routes,
                .route_count = route_count,
                .workers = 1,
                .queue_max = QUEUE_MAX,
                .connections_max = CONNECTIONS_MAX,
                .idle_timeout_ms = IDLE_TIMEOUT_MS,
                .clock = clock,
        };
        struct httpd *h = NULL;
        TRY(httpd_new(&options, &h));
        struct fault *failed = httpd_listen_unix(h, socket_path, mode);
        if (failed == NULL)
                failed = httpd_start(h);
        if (failed != NULL) {
                local_stop(h);
                return fault_prefix(failed, "listen on %s socket %s", name, socket_path);
        }
        *ret = h;
        return NULL;
}

void local_stop(struct httpd *h)
{
        if (h != NULL)
                httpd_stop(h, STOP_GRACE_MS);
}
