/* publish_request: what kubelet asks for, checked. Pure: a NodePublishVolumeRequest becomes a volume_spec and a token.
 *
 * The order of checks is the conformance suite's: volume_id, target_path, volume_capability, then the rest. Refusals are
 * FAULT_INVALID and name the key, what was found and what is allowed, in words for a pod author. volume_context is
 * the pod's attributes overlaid by kubelet's pod info, so without pod info a pod could forge it: all of it must be there, and the
 * volume id must be kubelet's hash of the pod UID and volume name that stand in the target path. */
#pragma once

#include "csi/volume/volumes.h"
#include "proto/csi.pb-c.h"

enum read_only_policy { READ_ONLY_REQUIRE, READ_ONLY_FORCE };
struct publish_rules {
        const char *kubelet_dir;
        const char *audience; /* of the token that we take */
        enum read_only_policy read_only;
};

/* `ret_token` is NULL when kubelet sent none at all; tokens for other audiences only are an error (the CSIDriver object is wrong). */
struct fault *publish_request_check(const Csi__V1__NodePublishVolumeRequest *request, const struct publish_rules *rules,
                                    struct volume_spec *ret_spec, struct secret **ret_token) MUST_USE;
