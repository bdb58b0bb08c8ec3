/* local: what every program of ours answers on this machine, over HTTP on a Unix socket: /healthz (alive), /readyz (could serve now),
 * /metrics (Prometheus text). The program says what these mean for it; the routes and the small server are the same for all. */
#pragma once

#include "lib/net/httpd.h"

struct health_view {
        struct fault *(*alive)(void *self); /* NULL: a program that answers is alive */
        struct fault *(*ready)(void *self); /* asked after alive */
        struct fault *(*metrics)(void *self, struct buf *out);
        void *self;
};
#define HEALTH_ROUTES 3
/* `view` is borrowed as long as the routes are served. */
void health_routes(const struct health_view *view, struct httpd_route ret[HEALTH_ROUTES]);

/* One worker, few connections: for people, probes and a scraper. `name` is a literal. The fault names the socket. */
struct fault *local_serve(const char *name, const char *socket_path, mode_t mode, const struct httpd_route *routes,
                          size_t route_count, const struct clock *clock, struct httpd **ret) MUST_USE;
/* NULL is fine. */
void local_stop(struct httpd *h);
