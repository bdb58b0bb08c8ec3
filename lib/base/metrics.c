#include "lib/base/metrics.h"

#include <assert.h>

/* Without a label a metric has one row. */
static size_t row_count(const struct metric *m)
{
        if (m->label == NULL)
                return 1;
        size_t count = 0;
        while (count < METRIC_VALUES_MAX && m->values[count] != NULL)
                count++;
        return count;
}

static size_t bucket_count(const struct metric *m)
{
        size_t count = 0;
        while (count < METRIC_BUCKETS_MAX && m->buckets[count] > 0)
                count++;
        return count;
}

void metric_add(struct metric *m, size_t value_index, int64_t n)
{
        assert(value_index < row_count(m) && m->kind != METRIC_HISTOGRAM);
        assert(m->kind != METRIC_COUNTER || n >= 0);
        atomic_fetch_add_explicit(&m->cells[value_index], n, memory_order_relaxed);
}

void metric_set(struct metric *m, size_t value_index, int64_t v)
{
        assert(value_index < row_count(m) && m->kind == METRIC_GAUGE);
        atomic_store_explicit(&m->cells[value_index], v, memory_order_relaxed);
}

void metric_observe_us(struct metric *m, uint64_t us)
{
        assert(m->kind == METRIC_HISTOGRAM);
        size_t count = bucket_count(m);
        size_t at = 0;
        while (at < count && (double) us / 1e6 > m->buckets[at])
                at++;
        atomic_fetch_add_explicit(&m->bucket_cells[at], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->sum_us, us, memory_order_relaxed);
}

int64_t metric_get(const struct metric *m, size_t value_index)
{
        assert(value_index < row_count(m));
        if (m->read != NULL)
                return m->read(m->self, value_index);
        if (m->kind != METRIC_HISTOGRAM)
                return atomic_load_explicit(&m->cells[value_index], memory_order_relaxed);
        uint64_t seen = 0;
        for (size_t i = 0; i <= bucket_count(m); i++)
                seen += atomic_load_explicit(&m->bucket_cells[i], memory_order_relaxed);
        return (int64_t) seen;
}

/* `quotes`: a label's value, where a quote needs its backslash too. */
static struct fault *append_escaped(struct buf *out, const char *text, bool quotes)
{
        for (; *text != '\0'; text++) {
                if (*text == '\n')
                        TRY(buf_append_str(out, "\\n"));
                else if (*text == '\\' || (quotes && *text == '"'))
                        TRY(buf_printf(out, "\\%c", *text));
                else
                        TRY(buf_append_byte(out, (uint8_t) *text));
        }
        return NULL;
}

static struct fault *render_rows(const struct metric *m, struct buf *out)
{
        for (size_t i = 0; i < row_count(m); i++) {
                TRY(buf_append_str(out, m->name));
                if (m->label != NULL) {
                        TRY(buf_printf(out, "{%s=\"", m->label));
                        TRY(append_escaped(out, m->values[i], true));
                        TRY(buf_append_str(out, "\"}"));
                }
                TRY(buf_printf(out, " %lld\n", (long long) metric_get(m, i)));
        }
        return NULL;
}

static struct fault *render_buckets(const struct metric *m, struct buf *out)
{
        size_t count = bucket_count(m);
        uint64_t seen = 0;
        for (size_t i = 0; i < count; i++) {
                seen += atomic_load_explicit(&m->bucket_cells[i], memory_order_relaxed);
                TRY(buf_printf(out, "%s_bucket{le=\"%.12g\"} %llu\n", m->name, m->buckets[i],
                               (unsigned long long) seen));
        }
        seen += atomic_load_explicit(&m->bucket_cells[count], memory_order_relaxed);
        unsigned long long sum_us = atomic_load_explicit(&m->sum_us, memory_order_relaxed);
        TRY(buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", m->name, (unsigned long long) seen));
        TRY(buf_printf(out, "%s_sum %llu.%06llu\n", m->name, sum_us / 1000000, sum_us % 1000000));
        return buf_printf(out, "%s_count %llu\n", m->name, (unsigned long long) seen);
}

static struct fault *render(const struct metric *m, struct buf *out)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};
        TRY(buf_printf(out, "# HELP %s ", m->name));
        TRY(append_escaped(out, m->help, false));
        TRY(buf_printf(out, "\n# TYPE %s %s\n", m->name, kinds[m->kind]));
        return m->kind == METRIC_HISTOGRAM ? render_buckets(m, out) : render_rows(m, out);
}

struct fault *metrics_render(struct metric *const *table, size_t count, struct buf *out)
{
        size_t before = out->len;
        for (size_t i = 0; i < count; i++) {
                struct fault *f = render(table[i], out);
                if (f != NULL) {
                        buf_truncate(out, before);
                        return fault_prefix(f, "render metrics");
                }
        }
        return NULL;
}
