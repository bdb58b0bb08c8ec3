#include "csi/store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "csi/store/mountinfo.h"
#include "csi/store/tmpfs.h"

#define TARGET_DIR_MODE    0750 /* as kubelet makes the directory above it */
#define MOUNTINFO_ATTEMPTS 3    /* the table is read in pieces and may miss a line while mounts come and go */

void target_clear(struct target *t)
{
        auto_close_cleanup(&t->parent);
        free(t->name);
        *t = TARGET_NONE;
}

/* Normal: one slash between components, none at the end, no "." or "..". */
static bool path_is_normal(const char *path)
{
        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return false;
        while (*path == '/') {
                path++;
                size_t len = strcspn(path, "/");
                if (len == 0 || (len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
                path += len;
        }
        return true;
}

static int open_below(int dir, const char *path)
{
        struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        return (int) syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static struct fault *open_parent(const char *kubelet_dir, const char *below, int *ret)
{
        AUTO_CLOSE int top =
                open(kubelet_dir, O_PATH | O_DIRECTORY | O_CLOEXEC); /* the operator's word: links are fine */
        if (top < 0)
                return fault_errno(FAULT_INTERNAL, "NO_KUBELET_DIR", errno, "open %s", kubelet_dir);
        AUTO_CLOSE int parent = open_below(top, below);
        if (parent < 0 && (errno == ELOOP || errno == EXDEV))
                return fault(FAULT_INVALID, "SYMLINKED_TARGET", "a component of the target path is a symbolic link");
        if (parent < 0 && errno == ENOTDIR)
                return fault(FAULT_INVALID, "BAD_TARGET", "a component of the target path is not a directory");
        if (parent < 0 && errno == ENOENT)
                return fault(FAULT_NOT_FOUND, "NO_TARGET_PARENT", "the directory above the target path does not exist");
        if (parent < 0)
                return fault_errno(FAULT_INTERNAL, "TARGET_IO", errno, "open the directory above the target path");
        *ret = TAKE_FD(parent);
        return NULL;
}

struct fault *target_open(const char *kubelet_dir, const char *path, struct target *ret)
{
        if (!path_is_normal(path))
                return fault(FAULT_INVALID, "BAD_TARGET", "target path %.256s is not absolute and normal", path);
        size_t top_len = strlen(kubelet_dir);
        while (top_len > 0 && kubelet_dir[top_len - 1] == '/')
                top_len--;
        if (strncmp(path, kubelet_dir, top_len) != 0 || path[top_len] != '/')
                return fault(FAULT_INVALID, "TARGET_OUTSIDE", "target path %.256s is not below %.256s", path,
                             kubelet_dir);

        const char *below = path + top_len + 1;
        const char *slash = strrchr(below, '/');
        AUTO_STRING char *above =
                slash == NULL ? alloc_string(".") : span_to_string(span_make(below, (size_t) (slash - below)));
        AUTO(target) struct target t = TARGET_NONE;
        TRY_AS(open_parent(kubelet_dir, above, &t.parent), "target path %.256s", path);
        t.name = alloc_string(slash == NULL ? below : slash + 1);
        *ret = t;
        t = TARGET_NONE;
        return NULL;
}

/* Whose mount it is; one that mountinfo does not know after some attempts (a peer unmounts it just now) counts as foreign. */
static struct fault *ask_mountinfo(struct target_view *view)
{
        for (int attempt = 0; attempt < MOUNTINFO_ATTEMPTS; attempt++) {
                AUTO(mountinfo) struct mountinfo m = {0};
                TRY(mountinfo_read(&m));
                const struct mountinfo_entry *e = mountinfo_by_id(&m, view->mount_id);
                if (e == NULL)
                        continue;
                bool ours = strcmp(e->fs_type, "tmpfs") == 0 && strcmp(e->source, TMPFS_SOURCE) == 0;
                view->kind = ours ? TARGET_OURS : TARGET_FOREIGN;
                view->stacked = mountinfo_find(&m, e->path, NULL);
                return NULL;
        }
        return NULL;
}

struct fault *target_look(const struct target *t, struct target_view *ret)
{
        struct target_view view = {.kind = TARGET_MISSING};
        struct statx st;
        if (statx(t->parent, t->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MNT_ID, &st) != 0) {
                if (errno != ENOENT)
                        return fault_errno(FAULT_INTERNAL, "TARGET_IO", errno, "look at %s", t->name);
                *ret = view;
                return NULL;
        }
        if (S_ISLNK(st.stx_mode))
                return fault(FAULT_INVALID, "SYMLINKED_TARGET", "%s is a symbolic link", t->name);
        if (!S_ISDIR(st.stx_mode))
                return fault(FAULT_INVALID, "NOT_A_DIRECTORY", "%s is not a directory", t->name);
        view.kind = TARGET_EMPTY;
        if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
                view = (struct target_view){TARGET_FOREIGN, st.stx_mnt_id, 1};
                TRY(ask_mountinfo(&view));
        }
        *ret = view;
        return NULL;
}

bool target_shows(const struct target *t, uint64_t mount_id)
{
        struct statx st;
        return statx(t->parent, t->name, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) == 0 &&
               (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 && st.stx_mnt_id == mount_id;
}

struct fault *target_make(const struct target *t, bool *ret_made, int *ret_fd)
{
        bool made = mkdirat(t->parent, t->name, TARGET_DIR_MODE) == 0;
        if (!made && errno != EEXIST)
                return fault_errno(FAULT_INTERNAL, "TARGET_IO", errno, "make %s", t->name);
        int fd = openat(t->parent, t->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fault_errno(FAULT_INVALID, "NOT_A_DIRECTORY", errno, "open %s", t->name);
        *ret_made = made;
        *ret_fd = fd;
        return NULL;
}

struct fault *target_remove(const struct target *t)
{
        if (unlinkat(t->parent, t->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return NULL;
        return fault_errno(FAULT_UNAVAILABLE, "TARGET_NOT_REMOVED", errno, "remove %s", t->name);
}
