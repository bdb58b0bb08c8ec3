/* The rows that volumes add to /metrics. Reading them changes nothing. */
#include "csi/volume/table.h"

static const char *const live_states[] = {"acquiring", "fresh", "overdue", "expired", "draining", NULL};
_Static_assert(COUNT_OF(live_states) == VOLUME_STATE_COUNT + 1, "a label for each state");
static const char *const outcomes[] = {"ok", "not_ready", "failed", "denied", NULL};
_Static_assert(COUNT_OF(outcomes) == RENEWAL_CLASS_COUNT + 1, "a label for each class");

static int64_t read_count(void *self, size_t state)
{
        return (int64_t) volumes_count(self, (enum volume_state) state);
}

static int64_t read_quarantined(void *self, size_t index UNUSED)
{
        const struct volumes *vs = self;
        return (int64_t) journal_quarantined(vs->journal);
}

/* Of the volume that comes first; 0 when one is late already, -1 without volumes. */
static int64_t read_next_renewal(void *self, size_t index UNUSED)
{
        struct volumes *vs = self;
        const char *id;
        void *volume;
        int64_t first_ms = INT64_MAX;
        pthread_mutex_lock(&vs->mu);
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);) {
                const struct volume *v = volume;
                if (volume_is_live(v) && v->renew_at.unix_ms < first_ms)
                        first_ms = v->renew_at.unix_ms;
        }
        pthread_mutex_unlock(&vs->mu);
        if (first_ms == INT64_MAX)
                return -1;
        int64_t left_ms = first_ms - clock_wall(vs->options.clock).unix_ms;
        return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

void volumes_count_renewal(struct volumes *vs, enum renewal_class c)
{
        metric_add(&vs->rows[METRIC_RENEWALS], c, 1);
}

void volumes_rows_init(struct volumes *vs)
{
        vs->rows[METRIC_VOLUMES] = (struct metric){.name = "vouchsafe_csi_volumes",
                                                   .help = "Volumes of this node by state.",
                                                   .kind = METRIC_GAUGE,
                                                   .label = "state",
                                                   .values = live_states,
                                                   .read = read_count,
                                                   .self = vs};
        vs->rows[METRIC_RENEWALS] = (struct metric){.name = "vouchsafe_csi_renewals_total",
                                                    .help = "Attempts to renew a volume's credentials by outcome.",
                                                    .kind = METRIC_COUNTER,
                                                    .label = "outcome",
                                                    .values = outcomes};
        vs->rows[METRIC_GENERATIONS] = (struct metric){.name = "vouchsafe_csi_generations_total",
                                                       .help = "Generations of files shown to pods.",
                                                       .kind = METRIC_COUNTER};
        vs->rows[METRIC_QUARANTINED] = (struct metric){.name = "vouchsafe_csi_journal_quarantined_total",
                                                       .help = "Journal records that could not be used.",
                                                       .kind = METRIC_COUNTER,
                                                       .read = read_quarantined,
                                                       .self = vs};
        vs->rows[METRIC_NEXT_RENEWAL] = (struct metric){.name = "vouchsafe_csi_next_renewal_seconds",
                                                        .help = "Time to the next planned renewal, -1 without volumes.",
                                                        .kind = METRIC_GAUGE,
                                                        .read = read_next_renewal,
                                                        .self = vs};
        vs->rows[METRIC_GHOSTS] = (struct metric){.name = "vouchsafe_csi_mounts_lost_total",
                                                  .help = "Volumes whose mount went without being unpublished.",
                                                  .kind = METRIC_COUNTER};
        for (size_t i = 0; i < VOLUMES_METRIC_COUNT; i++)
                vs->row_table[i] = &vs->rows[i];
}

struct metric *const *volumes_metrics(struct volumes *vs, size_t *ret_count)
{
        *ret_count = VOLUMES_METRIC_COUNT;
        return vs->row_table;
}
