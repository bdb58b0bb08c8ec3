#include "csi/health.h"

#include "csi/link/link.h"
#include "csi/rpc/registration.h"
#include "lib/base/metrics.h"
#include "lib/net/local.h"

struct health {
        struct httpd *httpd;
        struct health_sources sources;
        struct health_view view;
};

/* ---- metrics of the calls ---- */

static const char *const method_names[] = {"NodePublishVolume", "NodeUnpublishVolume", "NodeGetVolumeStats", "other",
                                           NULL};
static const char *const outcome_names[] = {"ok",      "invalid",  "denied", "unavailable", "exhausted",
                                            "aborted", "deadline", "other",  NULL};
enum outcome {
        OUTCOME_OK,
        OUTCOME_INVALID,
        OUTCOME_DENIED,
        OUTCOME_UNAVAILABLE,
        OUTCOME_EXHAUSTED,
        OUTCOME_ABORTED,
        OUTCOME_DEADLINE,
        OUTCOME_OTHER
};
static const double publish_buckets[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 0};

static struct metric calls_total = {.name = "vouchsafe_csi_calls_total",
                                    .help = "CSI calls by method",
                                    .kind = METRIC_COUNTER,
                                    .label = "method",
                                    .values = method_names};
static struct metric publish_total = {.name = "vouchsafe_csi_publish_total",
                                      .help = "NodePublishVolume by outcome",
                                      .kind = METRIC_COUNTER,
                                      .label = "outcome",
                                      .values = outcome_names};
static struct metric publish_seconds = {.name = "vouchsafe_csi_publish_seconds",
                                        .help = "time that NodePublishVolume took",
                                        .kind = METRIC_HISTOGRAM,
                                        .buckets = publish_buckets};
static struct metric attester_up = {
        .name = "vouchsafe_csi_attester_up", .help = "1 while the attester is connected", .kind = METRIC_GAUGE};
static struct metric registered = {
        .name = "vouchsafe_csi_registered", .help = "1 while kubelet has registered the driver", .kind = METRIC_GAUGE};
static struct metric *const call_metrics[] = {&calls_total, &publish_total, &publish_seconds, &attester_up,
                                              &registered};

static enum outcome outcome_of(const struct fault *f)
{
        if (f == NULL)
                return OUTCOME_OK;
        switch (fault_code(f)) {
        case FAULT_INVALID:
                return OUTCOME_INVALID;
        case FAULT_DENIED:
        case FAULT_UNAUTHENTICATED:
                return OUTCOME_DENIED;
        case FAULT_UNAVAILABLE:
                return OUTCOME_UNAVAILABLE;
        case FAULT_EXHAUSTED:
                return OUTCOME_EXHAUSTED;
        case FAULT_ABORTED:
                return OUTCOME_ABORTED;
        case FAULT_DEADLINE:
        case FAULT_CANCELLED:
                return OUTCOME_DEADLINE;
        default:
                return OUTCOME_OTHER;
        }
}

void health_call_done(void *unused UNUSED, const char *method, const struct fault *f, int64_t took_us)
{
        size_t index = 0;
        while (index < COUNT_OF(method_names) - 2 && strcmp(method, method_names[index]) != 0)
                index++;
        metric_add(&calls_total, index, 1);
        if (index != 0)
                return;
        metric_add(&publish_total, outcome_of(f), 1);
        metric_observe_us(&publish_seconds, (uint64_t) took_us);
}

/* ---- routes ---- */

static struct fault *ready(void *self)
{
        struct health *h = self;
        if (h->sources.registration != NULL && !registration_is_done(h->sources.registration))
                return fault(FAULT_UNAVAILABLE, "NOT_REGISTERED", "kubelet has not registered the driver yet");
        return NULL;
}

static struct fault *metrics(void *self, struct buf *out)
{
        struct health *h = self;
        metric_set(&attester_up, 0, link_is_up(h->sources.link));
        metric_set(&registered, 0, registration_is_done(h->sources.registration));
        TRY(metrics_render(call_metrics, COUNT_OF(call_metrics), out));
        size_t count = 0;
        struct metric *const *rows = volumes_metrics(h->sources.volumes, &count);
        return metrics_render(rows, count, out);
}

static struct fault *get_volumes(void *self, const struct httpd_request *request UNUSED,
                                 struct httpd_response *response)
{
        struct health *h = self;
        AUTO(json) struct json *volumes = volumes_describe(h->sources.volumes);
        return json_write(volumes, &response->body);
}

struct fault *health_start(const char *socket_path, const struct health_sources *sources, const struct clock *clock,
                           struct health **ret)
{
        struct health *h = NEW(struct health);
        h->sources = *sources;
        h->view = (struct health_view){.ready = ready, .metrics = metrics, .self = h};
        struct httpd_route routes[HEALTH_ROUTES + 1] = {
                [HEALTH_ROUTES] = {"GET", "/volumes", 0, get_volumes, h},
        };
        health_routes(&h->view, routes);
        struct fault *failed = local_serve("health", socket_path, 0660, routes, COUNT_OF(routes), clock, &h->httpd);
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
