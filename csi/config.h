/* config: what the node plugin can be told; the table in config.c is also its documentation (`vouchsafe-csi --help`). */
#pragma once

#include "lib/wire/options.h"

struct csi_config {
        char *endpoint; /* unix://…, or a path */
        char *node_id;
        char *kubelet_dir;
        char *registration_dir;      /* NULL or "": do not register */
        char *registration_endpoint; /* how kubelet reaches the endpoint on the host; NULL: the same path */
        char *state_dir;
        char *attester_socket;
        uint64_t attester_uid;
        char *audience;
        int read_only_policy; /* enum read_only_policy */
        char *health_socket;
        uint64_t tmpfs_bytes;
        uint64_t tmpfs_inodes;
        int64_t publish_timeout_ms;
        int64_t drain_timeout_ms;
        uint64_t publish_threads;
        uint64_t renew_threads;
        uint64_t volumes_max;
        char *log_level;
};
extern const struct program csi_program;
/* The path of `endpoint`, without unix://. */
const char *csi_config_socket_path(const struct csi_config *c);
