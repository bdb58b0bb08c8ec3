/* volumes_publish: from kubelet's call to a mounted, complete volume; or the quick answer when it is one already. */
#include "csi/volume/table.h"
#include "lib/base/log.h"

/* Ours to trip when an unpublish comes; tripped with the caller's. */
struct linked {
        struct cancel own;
        struct cancel *callers; /* may be NULL */
};

static void trip_own(void *arg)
{
        cancel_trip(arg);
}

static void linked_init(struct linked *l, const struct clock *clock, struct cancel *callers)
{
        cancel_init(&l->own, clock, callers == NULL ? CANCEL_NO_DEADLINE : callers->deadline);
        l->callers = callers;
        if (callers != NULL)
                cancel_set_wake(callers, trip_own, &l->own);
}

static void linked_clear(struct linked *l)
{
        if (l->callers != NULL)
                cancel_set_wake(l->callers, NULL, NULL);
        cancel_clear(&l->own);
}
DEFINE_AUTO_VALUE(linked)

/* ---- making it ----------------------------------------------------------------------------------------------------- */

static struct fault *acquire(struct volume *v, struct cancel *cancel, struct acquired *ret)
{
        struct volumes *vs = v->in;
        const struct acquirer *from = vs->options.acquirer;
        pthread_mutex_lock(&vs->mu);
        bool leaving = v->leaving;
        v->running = cancel;
        AUTO(secret) struct secret *token = v->token == NULL ? NULL : secret_copy(secret_span(v->token));
        pthread_mutex_unlock(&vs->mu);

        struct acquire_order order = volume_order(v, token, /* renewal= */ false);
        struct fault *f = leaving ? NULL : from->acquire(from->self, &order, cancel, ret);

        pthread_mutex_lock(&vs->mu);
        v->running = NULL;
        leaving = v->leaving;
        pthread_mutex_unlock(&vs->mu);
        if (!leaving)
                return f;
        fault_free(f);
        return fault(FAULT_ABORTED, "UNPUBLISHED", "the volume is being unpublished");
}

/* A mount with its first generation, attached nowhere. */
static struct fault *make_content(struct volume *v, const struct acquired *a, struct tmpfs *ret,
                                  struct volume_status *ret_status)
{
        const struct volumes_options *o = &v->in->options;
        const struct tmpfs_options options = {
                .bytes = o->tmpfs_bytes,
                .inodes = o->tmpfs_inodes,
                .mode = generation_dir_mode(v->spec.file_mode),
                .has_group = v->spec.has_group,
                .group = v->spec.group,
                .selinux_context = v->spec.selinux_context,
        };
        AUTO(tmpfs) struct tmpfs t = TMPFS_NONE;
        TRY(tmpfs_make(&options, &t));
        TRY(content_write(v, t.root, a, ret_status));
        if (o->mount_read_only)
                TRY(tmpfs_set_read_only(&t));
        *ret = t;
        t = TMPFS_NONE;
        return NULL;
}

/* The last step, after which nothing can fail. */
static struct fault *attach(const struct target *target, const struct tmpfs *t)
{
        bool made = false;
        AUTO_CLOSE int fd = -1;
        TRY(target_make(target, &made, &fd));
        struct fault *f = tmpfs_attach(t, fd);
        if (f != NULL && made)
                fault_free(target_remove(target)); /* only what this call made; kubelet clears the rest */
        return f;
}

static void became_published(struct volume *v, struct volume_status *status, uint64_t mount_id)
{
        pthread_mutex_lock(&v->in->mu);
        v->mount_id = mount_id;
        content_became(v, status, /* renewed= */ true);
        pthread_mutex_unlock(&v->in->mu);
}

static struct fault *fill(struct volume *v, const struct target *target, const struct target_view *view,
                          const struct acquired *a)
{
        AUTO(tmpfs) struct tmpfs t = TMPFS_NONE;
        AUTO(volume_status) struct volume_status status = {0};
        uint64_t mount_id = view->mount_id;
        if (view->kind == TARGET_OURS) { /* ours and damaged: a pod may look at it, so it is mended, not replaced */
                TRY(tmpfs_clone(target->parent, target->name, &t));
                TRY(content_write(v, t.root, a, &status));
        } else {
                TRY(make_content(v, a, &t, &status));
                TRY(tmpfs_mount_id(&t, &mount_id));
                TRY(attach(target, &t));
        }
        became_published(v, &status, mount_id);
        return NULL;
}

