/* volumes_unpublish: the mount, its content, its directory and its record go; what was never there is fine.
 *
 * The mount goes first, and is wiped through a clone when it is gone from the target: while it is busy nothing has been lost, and the
 * volume goes on as before. */
#include "csi/volume/table.h"
#include "lib/base/log.h"

#define STACK_MAX 64 /* mounts of ours on top of each other; more is somebody's loop */

/* Only this volume's: the same path may hold another one's by now. */
static struct fault *check_is_of(const char *id, const struct tmpfs *clone)
{
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        AUTO(volume_status) struct volume_status s = {0};
        enum volume_state state;
        struct fault *f = generation_read(clone->root, STATUS_FILE, &json);
        if (f == NULL)
                f = volume_status_read(buf_span(&json), id, &s, &state);
        AUTO(fault) struct fault *unreadable = f;
        if (unreadable != NULL && strcmp(fault_token(unreadable), "OTHER_VOLUME") == 0)
                return fault(FAULT_PRECONDITION, "OTHER_VOLUME", "another volume is mounted at the target path");
        return NULL;
}

static struct fault *unmount_one(const char *id, const struct target *target)
{
        AUTO(tmpfs) struct tmpfs clone = TMPFS_NONE;
        bool done = false;
        TRY(tmpfs_clone(target->parent, target->name, &clone));
        TRY(check_is_of(id, &clone));
        TRY(tmpfs_unmount(target->parent, target->name, &done));
        AUTO(fault)
        struct fault *left = generation_wipe(clone.root); /* the memory is freed with the clone in any case */
        if (left != NULL)
                log_warn("volume_not_wiped", KV("volume", id), KV("error", left));
        return NULL;
}

static struct fault *unmount_all(const char *id, const struct target *target)
{
        for (int i = 0; i < STACK_MAX; i++) {
                struct target_view view;
                TRY(target_look(target, &view));
                if (view.kind == TARGET_FOREIGN)
                        return fault(FAULT_PRECONDITION, "TARGET_MOUNTED",
                                     "something that is not ours is mounted at the target path");
                if (view.kind != TARGET_OURS)
                        return NULL;
                TRY(unmount_one(id, target));
        }
        return fault(FAULT_INTERNAL, "TOO_MANY_MOUNTS", "more than %d mounts at one target path", STACK_MAX);
}

static struct fault *open_target(struct volumes *vs, const char *path, struct target *ret, bool *ret_there)
{
        struct fault *f = target_open(vs->options.kubelet_dir, path, ret);
        *ret_there = f == NULL;
        if (f == NULL || fault_code(f) != FAULT_NOT_FOUND)
                return f;
        fault_free(f);
        return NULL;
}

static void journal_forget(struct volumes *vs, const char *id)
{
        AUTO(fault) struct fault *f = journal_remove(vs->journal, id);
        if (f != NULL) /* harmless: no mount stands behind the record, the next start drops it */
                log_warn("journal_not_written", KV("volume", id), KV("error", f));
}

/* ---- ownership ------------------------------------------------------------------------------------------------------ */

static void wake_waiter(void *arg)
{
        struct volumes *vs = arg;
        pthread_mutex_lock(&vs->mu);
        pthread_cond_broadcast(&vs->changed);
        pthread_mutex_unlock(&vs->mu);
}

/* With mu held, which a wait lets go: stops what runs on the volume and becomes its owner. */
static struct fault *take_over(struct volume *v, struct cancel *cancel)
{
        struct volumes *vs = v->in;
        struct fault *f = NULL;
        v->leaving = true;
        while (f == NULL && v->listed && v->owner != OWNER_NONE) {
                if (v->running != NULL)
                        cancel_trip(v->running);
                f = cancel_wait(cancel, &vs->changed, &vs->mu);
        }
        v->leaving = false;
        if (f != NULL) {
                volume_replan(v);
                return fault_prefix(f, "wait for the volume's renewal to end");
        }
        if (v->listed)
                v->owner = OWNER_UNPUBLISH;
        return NULL;
}

/* A placeholder for an id that is not known, so that a publish of it waits its turn; without one when the table is full. */
static struct volume *own_unknown(struct volumes *vs, const char *id, const char *path)
{
        const struct volume_spec unknown = {0};
        struct volume *v = volume_new(vs, &unknown);
        memcpy(v->spec.id, id, strnlen(id, sizeof(v->spec.id) - 1));
        v->spec.target_path = alloc_string(path);
        v->owner = OWNER_UNPUBLISH;
        v->state = VOLUME_DRAINING;
        AUTO(fault) struct fault *full = table_list(vs, v);
        if (full == NULL)
                v->refs++;
        return v;
}

/* With mu held. *ret is owned and has a reference for the caller. A volume that went while we waited for it (its publish failed) is
 * looked up anew: somebody else may have started with the same id. */
static struct fault *own(struct volumes *vs, const char *id, const char *path, struct cancel *cancel,
                         struct volume **ret)
{
        struct volume *v;
        while ((v = map_get(vs->by_id, id)) != NULL) {
                if (v->leaving || v->owner == OWNER_UNPUBLISH)
                        return fault(FAULT_ABORTED, "OVERLAP", "volume %s is being unpublished already", id);
                v->refs++;
                struct fault *f = take_over(v, cancel);
                if (f == NULL && v->listed && strcmp(v->spec.target_path, path) != 0) {
                        volume_release(v);
                        f = fault(FAULT_PRECONDITION, "PUBLISHED_ELSEWHERE", "volume %s is published at another path",
                                  id);
                }
                if (f == NULL && v->listed) {
                        *ret = v;
                        return NULL;
                }
                volume_unref(v);
                TRY(f);
        }
        *ret = own_unknown(vs, id, path);
        return NULL;
}

/* What is unmounted is forgotten, also when its directory stands in the way: kubelet asks again, and then only that is left. */
static struct fault *unpublish_owned(struct volumes *vs, const char *id, const char *path, bool *ret_gone)
{
        AUTO(target) struct target target = TARGET_NONE;
        bool there = false;
        TRY(open_target(vs, path, &target, &there));
        if (there)
                TRY(unmount_all(id, &target));
        *ret_gone = true;
        journal_forget(vs, id);
        return there ? target_remove(&target) : NULL;
}

struct fault *volumes_unpublish(struct volumes *vs, const char *id, const char *path, struct cancel *cancel)
{
        struct volume *v = NULL;
        bool gone = false;
        if (strlen(id) >= sizeof(v->spec.id))
                return fault(FAULT_INVALID, "BAD_VOLUME_ID", "a volume id has at most %zu characters",
                             sizeof(v->spec.id) - 1);
        if (cancel != NULL)
                cancel_set_wake(cancel, wake_waiter, vs);
        pthread_mutex_lock(&vs->mu);
        struct fault *f = own(vs, id, path, cancel, &v);
        pthread_mutex_unlock(&vs->mu);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        if (f != NULL)
                return f;

        f = unpublish_owned(vs, id, path, &gone);

        pthread_mutex_lock(&vs->mu);
        bool known = volume_is_live(v);
        if (gone || !known)
                table_unlist(vs, v);
        volume_release(v);
        volume_unref(v);
        pthread_mutex_unlock(&vs->mu);
        if (gone && known)
                log_info("volume_unpublished", KV("volume", id));
        return f;
}
