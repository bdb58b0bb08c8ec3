/* mountinfo: which mounts there are, from the kernel's own table (proc_pid_mountinfo(5)).
 *
 * Strict: a line that is not in the documented form is FAULT_INTERNAL "BAD_MOUNTINFO", for a driver that misreads this table mounts twice.
 * Paths come with the kernel's octal escapes undone. */
#pragma once

#include "lib/base/span.h"

struct mountinfo_entry {
        uint64_t id, parent;
        char *path; /* where it is mounted, below our root */
        char *fs_type;
        char *source; /* may be empty */
        bool read_only;
};
struct mountinfo {
        struct mountinfo_entry *entries;
        size_t count, room;
};

struct fault *mountinfo_parse(struct span text, struct mountinfo *ret) MUST_USE;
/* Of this process. */
struct fault *mountinfo_read(struct mountinfo *ret) MUST_USE;
/* How many mounts are stacked at exactly `path`; *ret_top (may be NULL) is the one that a lookup reaches, NULL when none. */
size_t mountinfo_find(const struct mountinfo *m, const char *path, const struct mountinfo_entry **ret_top);
/* NULL: none. */
const struct mountinfo_entry *mountinfo_by_id(const struct mountinfo *m, uint64_t id);
void mountinfo_clear(struct mountinfo *m);
DEFINE_AUTO_VALUE(mountinfo)