/* A mount of ours that the journal did not know. */
static struct fault *try_adopt(struct volume *v, const struct target_view *view, bool *ret_adopted)
{
        AUTO(fault) struct fault *f = restore_adopt(v, view->mount_id);
        if (f != NULL && strcmp(fault_token(f), "OTHER_VOLUME") == 0)
                return fault(FAULT_PRECONDITION, "TARGET_MOUNTED", "another volume is mounted at the target path");
        *ret_adopted = f == NULL;
        log_warn("volume_unknown_mount", KV("volume", v->spec.id), KV("adopted", f == NULL));
        return NULL;
}

static struct fault *journal_note(struct volume *v)
{
        pthread_mutex_lock(&v->in->mu);
        bool uses_token = v->uses_token;
        pthread_mutex_unlock(&v->in->mu);
        return journal_put(v->in->journal, &v->spec, uses_token);
}

static struct fault *publish_owned(struct volume *v, const struct target *target, struct cancel *cancel)
{
        struct target_view view;
        bool adopted = false;
        TRY(target_look(target, &view));
        if (view.kind == TARGET_FOREIGN)
                return fault(FAULT_PRECONDITION, "TARGET_MOUNTED",
                             "something that is not ours is mounted at the target path");
        if (view.stacked > 1)
                log_warn("volume_mounts_stacked", KV("volume", v->spec.id), KV("count", view.stacked));
        /* intent first: whatever is mounted from here on, the next start knows where to look */
        TRY(journal_note(v));
        if (view.kind == TARGET_OURS)
                TRY(try_adopt(v, &view, &adopted));
        if (adopted)
                return NULL;

        AUTO(acquired) struct acquired a = {0};
        TRY(acquire(v, cancel, &a));
        return fill(v, target, &view, &a);
}

/* ---- deciding ------------------------------------------------------------------------------------------------------ */

enum answer { ANSWER_PUBLISH, ANSWER_LOOK, ANSWER_REFUSE };

/* With mu held. */
static struct fault *decide(struct volumes *vs, const struct volume_spec *spec, struct volume *v, enum answer *ret)
{
        *ret = ANSWER_REFUSE;
        if (vs->stopping)
                return fault(FAULT_UNAVAILABLE, "STOPPING", "the driver is being stopped");
        if (v == NULL) {
                *ret = ANSWER_PUBLISH;
                return NULL;
        }
        if (v->leaving || v->owner == OWNER_PUBLISH || v->owner == OWNER_UNPUBLISH)
                return fault(FAULT_ABORTED, "OVERLAP", "another call for volume %s is running", spec->id);
        if (strcmp(v->spec.target_path, spec->target_path) != 0)
                return fault(FAULT_PRECONDITION, "PUBLISHED_ELSEWHERE", "volume %s is published at another path",
                             spec->id);
        if (!volume_spec_same_arguments(&v->spec, spec))
                return fault(FAULT_EXISTS, "OTHER_ARGUMENTS", "volume %s is published with other arguments", spec->id);
        *ret = ANSWER_LOOK;
        return NULL;
}

static struct fault *publish_new(struct volumes *vs, const struct volume_spec *spec, struct secret **token,
                                 const struct target *target, struct cancel *cancel)
{
        struct volume *v = volume_new(vs, spec);
        pthread_mutex_lock(&vs->mu);
        enum answer answer;
        struct fault *f = decide(vs, spec, map_get(vs->by_id, spec->id), &answer);
        if (f == NULL && answer != ANSWER_PUBLISH)
                f = fault(FAULT_ABORTED, "OVERLAP", "another call for volume %s was quicker", spec->id);
        if (f == NULL)
                f = table_list(vs, v);
        if (f != NULL) {
                volume_unref(v);
                pthread_mutex_unlock(&vs->mu);
                return f;
        }
        v->owner = OWNER_PUBLISH;
        volume_take_token(v, TAKE(*token));
        pthread_mutex_unlock(&vs->mu);

        AUTO(linked) struct linked link;
        linked_init(&link, vs->options.clock, cancel);
        f = publish_owned(v, target, &link.own);
        if (f != NULL)
                fault_free(journal_remove(vs->journal, spec->id)); /* without a mount it means nothing */

        pthread_mutex_lock(&vs->mu);
        v->refs++; /* unlisting must not free it under us */
        if (f != NULL)
                table_unlist(vs, v);
        volume_release(v);
        volume_unref(v);
        pthread_mutex_unlock(&vs->mu);
        if (f == NULL)
                log_info("volume_published", KV("volume", spec->id), KV("profile", spec->profile));
        return f;
}

