/* target: the directory that kubelet names, reached safely and looked at.
 *
 * The path must be absolute, normal and below kubelet's directory, and no component below that may be a link (openat2(2)): whoever
 * could plant one would choose where root mounts. What stands at the target is told from the kernel's word alone: statx(2) says
 * whether it is a mount and which, mountinfo says whose. */
#pragma once

#include "lib/base/span.h"

struct target {
        int parent; /* O_PATH */
        char *name; /* last component */
};
#define TARGET_NONE ((struct target){-1, NULL})
void target_clear(struct target *t);
DEFINE_AUTO_VALUE(target)

/* Faults: FAULT_INVALID "BAD_TARGET", "TARGET_OUTSIDE", "SYMLINKED_TARGET"; FAULT_NOT_FOUND "NO_TARGET_PARENT". */
struct fault *target_open(const char *kubelet_dir, const char *path, struct target *ret) MUST_USE;

enum target_kind { TARGET_MISSING, TARGET_EMPTY, TARGET_OURS, TARGET_FOREIGN };
struct target_view {
        enum target_kind kind;
        uint64_t mount_id; /* of the topmost mount */
        size_t stacked;
};
/* FAULT_INVALID "SYMLINKED_TARGET" or "NOT_A_DIRECTORY". */
struct fault *target_look(const struct target *t, struct target_view *ret) MUST_USE;
/* Cheap: is the mount of that number (from target_look or tmpfs_mount_id) what a lookup of the target reaches? */
bool target_shows(const struct target *t, uint64_t mount_id);
/* Makes the directory when it is missing, *ret_made says whether; *ret_fd is an O_PATH descriptor of it. */
struct fault *target_make(const struct target *t, bool *ret_made, int *ret_fd) MUST_USE;
/* Missing is fine. FAULT_UNAVAILABLE "TARGET_NOT_REMOVED" while something is in it or on it. */
struct fault *target_remove(const struct target *t) MUST_USE;
