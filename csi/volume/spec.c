#include "csi/volume/spec.h"

#include "csi/store/journal.h"

/* Every text of a spec. */
static const size_t texts[] = {
        offsetof(struct volume_spec, target_path),     offsetof(struct volume_spec, profile),
        offsetof(struct volume_spec, pod_namespace),   offsetof(struct volume_spec, pod_name),
        offsetof(struct volume_spec, pod_uid),         offsetof(struct volume_spec, service_account),
        offsetof(struct volume_spec, selinux_context),
};

static char *text_at(const struct volume_spec *s, size_t at)
{
        return *(char *const *) (const void *) ((const char *) s + at);
}

static void text_set(struct volume_spec *s, size_t at, char *text)
{
        *(char **) (void *) ((char *) s + at) = text;
}

void volume_spec_clear(struct volume_spec *s)
{
        for (size_t i = 0; i < COUNT_OF(texts); i++)
                free(text_at(s, texts[i]));
        *s = (struct volume_spec){0};
}

void volume_spec_copy(const struct volume_spec *from, struct volume_spec *ret)
{
        *ret = *from;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                const char *text = text_at(from, texts[i]);
                text_set(ret, texts[i], text == NULL ? NULL : alloc_string(text));
        }
}

static bool same_text(const char *a, const char *b)
{
        return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool volume_spec_same_arguments(const struct volume_spec *a, const struct volume_spec *b)
{
        for (size_t i = 1; i < COUNT_OF(texts); i++) {
                if (!same_text(text_at(a, texts[i]), text_at(b, texts[i])))
                        return false;
        }
        return a->file_mode == b->file_mode && a->has_group == b->has_group && (!a->has_group || a->group == b->group);
}

struct fault *volume_spec_check(const struct volume_spec *s)
{
        if (!journal_id_is_good(s->id))
                return fault(FAULT_INVALID, "BAD_VOLUME_ID",
                             "volume id \"%.128s\": letters, digits, \"_\", \".\" and \"-\" are allowed", s->id);
        for (size_t i = 0; i + 1 < COUNT_OF(texts); i++) {
                if (text_at(s, texts[i]) == NULL)
                        return fault(FAULT_INVALID, "BAD_SPEC", "an argument of volume %s is missing", s->id);
        }
        if ((s->file_mode & ~(mode_t) 0660) != 0 || (s->file_mode & 0400) == 0)
                return fault(FAULT_INVALID, "BAD_MODE",
                             "mode %04o: files are readable by their owner and never by others",
                             (unsigned) s->file_mode);
        return NULL;
}
