/* What stands in a volume: generations written from what was acquired, through a private clone of the mount. */
#include "csi/volume/table.h"

struct fault *content_open(struct volume *v, struct tmpfs *ret)
{
        AUTO(target) struct target target = TARGET_NONE;
        struct fault *f = target_open(v->in->options.kubelet_dir, v->spec.target_path, &target);
        if (f == NULL && target_shows(&target, v->mount_id))
                return tmpfs_clone(target.parent, target.name, ret);
        if (f != NULL && fault_code(f) != FAULT_NOT_FOUND)
                return f;
        fault_free(f);
        return fault(FAULT_NOT_FOUND, "MOUNT_GONE", "the volume is not mounted at its target any more");
}

static struct generation_order order_of(const struct volume *v, const struct layout *layout, uint64_t sequence)
{
        return (struct generation_order){
                .sequence = sequence,
                .layout = layout,
                .has_group = v->spec.has_group,
                .group = v->spec.group,
                .file_mode = v->spec.file_mode,
        };
}

static void schedule_of(const struct volume_status *s, struct planner_facts *facts)
{
        struct volume_credential leading = volume_status_leading(s);
        facts->generation = s->generation;
        facts->issued_unix_s = leading.issued_unix_s;
        facts->not_after_unix_s = leading.not_after_unix_s;
        facts->chosen = s->renew_at;
}

/* The moment of the next renewal, away from those of this node's other volumes. It shows at once, so that others keep away from it. */
static void choose_renewal(struct volume *v, struct volume_status *s)
{
        struct volumes *vs = v->in;
        struct volume_credential leading = volume_status_leading(s);
        struct renew_slots slots;
        const char *id;
        void *other;
        planner_window(leading.issued_unix_s, leading.not_after_unix_s, &slots);
        struct wall drawn =
                planner_renew_at(v->spec.id, s->generation, leading.issued_unix_s, leading.not_after_unix_s);
        pthread_mutex_lock(&vs->mu);
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &other);) {
                if (other != v)
                        renew_slots_add(&slots, ((const struct volume *) other)->renew_at);
        }
        s->renew_at = v->renew_at = renew_slots_choose(&slots, drawn);
        pthread_mutex_unlock(&vs->mu);
}

/* What the plan will be once `s` is the volume's. */
static struct plan plan_with(const struct volume *v, const struct volume_status *s)
{
        const struct clock *clock = v->in->options.clock;
        pthread_mutex_lock(&v->in->mu); /* a republish may set a token meanwhile */
        struct planner_facts facts = v->facts;
        pthread_mutex_unlock(&v->in->mu);
        schedule_of(s, &facts);
        return planner_plan(&facts, clock_wall(clock), clock_boot(clock));
}

static struct fault *write_generation(struct volume *v, int root, const struct layout *layout, uint64_t sequence)
{
        struct generation_order order = order_of(v, layout, sequence);
        TRY(generation_swap(root, &order));
        metric_add(&v->in->rows[METRIC_GENERATIONS], 0, 1);
        return NULL;
}

struct fault *content_write(struct volume *v, int root, const struct acquired *a, struct volume_status *ret_status)
{
        AUTO(volume_status) struct volume_status s = {0};
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        const struct volume_problem none = {0};
        struct layout layout;
        TRY(layout_check(a, clock_wall(v->in->options.clock)));
        volume_status_of(a, v->status.generation + 1, a->bundle.sequence, &s);
        choose_renewal(v, &s);
        struct plan p = plan_with(v, &s);
        TRY(volume_status_write(&s, &v->spec, p.state, p.renew_at, &none, &json));
        TRY(layout_of(a, &a->bundle, buf_span(&json), &layout));
        TRY(write_generation(v, root, &layout, s.generation));
        *ret_status = s;
        s = (struct volume_status){0};
        return NULL;
}

struct fault *content_write_bundle(struct volume *v, int root, const struct trust_bundle *bundle, uint64_t generation)
{
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        struct layout current, layout;
        struct volume_status s = v->status; /* borrowed: the owner's to read */
        s.generation = generation;
        s.bundle = bundle->sequence;
        if (bundle->roots_pem.len == 0 || bundle->json.len == 0)
                return fault(FAULT_INTERNAL, "EMPTY_BUNDLE", "the new trust bundle is empty");
        struct plan p = plan_with(v, &s);
        TRY(volume_status_write(&s, &v->spec, p.state, p.renew_at, &v->problem, &json));
        TRY(generation_list(root, &current));
        TRY(layout_of_bundle(&current, bundle, buf_span(&json), &layout));
        return write_generation(v, root, &layout, generation);
}

struct fault *content_write_status(struct volume *v, int root, enum volume_state state, struct wall renew_at)
{
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        struct layout layout = {0};
        struct layout_file *file = NULL;
        TRY(volume_status_write(&v->status, &v->spec, state, renew_at, &v->problem, &json));
        TRY(layout_add(&layout, STATUS_FILE, &file));
        file->parts[0] = buf_span(&json);
        struct generation_order order = order_of(v, &layout, v->status.generation);
        return generation_replace(root, &order, STATUS_FILE);
}

void content_became(struct volume *v, struct volume_status *status, bool renewed)
{
        struct boot now = clock_boot(v->in->options.clock);
        volume_status_clear(&v->status);
        v->status = *status;
        *status = (struct volume_status){0};
        schedule_of(&v->status, &v->facts);
        v->facts.has_old_generations = true;
        v->facts.reap_at = (struct boot){now.ms + READERS_GRACE_MS};
        if (renewed) {
                v->facts.renewed_at = now;
                v->facts.failures = 0;
                v->facts.retry_after_ms = 0;
                v->facts.status_is_old = false;
                volume_problem_clear(&v->problem);
        }
        struct plan p = volume_plan(v);
        v->state = p.state;
        v->renew_at = p.renew_at;
        if (renewed)
                v->facts.status_state = p.state;
}
