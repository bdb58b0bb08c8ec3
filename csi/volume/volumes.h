/* volumes: every volume of this node: published, renewed, restored, unpublished. The heart of the driver.
 *
 * Each volume is a state machine {acquiring, fresh, overdue, expired, draining} with one owner at a time; what to do next is a pure
 * function (planner.h); effects are in csi/store. Publish mounts nothing before a complete first generation exists, and destroys only what
 * this very call created. A failed renewal never touches a live volume. Truth after a restart is mountinfo plus the journal;
 * a restart re-issues nothing. Renewals come from a timer heap on boot time, in their own pool. */
#pragma once

#include <sys/types.h>

#include "csi/volume/acquirer.h"
#include "lib/base/metrics.h"
#include "lib/wire/json.h"

struct volume_spec {
        char id[130];
        char *target_path;
        char *profile;
        char *pod_namespace, *pod_name, *pod_uid, *service_account;
        bool has_group;
        gid_t group;
        mode_t file_mode; /* 0440 unless the attribute says otherwise; never world-readable; directories get the x bits of the readable ones */
        char *selinux_context; /* of mount flag context="…"; NULL */
};
void volume_spec_clear(struct volume_spec *s);
DEFINE_AUTO_VALUE(volume_spec)

enum volume_state {
        VOLUME_ACQUIRING,
        VOLUME_FRESH,
        VOLUME_OVERDUE,
        VOLUME_EXPIRED,
        VOLUME_DRAINING,
        VOLUME_STATE_COUNT
};
const char *volume_state_name(enum volume_state s);

struct volumes_options {
        const char *state_dir;   /* journal */
        const char *kubelet_dir; /* pods below it */
        const struct acquirer *acquirer;
        const struct clock *clock;
        uint64_t tmpfs_bytes, tmpfs_inodes;
        bool mount_read_only; /* read-only-policy=force: mount ro ourselves after filling */
        unsigned renew_threads;
        size_t volumes_max;
};
struct volumes;

/* Restores from journal and mountinfo, then starts the timer and bundle threads. Bad journal records are moved to quarantine/ and counted. */
struct fault *volumes_open(const struct volumes_options *o, struct volumes **ret) MUST_USE;
/* Same id, target and arguments: OK without work, but `token` replaces the one held. Same id, other arguments: FAULT_EXISTS; overlap:
 * FAULT_ABORTED. `token` is taken (may be NULL). */
struct fault *volumes_publish(struct volumes *v, const struct volume_spec *spec, struct secret *token,
                              struct cancel *cancel) MUST_USE;
/* The part of it that never waits for anybody: *ret_done when the volume is published as `spec` says; nothing was done otherwise. */
struct fault *volumes_republish(struct volumes *v, const struct volume_spec *spec, struct secret *token,
                                bool *ret_done) MUST_USE;
/* Unknown volume or nothing mounted: OK. */
struct fault *volumes_unpublish(struct volumes *v, const char *id, const char *target_path,
                                struct cancel *cancel) MUST_USE;
struct volume_stats {
        uint64_t bytes_total, bytes_used, bytes_free, inodes_total, inodes_used, inodes_free;
        bool abnormal;
        char message[256]; /* of the condition: "fresh until …", "renewal denied: …" */
};
/* NOT_FOUND for an unknown volume or another path. */
struct fault *volumes_stats(struct volumes *v, const char *id, const char *path, struct volume_stats *ret) MUST_USE;
/* All volumes with state, next renewal, last problem; no secrets. */
struct json *volumes_describe(struct volumes *v);
size_t volumes_count(struct volumes *v, enum volume_state state);
/* Rows for /metrics. */
struct metric *const *volumes_metrics(struct volumes *v, size_t *ret_count);
/* Finishes what runs, leaves every mount alone, wipes tokens. */
void volumes_close(struct volumes *v);
