/* metrics: counters, gauges and histograms in Prometheus text (format 0.0.4), with labels that are bounded by design.
 *
 * A metric is one static row: at most one label, whose values are a fixed table, so that nobody can make the set grow.
 * Updating is one atomic add; rendering is a pure read. A gauge may be a function. */
#pragma once

#include <stdatomic.h>

#include "lib/base/span.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
#define METRIC_VALUES_MAX  24
#define METRIC_BUCKETS_MAX 16

struct metric {
        const char *name; /* "vouchsafe_csi_publish_total" */
        const char *help;
        enum metric_kind kind;
        const char *label;         /* NULL: none */
        const char *const *values; /* of the label, NULL-terminated, at most METRIC_VALUES_MAX */
        const double *buckets;     /* histogram: upper bounds in seconds, ascending, terminated by 0 */
        int64_t (*read)(void *self, size_t value_index); /* gauge by function, or NULL */
        void *self;
        _Atomic int64_t cells[METRIC_VALUES_MAX];
        _Atomic uint64_t bucket_cells[METRIC_BUCKETS_MAX + 1];
        _Atomic uint64_t sum_us;
};

void metric_add(struct metric *m, size_t value_index, int64_t n);
void metric_set(struct metric *m, size_t value_index, int64_t v);
void metric_observe_us(struct metric *m, uint64_t us); /* histogram */
int64_t metric_get(const struct metric *m, size_t value_index);
/* All rows of a table of `count` pointers. */
struct fault *metrics_render(struct metric *const *table, size_t count, struct buf *out) MUST_USE;
