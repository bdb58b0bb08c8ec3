/* What is told about volumes without touching them: kubelet's statistics, the debug listing. */
#include "csi/volume/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statfs.h>

/* With mu held. */
static void describe_condition(const struct volume *v, struct volume_stats *ret)
{
        char until[WALL_TEXT_LEN + 1];
        wall_format(wall_from_unix_s(v->facts.not_after_unix_s), until);
        ret->abnormal = v->state == VOLUME_OVERDUE || v->state == VOLUME_EXPIRED;
        if (v->problem.check == NULL)
                (void) snprintf(ret->message, sizeof(ret->message), "%s, %s %s", volume_state_name(v->state),
                                v->state == VOLUME_EXPIRED ? "since" : "valid until", until);
        else /* cut where it is too long: status.json has the whole text */
                (void) snprintf(ret->message, sizeof(ret->message), "%s, %s %s; renewal: %s: %s",
                                volume_state_name(v->state), v->state == VOLUME_EXPIRED ? "since" : "valid until",
                                until, v->problem.check, v->problem.detail);
}

static struct fault *measure(struct volumes *vs, const char *path, uint64_t mount_id, struct volume_stats *ret)
{
        AUTO(target) struct target target = TARGET_NONE;
        struct statfs fs;
        struct fault *f = target_open(vs->options.kubelet_dir, path, &target);
        bool there = f == NULL && target_shows(&target, mount_id);
        AUTO_CLOSE int fd = there ? openat(target.parent, target.name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
        fault_free(f);
        if (fd < 0 || fstatfs(fd, &fs) != 0) {
                ret->abnormal = true;
                (void) snprintf(ret->message, sizeof(ret->message), "the volume is not mounted at its target");
                return NULL;
        }
        uint64_t block = (uint64_t) fs.f_bsize;
        ret->bytes_total = fs.f_blocks * block;
        ret->bytes_free = fs.f_bavail * block;
        ret->bytes_used = (fs.f_blocks - fs.f_bfree) * block;
        ret->inodes_total = fs.f_files;
        ret->inodes_free = fs.f_ffree;
        ret->inodes_used = fs.f_files - fs.f_ffree;
        return NULL;
}

struct fault *volumes_stats(struct volumes *vs, const char *id, const char *path, struct volume_stats *ret)
{
        struct volume_stats stats = {0};
        pthread_mutex_lock(&vs->mu);
        const struct volume *v = map_get(vs->by_id, id);
        bool known = v != NULL && volume_is_live(v) && strcmp(v->spec.target_path, path) == 0;
        uint64_t mount_id = known ? v->mount_id : 0;
        if (known)
                describe_condition(v, &stats);
        pthread_mutex_unlock(&vs->mu);
        if (!known)
                return fault(FAULT_NOT_FOUND, "NO_VOLUME", "volume %.128s is not published at that path", id);
        TRY(measure(vs, path, mount_id, &stats));
        *ret = stats;
        return NULL;
}

static void set_time(struct json *o, const char *key, struct wall at)
{
        char text[WALL_TEXT_LEN + 1];
        wall_format(at, text);
        json_set_text(o, key, text);
}

/* With mu held. */
static struct json *describe_one(const struct volume *v)
{
        struct json *o = json_new_object();
        json_set_text(o, "volume", v->spec.id);
        json_set_text(o, "state", volume_state_name(v->state));
        if (!volume_is_live(v))
                return o;
        json_set_text(o, "profile", v->spec.profile);
        json_set_text(o, "podNamespace", v->spec.pod_namespace);
        json_set_text(o, "podName", v->spec.pod_name);
        json_set_int(o, "generation", (int64_t) v->status.generation);
        json_set_int(o, "failures", v->facts.failures);
        json_set_bool(o, "waitsForToken", v->facts.waits_for_token);
        json_set_bool(o, "insecureDevelopment", v->status.insecure_development);
        set_time(o, "renewAt", v->renew_at);
        set_time(o, "notAfter", wall_from_unix_s(v->facts.not_after_unix_s));
        if (v->status.count > 0)
                json_set_text(o, "identity", v->status.credentials[0].identity);
        if (v->problem.check != NULL) {
                struct json *p = json_new_object();
                json_set_text(p, "check", v->problem.check);
                json_set_text(p, "detail", v->problem.detail);
                set_time(p, "at", v->problem.at);
                json_set(o, "lastProblem", p);
        }
        return o;
}

struct json *volumes_describe(struct volumes *vs)
{
        struct json *list = json_new_array();
        const char *id;
        void *volume;
        pthread_mutex_lock(&vs->mu);
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);)
                json_push(list, describe_one(volume));
        pthread_mutex_unlock(&vs->mu);
        return list;
}

size_t volumes_count(struct volumes *vs, enum volume_state state)
{
        size_t count = 0;
        const char *id;
        void *volume;
        pthread_mutex_lock(&vs->mu);
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);)
                count += ((const struct volume *) volume)->state == state;
        pthread_mutex_unlock(&vs->mu);
        return count;
}
