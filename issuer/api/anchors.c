#include "issuer/api/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "issuer/config.h"
#include "issuer/verifier/cca/keys.h"
#include "lib/base/file.h"
#include "lib/model/names.h"

#define FILE_MAX ((size_t) 4 << 20)

/* ---- platform keys of CCA ---- */

static struct fault *add_keys(const char *path, struct cca_keys *keys)
{
        AUTO(buf) struct buf text = BUF(FILE_MAX);
        TRY(file_read(path, &text));
        TRY_AS(cca_keys_add(keys, buf_span(&text)), "%s", path);
        return NULL;
}

static int is_shown(const struct dirent *entry)
{
        return entry->d_name[0] != '.'; /* a ConfigMap's ..data, an editor's leavings */
}

/* Links are followed: a mounted ConfigMap consists of them. Folders inside are not entered. */
static struct fault *add_folder(const char *folder, struct cca_keys *keys)
{
        struct dirent **entries = NULL;
        int count = scandir(folder, &entries, is_shown, NULL);
        if (count < 0)
                return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "list %s", folder);
        struct fault *f = NULL;
        for (int i = 0; i < count; i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", folder, entries[i]->d_name);
                struct stat st;
                bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
                if (f == NULL && !is_folder)
                        f = add_keys(path, keys);
                free(entries[i]);
        }
        free(entries);
        return f;
}

static struct fault *load_keys(const char *path, struct cca_keys **ret)
{
        AUTO(cca_keys) struct cca_keys *keys = cca_keys_new();
        struct stat st;
        bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        TRY(is_folder ? add_folder(path, keys) : add_keys(path, keys));
        *ret = TAKE(keys);
        return NULL;
}

/* ---- all kinds ---- */

struct fault *anchors_load(const struct anchors_config *c, struct anchors *ret)
{
        const struct appraiser *a = verifier_find_kind(c->kind);
        if (a == NULL)
                return fault(FAULT_INVALID, "CONFIG", "evidence.anchors: kind %s is unknown", c->kind);
        ret->kind = a->kind;
        ret->bytes = BUF(FILE_MAX);
        if (strcmp(a->kind, EVIDENCE_CCA) == 0)
                TRY_AS(load_keys(c->file, &ret->cca_keys), "evidence.anchors");
        else
                TRY_AS(file_read(c->file, &ret->bytes), "evidence.anchors");
        return NULL;
}

struct fault *anchors_lend(const struct anchors *a, struct appraisal *in)
{
        if (a == NULL)
                return NULL;
        in->cca_keys = a->cca_keys;
        return a->bytes.len > 0 ? appraisal_add_part(in, "anchors", buf_span(&a->bytes)) : NULL;
}

void anchors_clear(struct anchors *a)
{
        buf_clear(&a->bytes);
        cca_keys_free(a->cca_keys);
        *a = (struct anchors){0};
}
