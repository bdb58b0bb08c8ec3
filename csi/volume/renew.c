/* The work that the timer finds due: renewals, and what follows from time alone. One job of the pool does one volume's whole plan. */
#include "csi/volume/table.h"
#include "lib/base/log.h"

#define RENEWAL_LIMIT_MS 60000 /* of one attempt */

/* ---- a renewal ------------------------------------------------------------------------------------------------------ */

/* With mu held. False: it has to wait for kubelet to bring a token. */
static bool has_what_it_needs(struct volume *v)
{
        int64_t now = wall_unix_s(clock_wall(v->in->options.clock));
        if (!v->uses_token || (v->token != NULL && v->token_expiry_unix_s > now))
                return true;
        v->facts.waits_for_token = true;
        volume_set_problem(v, "token.expired",
                           "the pod's service account token has expired, or this driver was restarted; kubelet brings "
                           "the next one");
        volumes_count_renewal(v->in, RENEWAL_NOT_READY);
        return false;
}

static struct fault *acquire(struct volume *v, struct secret *token, struct cancel *cancel, struct acquired *ret)
{
        struct volumes *vs = v->in;
        struct acquire_order order = volume_order(v, token, /* renewal= */ true);
        pthread_mutex_lock(&vs->mu);
        bool go = !v->leaving && !vs->stopping;
        v->running = go ? cancel : NULL;
        pthread_mutex_unlock(&vs->mu);
        struct fault *f = go ? vs->options.acquirer->acquire(vs->options.acquirer->self, &order, cancel, ret)
                             : fault(FAULT_CANCELLED, "CANCELLED", "the volume is leaving");
        pthread_mutex_lock(&vs->mu);
        v->running = NULL;
        pthread_mutex_unlock(&vs->mu);
        return f;
}

static struct fault *acquire_and_write(struct volume *v, struct secret *token, struct tmpfs *mount,
                                       struct volume_status *ret_status)
{
        const struct clock *clock = v->in->options.clock;
        AUTO(acquired) struct acquired a = {0};
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, clock, (struct boot){clock_boot(clock).ms + RENEWAL_LIMIT_MS});
        TRY(acquire(v, token, &cancel, &a));
        return content_write(v, mount->root, &a, ret_status);
}

/* With mu held. */
static void renewal_failed(struct volume *v, const struct fault *f)
{
        enum renewal_class class = renewal_class_of(fault_code(f));
        v->facts.failures++;
        v->facts.last_class = class;
        v->facts.failed_at = clock_boot(v->in->options.clock);
        v->facts.retry_after_ms = fault_retry_after_ms(f);
        volume_set_problem(v, fault_token(f), fault_text(f));
        volumes_count_renewal(v->in, class);
}

static void renew(struct volume *v, struct tmpfs *mount)
{
        struct volumes *vs = v->in;
        AUTO(volume_status) struct volume_status status = {0};
        pthread_mutex_lock(&vs->mu);
        bool ready = has_what_it_needs(v);
        AUTO(secret) struct secret *token = v->token == NULL ? NULL : secret_copy(secret_span(v->token));
        pthread_mutex_unlock(&vs->mu);
        if (!ready)
                return;

        AUTO(fault) struct fault *f = acquire_and_write(v, token, mount, &status);

        pthread_mutex_lock(&vs->mu);
        bool given_up = v->leaving || vs->stopping;
        if (f == NULL) {
                content_became(v, &status, /* renewed= */ true);
                volumes_count_renewal(vs, RENEWAL_OK);
        } else if (!given_up) {
                renewal_failed(v, f);
        }
        pthread_mutex_unlock(&vs->mu);
        if (f == NULL)
                log_info("credential_renewed", KV("volume", v->spec.id), KV("generation", v->status.generation));
        else if (!given_up)
                log_warn("renewal_failed", KV("volume", v->spec.id), KV("failures", v->facts.failures), KV("error", f));
}

/* ---- what else time brings ------------------------------------------------------------------------------------------ */

static void bundle_copy(const struct trust_bundle *from, struct trust_bundle *ret)
{
        *ret = (struct trust_bundle){from->sequence, BUF(from->roots_pem.len + 1), BUF(from->json.len + 1),
                                     from->refresh_hint_s};
        fault_free(buf_append(&ret->roots_pem, buf_span(&from->roots_pem))); /* fits its limit */
        fault_free(buf_append(&ret->json, buf_span(&from->json)));
}

static struct fault *renew_bundle(struct volume *v, struct tmpfs *mount)
{
        struct volumes *vs = v->in;
        AUTO(trust_bundle) struct trust_bundle bundle = {0};
        pthread_mutex_lock(&vs->mu);
        bundle_copy(&vs->bundle, &bundle);
        pthread_mutex_unlock(&vs->mu);
        uint64_t generation = v->status.generation + 1;
        TRY(content_write_bundle(v, mount->root, &bundle, generation));

