/* Opening and closing: threads start when everything that they touch exists, and end before any of it goes. */
#include "csi/volume/volumes.h"

#include <signal.h>

#include "csi/volume/table.h"
#include "lib/base/log.h"

#define CLOSE_PATIENCE_S 5 /* for renewals that are under way; then they are cancelled */

static void copy_options(struct volumes *vs, const struct volumes_options *o)
{
        vs->options = *o;
        vs->options.state_dir = alloc_string(o->state_dir);
        vs->options.kubelet_dir = alloc_string(o->kubelet_dir);
        if (vs->options.renew_threads == 0)
                vs->options.renew_threads = 1;
}

/* What is open and not yet run by threads. */
static void dismantle(struct volumes *vs)
{
        const char *id;
        void *volume;
        pthread_mutex_lock(&vs->mu);
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);)
                table_unlist(vs, volume);
        pthread_mutex_unlock(&vs->mu);
        timer_close(vs);
        map_free(vs->by_id);
        heap_clear(&vs->timers);
        trust_bundle_clear(&vs->bundle);
        journal_free(vs->journal);
        cancel_clear(&vs->watch_cancel);
        pthread_cond_destroy(&vs->changed);
        pthread_mutex_destroy(&vs->mu);
        free((char *) vs->options.state_dir);
        free((char *) vs->options.kubelet_dir);
        free(vs);
}

static void start_threads(struct volumes *vs)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
        if (pthread_create(&vs->timer_thread, NULL, timer_run, vs) != 0 ||
            pthread_create(&vs->bundle_thread, NULL, bundle_watch_run, vs) != 0)
                abort(); /* as for memory: a program starts whole or not at all */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct fault *prepare(struct volumes *vs)
{
        TRY(timer_open(vs));
        TRY(journal_open(vs->options.state_dir, &vs->journal));
        return restore_all(vs);
}

struct fault *volumes_open(const struct volumes_options *o, struct volumes **ret)
{
        struct volumes *vs = NEW(struct volumes);
        copy_options(vs, o);
        vs->wake_fd = vs->boot_fd = vs->step_fd = -1;
        if (pthread_mutex_init(&vs->mu, NULL) != 0)
                abort();
        cond_init_boot(&vs->changed);
        cancel_init(&vs->watch_cancel, o->clock, CANCEL_NO_DEADLINE);
        vs->by_id = map_new(o->volumes_max);
        vs->planned_wall = clock_wall(o->clock);
        vs->planned_boot = clock_boot(o->clock);
        volumes_rows_init(vs);

        struct fault *f = prepare(vs);
        if (f != NULL) {
                dismantle(vs);
                return f;
        }
        vs->renewers = pool_new("volume-renew", vs->options.renew_threads, o->volumes_max + 1);
        start_threads(vs);
        if (!tmpfs_has_noswap())
                log_warn("tmpfs_noswap_missing", KV("consequence", "keys may be swapped out where swap is on"));
        *ret = vs;
        return NULL;
}

static void trip_renewals(struct volumes *vs)
{
        const char *id;
        void *volume;
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);) {
                struct volume *v = volume;
                if (v->running != NULL)
                        cancel_trip(v->running);
        }
}

static void end_renewals(struct volumes *vs)
{
        struct timespec until;
        (void) clock_gettime(CLOCK_MONOTONIC, &until); /* there is always one */
        until.tv_sec += CLOSE_PATIENCE_S;
        pthread_mutex_lock(&vs->mu);
        while (vs->jobs > 0 && pthread_cond_timedwait(&vs->changed, &vs->mu, &until) == 0)
                continue;
        trip_renewals(vs);
        pthread_mutex_unlock(&vs->mu);
        pool_free(vs->renewers);
}

void volumes_close(struct volumes *vs)
{
        if (vs == NULL)
                return;
        pthread_mutex_lock(&vs->mu);
        vs->stopping = true;
        pthread_cond_broadcast(&vs->changed);
        pthread_mutex_unlock(&vs->mu);
        timer_kick(vs);
        pthread_join(vs->timer_thread, NULL);
        cancel_trip(&vs->watch_cancel);
        pthread_join(vs->bundle_thread, NULL);
        end_renewals(vs);
        dismantle(vs);
}
