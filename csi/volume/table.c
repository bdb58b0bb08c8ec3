/* The table's own part: listing, owning, planning. */
#include "csi/volume/table.h"

#include "csi/volume/token.h"

struct volume *volume_new(struct volumes *vs, const struct volume_spec *spec)
{
        struct volume *v = NEW(struct volume);
        v->in = vs;
        volume_spec_copy(spec, &v->spec);
        v->refs = 1;
        v->state = VOLUME_ACQUIRING;
        v->token_expiry_unix_s = INT64_MAX;
        v->facts = (struct planner_facts){
                .id = v->spec.id, .renewed_at = {INT64_MIN}, .hold_until = {INT64_MIN}, .status_state = VOLUME_FRESH};
        return v;
}

void volume_unref(struct volume *v)
{
        if (--v->refs > 0)
                return;
        heap_remove(&v->in->timers, &v->timer);
        secret_free(v->token);
        volume_status_clear(&v->status);
        volume_problem_clear(&v->problem);
        volume_spec_clear(&v->spec);
        free(v);
}

struct fault *table_list(struct volumes *vs, struct volume *v)
{
        AUTO(fault) struct fault *full = map_put(vs->by_id, v->spec.id, v, NULL);
        if (full != NULL)
                return fault(FAULT_EXHAUSTED, "TOO_MANY_VOLUMES", "this node has its limit of %zu volumes",
                             vs->options.volumes_max);
        v->listed = true;
        return NULL;
}

void table_unlist(struct volumes *vs, struct volume *v)
{
        if (!v->listed)
                return;
        (void) map_remove(vs->by_id, v->spec.id); /* is v */
        v->listed = false;
        heap_remove(&vs->timers, &v->timer);
        pthread_cond_broadcast(&vs->changed);
        volume_unref(v);
}

bool volume_is_live(const struct volume *v)
{
        return v->state == VOLUME_FRESH || v->state == VOLUME_OVERDUE || v->state == VOLUME_EXPIRED;
}

/* Keeps the one it has when none came: kubelet may have left it out, and the old one serves until it expires. */
void volume_take_token(struct volume *v, struct secret *token)
{
        if (token == NULL)
                return;
        secret_free(v->token);
        v->token = token;
        v->token_expiry_unix_s = token_expiry_unix_s(token);
        v->uses_token = true;
        if (wall_unix_s(clock_wall(v->in->options.clock)) < v->token_expiry_unix_s)
                v->facts.waits_for_token = false;
}

struct plan volume_plan(const struct volume *v)
{
        const struct clock *clock = v->in->options.clock;
        struct planner_facts facts = v->facts;
        facts.bundle_is_old = v->in->bundle.sequence > v->status.bundle;
        return planner_plan(&facts, clock_wall(clock), clock_boot(clock));
}

void volume_replan(struct volume *v)
{
        if (v->owner != OWNER_NONE || !v->listed || !volume_is_live(v) || v->in->stopping)
                return;
        struct plan p = volume_plan(v);
        v->state = p.state;
        v->renew_at = p.renew_at;
        if (p.wake_at.ms == INT64_MAX)
                heap_remove(&v->in->timers, &v->timer);
        else
                heap_put(&v->in->timers, &v->timer, p.wake_at);
        if (heap_first(&v->in->timers) == &v->timer)
                timer_kick(v->in);
}

void volume_release(struct volume *v)
{
        v->owner = OWNER_NONE;
        volume_replan(v);
        pthread_cond_broadcast(&v->in->changed);
}

void volume_set_problem(struct volume *v, const char *check, const char *detail)
{
        volume_problem_clear(&v->problem);
        v->facts.status_is_old = true;
        v->problem =
                (struct volume_problem){alloc_string(check), alloc_string(detail), clock_wall(v->in->options.clock)};
}

struct acquire_order volume_order(const struct volume *v, const struct secret *token, bool renewal)
{
        return (struct acquire_order){
                .volume = v->spec.id,
                .profile = v->spec.profile,
                .pod_namespace = v->spec.pod_namespace,
                .pod_name = v->spec.pod_name,
                .pod_uid = v->spec.pod_uid,
                .service_account = v->spec.service_account,
                .token = token,
                .renewal = renewal,
        };
}
