/* What an operator's graphs and alarms see of endorsements. */
#include "issuer/endorse/parts.h"
#include "lib/base/metrics.h"

static struct metric present = {.name = "vouchsafe_issuer_endorsements",
                                .help = "endorsements in the store, by sort",
                                .kind = METRIC_GAUGE,
                                .label = "sort",
                                .values = sort_names};
static struct metric left = {
        .name = "vouchsafe_issuer_endorsement_left_seconds",
        .help = "until the earliest end among the endorsements of a sort; below 0: past it; 0: none has an end",
        .kind = METRIC_GAUGE,
        .label = "sort",
        .values = sort_names};
static struct metric fetches = {.name = "vouchsafe_issuer_endorsement_fetches_total",
                                .help = "exchanges with makers' hosts, by what came of them",
                                .kind = METRIC_COUNTER,
                                .label = "outcome",
                                .values = fetch_count_names};
static struct metric waiting = {.name = "vouchsafe_issuer_endorsements_wanted",
                                .help = "endorsements that requests want and that are not there yet, by host",
                                .kind = METRIC_GAUGE,
                                .label = "host",
                                .values = maker_names};
static struct metric failing = {.name = "vouchsafe_issuer_endorsement_host_failures",
                                .help = "exchanges with a host that failed in a row; 0: it answers",
                                .kind = METRIC_GAUGE,
                                .label = "host",
                                .values = maker_names};
static struct metric *const rows[] = {&present, &left, &fetches, &waiting, &failing};

/* Two listeners may render at the same time. */
static void count_up_to(size_t which, uint64_t total)
{
        static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&mu);
        int64_t missing = (int64_t) total - metric_get(&fetches, which);
        if (missing > 0)
                metric_add(&fetches, which, missing);
        pthread_mutex_unlock(&mu);
}

struct fault *endorse_metrics(struct endorse *e, struct buf *out)
{
        struct endorsement_sum sums[ENDORSEMENT_SORTS_MAX];
        int64_t now_s = wall_unix_s(clock_wall(e->clock));
        TRY(store_sum_endorsements(e->store, sums));
        for (size_t i = 0; i < SORT_COUNT; i++) {
                metric_set(&present, i, (int64_t) sums[i].count);
                metric_set(&left, i, sums[i].ends_unix_s != 0 ? sums[i].ends_unix_s - now_s : 0);
        }
        for (size_t i = 0; e->fetch != NULL && i < MAKER_COUNT; i++) {
                struct fetch_status s = fetch_status(e->fetch, (enum maker) i);
                metric_set(&waiting, i, (int64_t) s.wanted);
                metric_set(&failing, i, s.failures);
        }
        for (size_t i = 0; e->fetch != NULL && i < FETCH_COUNT_COUNT; i++)
                count_up_to(i, fetch_counted(e->fetch, (enum fetch_count) i));
        return metrics_render(rows, COUNT_OF(rows), out);
}