        pthread_mutex_lock(&vs->mu);
        struct volume_status status = v->status;
        v->status = (struct volume_status){0};
        status.generation = generation;
        status.bundle = bundle.sequence;
        content_became(v, &status, /* renewed= */ false);
        v->facts.status_is_old = false;
        v->facts.status_state = v->state;
        pthread_mutex_unlock(&vs->mu);
        log_info("bundle_renewed", KV("volume", v->spec.id), KV("bundle", bundle.sequence));
        return NULL;
}

static struct fault *renew_status(struct volume *v, struct tmpfs *mount)
{
        pthread_mutex_lock(&v->in->mu);
        struct plan p = volume_plan(v);
        pthread_mutex_unlock(&v->in->mu);
        TRY(content_write_status(v, mount->root, p.state, p.renew_at));

        pthread_mutex_lock(&v->in->mu);
        bool changed = v->facts.status_state != p.state;
        v->facts.status_is_old = false;
        v->facts.status_state = p.state;
        pthread_mutex_unlock(&v->in->mu);
        if (changed)
                log_warn("volume_state_changed", KV("volume", v->spec.id), KV("state", volume_state_name(p.state)));
        return NULL;
}

static struct fault *reap(struct volume *v, struct tmpfs *mount)
{
        TRY(generation_reap(mount->root, 0));
        pthread_mutex_lock(&v->in->mu);
        v->facts.has_old_generations = false;
        pthread_mutex_unlock(&v->in->mu);
        return NULL;
}

static unsigned actions_now(struct volume *v)
{
        pthread_mutex_lock(&v->in->mu);
        unsigned actions = v->leaving || v->in->stopping ? 0 : volume_plan(v).actions;
        pthread_mutex_unlock(&v->in->mu);
        return actions;
}

static void do_plan(struct volume *v, struct tmpfs *mount)
{
        struct fault *f = NULL;
        if ((actions_now(v) & PLAN_RENEW) != 0)
                renew(v, mount);
        if ((actions_now(v) & PLAN_BUNDLE) != 0)
                f = renew_bundle(v, mount);
        if (f == NULL && (actions_now(v) & PLAN_STATUS) != 0)
                f = renew_status(v, mount);
        if (f == NULL && (actions_now(v) & PLAN_REAP) != 0)
                f = reap(v, mount);
        if (f == NULL)
                return;
        log_warn("volume_not_written", KV("volume", v->spec.id), KV("error", f));
        pthread_mutex_lock(&v->in->mu);
        v->facts.hold_until = (struct boot){clock_boot(v->in->options.clock).ms + WRITE_HOLD_MS};
        pthread_mutex_unlock(&v->in->mu);
        fault_free(f);
}

/* Nobody unpublished it, but it is not mounted any more: no renewals for a ghost. */
static void drop_ghost(struct volume *v)
{
        struct volumes *vs = v->in;
        AUTO(fault) struct fault *f = journal_remove(vs->journal, v->spec.id);
        log_warn("volume_mount_gone", KV("volume", v->spec.id), KV("journal", f));
        metric_add(&vs->rows[METRIC_GHOSTS], 0, 1);
        pthread_mutex_lock(&vs->mu);
        table_unlist(vs, v);
        pthread_mutex_unlock(&vs->mu);
}

static void work_owned(struct volume *v)
{
        AUTO(tmpfs) struct tmpfs mount = TMPFS_NONE;
        AUTO(fault) struct fault *f = content_open(v, &mount);
        if (f == NULL) {
                do_plan(v, &mount);
                return;
        }
        if (strcmp(fault_token(f), "MOUNT_GONE") == 0) {
                drop_ghost(v);
                return;
        }
        log_warn("volume_not_opened", KV("volume", v->spec.id), KV("error", f));
        pthread_mutex_lock(&v->in->mu);
        renewal_failed(v, f);
        v->facts.hold_until = (struct boot){clock_boot(v->in->options.clock).ms + WRITE_HOLD_MS};
        pthread_mutex_unlock(&v->in->mu);
}

void renew_run(void *work)
{
        struct volume *v = work;
        struct volumes *vs = v->in;
        pthread_mutex_lock(&vs->mu);
        v->queued = false;
        bool mine = v->listed && v->owner == OWNER_NONE && !v->leaving && !vs->stopping && volume_is_live(v);
        if (mine)
                v->owner = OWNER_RENEW;
        pthread_mutex_unlock(&vs->mu);

        if (mine)
                work_owned(v);

        pthread_mutex_lock(&vs->mu);
        if (mine)
                volume_release(v);
        vs->jobs--;
        pthread_cond_broadcast(&vs->changed);
        volume_unref(v);
        pthread_mutex_unlock(&vs->mu);
}
