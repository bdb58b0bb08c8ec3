/* target_path: <kubelet>/pods/<pod UID>/volumes/kubernetes.io~csi/<volume name>/mount, and the volume id that goes with it.
 *
 * For an inline volume kubelet names the volume "csi-" and the hex of SHA-256(pod UID ‖ volume name); both halves stand in the path, so
 * the id can be recomputed. Pure. */
#pragma once

#include "lib/base/span.h"

#define POD_UID_MAX     64
#define VOLUME_NAME_MAX 63

struct target_path {
        char pod_uid[POD_UID_MAX + 1];
        char volume_name[VOLUME_NAME_MAX + 1];
};
/* FAULT_INVALID "TARGET_PATH" unless it has exactly that shape: no "..", no empty part, no relative path. */
struct fault *target_path_parse(const char *kubelet_dir, const char *path, struct target_path *ret) MUST_USE;
/* "csi-" and 64 hex digits. */
#define VOLUME_HANDLE_LEN 68
void volume_handle(const struct target_path *t, char ret[VOLUME_HANDLE_LEN + 1]);