/* The mount is gone although we thought it there: what we know is worth nothing any more. */
static struct fault *forget(struct volumes *vs, const char *id, uint64_t mount_id)
{
        struct fault *f = NULL;
        pthread_mutex_lock(&vs->mu);
        struct volume *v = map_get(vs->by_id, id);
        if (v != NULL && v->owner != OWNER_NONE)
                f = fault(FAULT_ABORTED, "OVERLAP", "volume %s is being worked on", id);
        else if (v != NULL && v->mount_id == mount_id)
                table_unlist(vs, v);
        pthread_mutex_unlock(&vs->mu);
        if (f == NULL)
                log_warn("volume_mount_gone", KV("volume", id));
        return f;
}

/* A token that makes a waiting renewal possible gets it planned at once. */
static void refresh_token(struct volumes *vs, const struct volume_spec *spec, struct secret **token)
{
        pthread_mutex_lock(&vs->mu);
        struct volume *v = map_get(vs->by_id, spec->id);
        bool first = v != NULL && *token != NULL && !v->uses_token;
        if (v != NULL && *token != NULL) {
                bool waited = v->facts.waits_for_token;
                volume_take_token(v, TAKE(*token));
                if (waited)
                        volume_replan(v);
        }
        pthread_mutex_unlock(&vs->mu);
        if (!first)
                return;
        /* the volume is healthy whether or not this can be written; without it a restart might renew once in vain */
        AUTO(fault) struct fault *f = journal_put(vs->journal, spec, /* uses_token= */ true);
        if (f != NULL)
                log_warn("journal_not_written", KV("volume", spec->id), KV("error", f));
}

/* What this node knows of the volume and what stands at its target. */
struct sight {
        enum answer answer;
        uint64_t mount_id;
        bool shown; /* that mount is what a lookup of the target reaches */
};

static struct fault *look_at(struct volumes *vs, const struct volume_spec *spec, struct target *target,
                             struct sight *ret)
{
        TRY(volume_spec_check(spec));
        TRY(target_open(vs->options.kubelet_dir, spec->target_path, target));

        pthread_mutex_lock(&vs->mu);
        struct volume *v = map_get(vs->by_id, spec->id);
        struct fault *refused = decide(vs, spec, v, &ret->answer);
        ret->mount_id = v == NULL ? 0 : v->mount_id;
        pthread_mutex_unlock(&vs->mu);
        TRY(refused);
        ret->shown = ret->answer == ANSWER_LOOK && target_shows(target, ret->mount_id);
        return NULL;
}

struct fault *volumes_republish(struct volumes *vs, const struct volume_spec *spec, struct secret *token,
                                bool *ret_done)
{
        AUTO(secret) struct secret *taken = token;
        AUTO(target) struct target target = TARGET_NONE;
        struct sight sight = {0};
        TRY(look_at(vs, spec, &target, &sight));
        if (sight.shown)
                refresh_token(vs, spec, &taken);
        *ret_done = sight.shown;
        return NULL;
}

struct fault *volumes_publish(struct volumes *vs, const struct volume_spec *spec, struct secret *token,
                              struct cancel *cancel)
{
        AUTO(secret) struct secret *taken = token;
        AUTO(target) struct target target = TARGET_NONE;
        struct sight sight = {0};
        TRY(look_at(vs, spec, &target, &sight));

        if (sight.shown) {
                refresh_token(vs, spec, &taken);
                return NULL;
        }
        if (sight.answer == ANSWER_LOOK)
                TRY(forget(vs, spec->id, sight.mount_id));
        return publish_new(vs, spec, &taken, &target, cancel);
}
