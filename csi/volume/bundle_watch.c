/* Waits for trust bundles and has every volume that shows an older one write it. */
#include "csi/volume/table.h"
#include "lib/base/log.h"

#define WAIT_FIRST_MS 1000
#define WAIT_MAX_MS   60000

/* Real time on purpose: this waits for another process, not for a date. */
static void wait_a_while(struct volumes *vs, int64_t ms)
{
        struct timespec until;
        (void) clock_gettime(CLOCK_MONOTONIC, &until); /* there is always one */
        until.tv_sec += ms / 1000;
        pthread_mutex_lock(&vs->mu);
        while (!vs->stopping && pthread_cond_timedwait(&vs->changed, &vs->mu, &until) == 0)
                continue;
        pthread_mutex_unlock(&vs->mu);
}

static void take_bundle(struct volumes *vs, struct trust_bundle *bundle)
{
        pthread_mutex_lock(&vs->mu);
        trust_bundle_clear(&vs->bundle);
        vs->bundle = *bundle;
        *bundle = (struct trust_bundle){0};
        const char *id;
        void *volume;
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);)
                volume_replan(volume);
        pthread_mutex_unlock(&vs->mu);
}

static bool is_stopping(struct volumes *vs)
{
        pthread_mutex_lock(&vs->mu);
        bool stopping = vs->stopping;
        pthread_mutex_unlock(&vs->mu);
        return stopping;
}

void *bundle_watch_run(void *arg)
{
        struct volumes *vs = arg;
        const struct acquirer *from = vs->options.acquirer;
        uint64_t known = 0;
        int64_t wait_ms = WAIT_FIRST_MS;
        pthread_setname_np(pthread_self(), "volume-bundle");
        while (!is_stopping(vs)) {
                AUTO(trust_bundle) struct trust_bundle bundle = {0};
                struct boot asked = clock_boot(vs->options.clock);
                AUTO(fault) struct fault *f = from->watch(from->self, known, &vs->watch_cancel, &bundle);
                if (f == NULL && bundle.sequence != known) {
                        known = bundle.sequence;
                        wait_ms = WAIT_FIRST_MS;
                        log_debug("bundle_seen", KV("sequence", known));
                        take_bundle(vs, &bundle);
                        continue;
                }
                if (is_stopping(vs))
                        break;
                if (clock_boot(vs->options.clock).ms - asked.ms > WAIT_MAX_MS)
                        wait_ms = WAIT_FIRST_MS; /* it was held open: earlier failures are history */
                if (f != NULL)
                        log_debug("bundle_watch_failed", KV("error", f));
                wait_a_while(vs, wait_ms); /* also when it came back with nothing new: never in a tight loop */
                wait_ms = wait_ms * 2 < WAIT_MAX_MS ? wait_ms * 2 : WAIT_MAX_MS;
        }
        return NULL;
}
