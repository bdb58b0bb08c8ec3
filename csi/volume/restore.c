/* The start: what the journal says may be there, the mount table confirms and the volumes' own status files explain. Nothing is
 * re-issued, no mount is touched. */
#include "csi/volume/table.h"
#include "lib/base/log.h"

static struct fault *read_status(struct volume *v, const struct target *target, struct volume_status *ret_status,
                                 enum volume_state *ret_state)
{
        AUTO(tmpfs) struct tmpfs clone = TMPFS_NONE;
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        TRY(tmpfs_clone(target->parent, target->name, &clone));
        TRY(generation_read(clone.root, STATUS_FILE, &json));
        return volume_status_read(buf_span(&json), v->spec.id, ret_status, ret_state);
}

struct fault *restore_adopt(struct volume *v, uint64_t mount_id)
{
        AUTO(target) struct target target = TARGET_NONE;
        AUTO(volume_status) struct volume_status status = {0};
        enum volume_state state = VOLUME_FRESH;
        TRY(target_open(v->in->options.kubelet_dir, v->spec.target_path, &target));
        TRY(read_status(v, &target, &status, &state));
        pthread_mutex_lock(&v->in->mu);
        v->mount_id = mount_id;
        v->facts.status_state = state;
        content_became(v, &status, /* renewed= */ false);
        pthread_mutex_unlock(&v->in->mu);
        return NULL;
}

/* A mount of ours whose status can't be read: it stays where it is, and a renewal mends it as soon as it can. */
static void adopt_damaged(struct volume *v, uint64_t mount_id, const struct fault *f)
{
        log_error("volume_damaged", KV("volume", v->spec.id), KV("error", f));
        pthread_mutex_lock(&v->in->mu);
        v->mount_id = mount_id;
        v->state = VOLUME_EXPIRED;
        v->facts.status_state = VOLUME_EXPIRED;
        v->facts.has_old_generations = true;
        pthread_mutex_unlock(&v->in->mu);
}

static struct fault *look(struct volumes *vs, const char *path, struct target_view *ret)
{
        AUTO(target) struct target target = TARGET_NONE;
        TRY(target_open(vs->options.kubelet_dir, path, &target));
        return target_look(&target, ret);
}

static void drop(struct volumes *vs, const char *id, const char *why)
{
        AUTO(fault) struct fault *f = journal_remove(vs->journal, id);
        log_info("volume_not_restored", KV("volume", id), KV("reason", why), KV("journal", f));
}

static void restore_mounted(struct volumes *vs, const struct journal_record *r, const struct target_view *view)
{
        struct volume *v = volume_new(vs, &r->spec);
        v->uses_token = r->uses_token;
        AUTO(fault) struct fault *damaged = restore_adopt(v, view->mount_id);
        bool foreign = damaged != NULL && strcmp(fault_token(damaged), "OTHER_VOLUME") == 0;
        if (damaged != NULL && !foreign)
                adopt_damaged(v, view->mount_id, damaged);
        pthread_mutex_lock(&vs->mu);
        AUTO(fault) struct fault *full = foreign ? NULL : table_list(vs, v);
        if (foreign || full != NULL)
                volume_unref(v);
        else
                volume_replan(v);
        pthread_mutex_unlock(&vs->mu);
        if (foreign)
                drop(vs, r->spec.id, "another volume is at its target");
        else if (full != NULL)
                log_error("volume_not_restored", KV("volume", r->spec.id), KV("error", full));
        else
                log_info("volume_restored", KV("volume", r->spec.id), KV("stacked", view->stacked));
}

static void restore_one(void *arg, struct journal_record *r)
{
        struct volumes *vs = arg;
        struct target_view view = {.kind = TARGET_MISSING};
        if (strcmp(r->boot_id, journal_boot_id(vs->journal)) != 0) { /* its mount went with the old boot */
                drop(vs, r->spec.id, "the machine was restarted");
                return;
        }
        AUTO(fault) struct fault *f = look(vs, r->spec.target_path, &view);
        if (f != NULL && fault_code(f) != FAULT_NOT_FOUND) {
                log_error("volume_not_restored", KV("volume", r->spec.id),
                          KV("error", f)); /* the record stays for a person */
                return;
        }
        if (view.kind == TARGET_OURS)
                restore_mounted(vs, r, &view);
        else
                drop(vs, r->spec.id, "not mounted");
}

struct fault *restore_all(struct volumes *vs)
{
        return journal_load(vs->journal, restore_one, vs);
}
