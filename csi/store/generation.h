/* generation: the files of a volume, switched all at once.
 *
 *     ..7_3f09a1c4/tls.crt      generation 7
 *     ..data -> ..7_3f09a1c4    what readers see, replaced by one rename
 *     tls.crt -> ..data/tls.crt
 *
 * A generation is written into a directory that nobody can enter, completed, checked, made readable, then shown. The one before
 * stays for a while, so that a reader who has its files open still reads them, and is overwritten with zeros and removed by
 * generation_reap. What a crash left over is removed on the way. `root` is an open directory on a writable mount; one caller at a
 * time. Faults of a full file system are FAULT_EXHAUSTED "VOLUME_FULL" and leave the current generation as it was. */
#pragma once

#include <sys/types.h>

#include "csi/store/layout.h"

struct generation_order {
        uint64_t sequence;
        const struct layout *layout;
        bool has_group;
        gid_t group;
        mode_t file_mode; /* directories get an x for every r; never for others: FAULT_INVALID "WORLD_READABLE" */
};
mode_t generation_dir_mode(mode_t file_mode);

struct fault *generation_swap(int root, const struct generation_order *o) MUST_USE;
/* Replaces one file of the current generation (status.json). */
struct fault *generation_replace(int root, const struct generation_order *o, const char *name) MUST_USE;
/* Of the current generation. FAULT_NOT_FOUND "NO_GENERATION" when there is none. */
struct fault *generation_read(int root, const char *name, struct buf *out) MUST_USE;
struct fault *generation_list(int root, struct layout *ret) MUST_USE; /* names only */
/* Wipes and removes what is not current, once more than `keep` of it stand. */
struct fault *generation_reap(int root, size_t keep) MUST_USE;
/* Wipes and removes everything. */
struct fault *generation_wipe(int root) MUST_USE;
