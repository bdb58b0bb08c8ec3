#include "attester/health.h"

#include "lib/net/httpd.h"

struct health {
        struct httpd *httpd;
        struct batch *batch;
        struct bundle_cache *bundles;
        bool insecure_development;
};

static struct metric bundle_sequence = {.name = "vouchsafe_attester_bundle_sequence",
                                        .help = "sequence of the trust bundle in hand",
                                        .kind = METRIC_GAUGE};
static struct metric insecure = {.name = "vouchsafe_attester_insecure_development",
                                 .help = "1 when evidence is the development kind, which proves nothing",
                                 .kind = METRIC_GAUGE};
static struct metric *const own_rows[] = {&bundle_sequence, &insecure};

static struct fault *get_metrics(void *self, const struct httpd_request *request UNUSED,
                                 struct httpd_response *response)
{
        struct health *h = self;
        metric_set(&bundle_sequence, 0, (int64_t) bundle_cache_sequence(h->bundles));
        metric_set(&insecure, 0, h->insecure_development);
        memcpy(response->content_type, "text/plain; version=0.0.4", sizeof "text/plain; version=0.0.4");
        size_t count = 0;
        struct metric *const *rows = batch_metrics(h->batch, &count);
        TRY(metrics_render(rows, count, &response->body));
        return metrics_render(own_rows, COUNT_OF(own_rows), &response->body);
}

static struct fault *get_healthz(void *self UNUSED, const struct httpd_request *request UNUSED,
                                 struct httpd_response *response)
{
        memcpy(response->content_type, "text/plain", sizeof "text/plain");
        return buf_append_str(&response->body, "ok\n");
}

/* Ready: the issuer has been reached. Not a reason to restart anything: it only tells. */
static struct fault *get_readyz(void *self, const struct httpd_request *request, struct httpd_response *response)
{
        struct health *h = self;
        if (bundle_cache_sequence(h->bundles) == 0)
                return fault(FAULT_UNAVAILABLE, "NO_BUNDLE", "the issuer has not been reached yet");
        return get_healthz(self, request, response);
}

struct fault *health_start(const char *socket_path, struct batch *batch, struct bundle_cache *bundles,
                           bool insecure_development, const struct clock *clock, struct health **ret)
{
        struct health *h = NEW(struct health);
        *h = (struct health){.batch = batch, .bundles = bundles, .insecure_development = insecure_development};
        const struct httpd_route routes[] = {
                {"GET", "/healthz", 0, get_healthz, h},
                {"GET", "/readyz", 0, get_readyz, h},
                {"GET", "/metrics", 0, get_metrics, h},
        };
        const struct httpd_options options = {
                .name = "health",
                .routes = routes,
                .route_count = COUNT_OF(routes),
                .workers = 1,
                .queue_max = 16,
                .connections_max = 16,
                .idle_timeout_ms = 10000,
                .clock = clock,
        };
        struct fault *failed = httpd_new(&options, &h->httpd);
        if (failed == NULL)
                failed = httpd_listen_unix(h->httpd, socket_path, 0660);
        if (failed == NULL)
                failed = httpd_start(h->httpd);
        if (failed != NULL) {
                health_stop(h);
                return fault_prefix(failed, "listen on health-socket %s", socket_path);
        }
        *ret = h;
        return NULL;
}

void health_stop(struct health *h)
{
        if (h == NULL)
                return;
        if (h->httpd != NULL)
                httpd_stop(h->httpd, 1000);
        free(h);
}
