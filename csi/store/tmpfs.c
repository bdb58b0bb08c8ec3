#include "csi/store/tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#define ALWAYS_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static pthread_once_t probe_once = PTHREAD_ONCE_INIT;
static bool noswap_works; /* written once, before any reader */

void tmpfs_clear(struct tmpfs *t)
{
        auto_close_cleanup(&t->root);
        auto_close_cleanup(&t->mount);
        *t = TMPFS_NONE;
}

static void probe(void)
{
        AUTO_CLOSE int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
        noswap_works = fs >= 0 && fsconfig(fs, FSCONFIG_SET_FLAG, "noswap", NULL, 0) == 0;
}

bool tmpfs_has_noswap(void)
{
        (void) pthread_once(&probe_once, probe); /* can't fail with an initialised control */
        return noswap_works;
}

/* The file-system context can tell in words what it did not like ("e tmpfs: Bad value for 'size'"). */
static struct fault *config_fault(int fs, int err, enum fault_code code, const char *token, const char *key)
{
        char said[160] = "";
        ssize_t len = read(fs, said, sizeof(said) - 1);
        if (len > 0)
                said[said[len - 1] == '\n' ? len - 1 : len] = '\0';
        return fault_errno(code, token, err, "tmpfs option %s%s%s", key, len > 0 ? ": " : "", len > 0 ? said : "");
}

static struct fault *set_text(int fs, const char *key, const char *value)
{
        if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) != 0)
                return config_fault(fs, errno, FAULT_INTERNAL, "MOUNT_FAILED", key);
        return NULL;
}

static struct fault *set_number(int fs, const char *key, uint64_t value, bool octal)
{
        char text[32];
        (void) snprintf(text, sizeof(text), octal ? "%llo" : "%llu", (unsigned long long) value); /* fits */
        return set_text(fs, key, text);
}

static struct fault *configure(int fs, const struct tmpfs_options *o)
{
        TRY(set_text(fs, "source", TMPFS_SOURCE));
        TRY(set_number(fs, "size", o->bytes, /* octal= */ false));
        TRY(set_number(fs, "nr_inodes", o->inodes, /* octal= */ false));
        TRY(set_number(fs, "mode", o->mode, /* octal= */ true));
        if (o->has_group)
                TRY(set_number(fs, "gid", o->group, /* octal= */ false));
        if (tmpfs_has_noswap() && fsconfig(fs, FSCONFIG_SET_FLAG, "noswap", NULL, 0) != 0)
                return config_fault(fs, errno, FAULT_INTERNAL, "MOUNT_FAILED", "noswap");
        if (o->selinux_context != NULL && fsconfig(fs, FSCONFIG_SET_STRING, "context", o->selinux_context, 0) != 0)
                return config_fault(fs, errno, FAULT_INVALID, "BAD_MOUNT_CONTEXT", "context");
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) {
                bool of_context = o->selinux_context != NULL && errno == EINVAL;
                return config_fault(fs, errno, of_context ? FAULT_INVALID : FAULT_INTERNAL,
                                    of_context ? "BAD_MOUNT_CONTEXT" : "MOUNT_FAILED", "(all)");
        }
        return NULL;
}

static struct fault *open_root(struct tmpfs *t)
{
        t->root = openat(t->mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (t->root < 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "open the root of a volume");
        return NULL;
}

struct fault *tmpfs_make(const struct tmpfs_options *o, struct tmpfs *ret)
{
        AUTO_CLOSE int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs < 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "fsopen tmpfs");
        TRY(configure(fs, o));

        AUTO(tmpfs) struct tmpfs t = TMPFS_NONE;
        t.mount = fsmount(fs, FSMOUNT_CLOEXEC, ALWAYS_ATTRS);
        if (t.mount < 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "fsmount tmpfs");
        TRY(open_root(&t));
        *ret = t;
        t = TMPFS_NONE;
        return NULL;
}

struct fault *tmpfs_set_read_only(const struct tmpfs *t)
{
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
        if (mount_setattr(t->mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "make a volume read-only");
        return NULL;
}

struct fault *tmpfs_attach(const struct tmpfs *t, int target)
{
        if (move_mount(t->mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "move a volume to its target");
        return NULL;
}

struct fault *tmpfs_clone(int parent, const char *name, struct tmpfs *ret)
{
        AUTO(tmpfs) struct tmpfs t = TMPFS_NONE;
        t.mount = open_tree(parent, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
        struct statfs fs;
        struct statvfs flags;
        if (t.mount < 0 && errno == ENOENT)
                return fault_errno(FAULT_NOT_FOUND, "NO_TARGET", errno, "open %s", name);
        if (t.mount < 0 || fstatfs(t.mount, &fs) != 0 || fstatvfs(t.mount, &flags) != 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "open what is mounted at %s", name);
        if (fs.f_type != TMPFS_MAGIC)
                return fault(FAULT_PRECONDITION, "NOT_OUR_MOUNT", "%s is not a tmpfs", name);

        struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
        if ((flags.f_flag & ST_RDONLY) != 0 &&
            mount_setattr(t.mount, "", AT_EMPTY_PATH, &writable, sizeof(writable)) != 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "make a writable view of %s", name);
        TRY(open_root(&t));
        *ret = t;
        t = TMPFS_NONE;
        return NULL;
}

/* By the parent's descriptor: a descriptor of the mount itself would make it busy, and a path could be led astray by a link. */
struct fault *tmpfs_unmount(int parent, const char *name, bool *ret_done)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/fd/%d/%s", parent, name);
        *ret_done = false;
        if (umount2(path, UMOUNT_NOFOLLOW) == 0) {
                *ret_done = true;
                return NULL;
        }
        switch (errno) {
        case EINVAL: /* not a mount point: after a reboot, say */
        case ENOENT:
                return NULL;
        case EBUSY:
                return fault(FAULT_UNAVAILABLE, "VOLUME_BUSY", "unmount %s: still in use", name);
        default:
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "unmount %s", name);
        }
}

struct fault *tmpfs_mount_id(const struct tmpfs *t, uint64_t *ret)
{
        struct statx st;
        if (statx(t->root, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) != 0 || (st.stx_mask & STATX_MNT_ID) == 0)
                return fault_errno(FAULT_INTERNAL, "MOUNT_FAILED", errno, "number of a mount");
        *ret = st.stx_mnt_id;
        return NULL;
}
