/* tmpfs: a volume's own file system, made detached, filled, then moved to its place.
 *
 * Uses the kernel's mount API of file descriptors (fsopen(2), fsmount(2), move_mount(2), open_tree(2)): until tmpfs_attach the
 * mount belongs to a descriptor, so that a crash leaves nothing behind. Always nosuid, nodev, noexec, and noswap where the kernel
 * has it. Content changes go through a private writable clone, which works for a mount that pods see read-only and never makes
 * the pod's mount busy. Needs CAP_SYS_ADMIN. Linux 5.12 or later. */
#pragma once

#include <sys/types.h>

#include "lib/base/span.h"

#define TMPFS_SOURCE "vouchsafe" /* how our mounts are told from others' in mountinfo */

struct tmpfs_options {
        uint64_t bytes, inodes;
        mode_t mode; /* of the root directory */
        bool has_group;
        gid_t group;
        const char *selinux_context; /* NULL: none */
};
/* A mount and its root directory, opened. Closing `mount` of one that is attached nowhere unmounts it. */
struct tmpfs {
        int mount, root;
};
#define TMPFS_NONE ((struct tmpfs){-1, -1})
void tmpfs_clear(struct tmpfs *t);
DEFINE_AUTO_VALUE(tmpfs)

/* FAULT_INVALID "BAD_MOUNT_CONTEXT" for a context that this kernel does not take, FAULT_INTERNAL "MOUNT_FAILED" otherwise. */
struct fault *tmpfs_make(const struct tmpfs_options *o, struct tmpfs *ret) MUST_USE;
/* Of a mount without open writers. */
struct fault *tmpfs_set_read_only(const struct tmpfs *t) MUST_USE;
/* Moves a detached mount onto the directory `target` (an O_PATH descriptor). */
struct fault *tmpfs_attach(const struct tmpfs *t, int target) MUST_USE;
/* A private, writable view of what is mounted at `name` below `parent`, with the same content. FAULT_PRECONDITION
 * "NOT_OUR_MOUNT" when that is no tmpfs. */
struct fault *tmpfs_clone(int parent, const char *name, struct tmpfs *ret) MUST_USE;
/* Unmounts the topmost mount at `name`; *ret_done says whether there was one. FAULT_UNAVAILABLE "VOLUME_BUSY". */
struct fault *tmpfs_unmount(int parent, const char *name, bool *ret_done) MUST_USE;
/* Does this kernel keep tmpfs pages out of swap (6.4)? Probed once. */
bool tmpfs_has_noswap(void);
/* The kernel's number of a mount, as in mountinfo. */
struct fault *tmpfs_mount_id(const struct tmpfs *t, uint64_t *ret) MUST_USE;
