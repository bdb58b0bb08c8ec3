#include "attester/health.h"

#include "lib/net/local.h"

struct health {
        struct httpd *httpd;
        struct health_view view;
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

static struct fault *metrics(void *self, struct buf *out)
{
        struct health *h = self;
        metric_set(&bundle_sequence, 0, (int64_t) bundle_cache_sequence(h->bundles));
        metric_set(&insecure, 0, h->insecure_development);
        size_t count = 0;
        struct metric *const *rows = batch_metrics(h->batch, &count);
        TRY(metrics_render(rows, count, out));
        return metrics_render(own_rows, COUNT_OF(own_rows), out);
}

/* Ready: the issuer has been reached. Not a reason to restart anything: it only tells. */
static struct fault *ready(void *self)
{
        struct health *h = self;
        if (bundle_cache_sequence(h->bundles) == 0)
                return fault(FAULT_UNAVAILABLE, "NO_BUNDLE", "the issuer has not been reached yet");
        return NULL;
}

struct fault *health_start(const char *socket_path, struct batch *batch, struct bundle_cache *bundles,
                           bool insecure_development, const struct clock *clock, struct health **ret)
{
        struct health *h = NEW(struct health);
        *h = (struct health){.batch = batch, .bundles = bundles, .insecure_development = insecure_development};
        h->view = (struct health_view){.ready = ready, .metrics = metrics, .self = h};
        struct httpd_route routes[HEALTH_ROUTES];
        health_routes(&h->view, routes);
        struct fault *failed = local_serve("health", socket_path, 0660, routes, HEALTH_ROUTES, clock, &h->httpd);
        if (failed != NULL) {
                free(h);
                return failed;
        }
        *ret = h;
        return NULL;
}

void health_stop(struct health *h)
{
        if (h == NULL)
                return;
        local_stop(h->httpd);
        free(h);
}
