#include "csi/rpc/publish_request.h"

#include "csi/rpc/target_path.h"
#include "csi/rpc/token_choice.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"

#define KUBELET_PREFIX      "csi.storage.k8s.io/"
#define TOKENS_KEY          KUBELET_PREFIX "serviceAccount.tokens"
#define ALLOWED_ATTRIBUTES  "profile, fsGroup, mode"
#define GROUP_ID_MAX        4294967294u
#define SELINUX_CONTEXT_MAX 1024

typedef Csi__V1__NodePublishVolumeRequest request_t;
typedef Csi__V1__NodePublishVolumeRequest__VolumeContextEntry context_entry_t;
typedef Csi__V1__NodePublishVolumeRequest__SecretsEntry secret_entry_t;

/* Maps may repeat keys, the last one wins (protobuf). */
static const char *context_get(const request_t *r, const char *key)
{
        for (size_t i = r->n_volume_context; i > 0; i--) {
                const context_entry_t *entry = r->volume_context[i - 1];
                if (strcmp(entry->key, key) == 0)
                        return entry->value;
        }
        return NULL;
}

static const char *secret_get(const request_t *r, const char *key)
{
        for (size_t i = r->n_secrets; i > 0; i--) {
                const secret_entry_t *entry = r->secrets[i - 1];
                if (strcmp(entry->key, key) == 0)
                        return entry->value;
        }
        return NULL;
}

static struct fault *check_required(const request_t *r)
{
        if (r->volume_id[0] == '\0')
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id is missing");
        if (strlen(r->volume_id) > VOLUME_ID_MAX)
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id is longer than %d bytes", VOLUME_ID_MAX);
        if (r->target_path[0] == '\0')
                return fault(FAULT_INVALID, "TARGET_PATH", "target_path is missing");
        if (r->volume_capability == NULL)
                return fault(FAULT_INVALID, "VOLUME_CAPABILITY", "volume_capability is missing");
        return NULL;
}

/* context="…" is the one mount flag that kubelet sends us (seLinuxMount). */
static struct fault *take_mount_flag(const char *flag, char **ret_context)
{
        struct span value = span_str(flag);
        bool has_shape = span_starts_with(value, SPAN("context=\"")) && value.len > 10 && flag[value.len - 1] == '"' &&
                         value.len <= SELINUX_CONTEXT_MAX;
        if (!has_shape)
                return fault(FAULT_INVALID, "MOUNT_FLAGS", "mount flag %s is not supported, only context=\"…\" is",
                             flag);
        struct span context = span_slice(value, 9, value.len - 10);
        for (size_t i = 0; i < context.len; i++) {
                if (context.data[i] == '"' || context.data[i] == '\\' || context.data[i] < 0x20)
                        return fault(FAULT_INVALID, "MOUNT_FLAGS", "the SELinux context in mount flag %s is malformed",
                                     flag);
        }
        free(*ret_context);
        *ret_context = span_to_string(context);
        return NULL;
}

static struct fault *parse_group(const char *where, const char *text, struct volume_spec *spec)
{
        uint64_t group = 0;
        TRY_AS(parse_u64(span_str(text), 0, GROUP_ID_MAX, &group), "%s must be a numeric group id", where);
        spec->has_group = true;
        spec->group = (gid_t) group;
        return NULL;
}

static struct fault *check_capability(const request_t *r, const struct publish_rules *rules, struct volume_spec *spec)
{
        const Csi__V1__VolumeCapability *capability = r->volume_capability;
        if (capability->access_type_case != CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT)
                return fault(FAULT_INVALID, "VOLUME_CAPABILITY",
                             "only mounted file systems are served, not block devices");
        if (capability->access_mode == NULL ||
            capability->access_mode->mode == CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__UNKNOWN)
                return fault(FAULT_INVALID, "ACCESS_MODE", "the access mode is missing");
        if (rules->read_only == READ_ONLY_REQUIRE && !r->readonly)
                return fault(FAULT_INVALID, "READ_ONLY",
                             "the volume must be read-only: set readOnly: true under csi in the pod");
        if (capability->mount->fs_type[0] != '\0')
                return fault(FAULT_INVALID, "FS_TYPE", "fsType %s can't be chosen: leave it out",
                             capability->mount->fs_type);

        for (size_t i = 0; i < capability->mount->n_mount_flags; i++)
                TRY(take_mount_flag(capability->mount->mount_flags[i], &spec->selinux_context));
        if (capability->mount->volume_mount_group[0] != '\0')
                TRY(parse_group("volume_mount_group", capability->mount->volume_mount_group, spec));
        return NULL;
}

static struct fault *need_pod_info(const request_t *r, const char *key, size_t max, char **ret)
{
        const char *value = context_get(r, key);
        if (value == NULL || value[0] == '\0')
                return fault(FAULT_INVALID, "POD_INFO",
                             "%s is missing from volume_context: the CSIDriver object must set podInfoOnMount: true",
                             key);
        if (strlen(value) > max)
                return fault(FAULT_INVALID, "POD_INFO", "%s is longer than %zu bytes", key, max);
        free(*ret);
        *ret = alloc_string(value);
        return NULL;
}

static struct fault *check_pod(const request_t *r, const struct publish_rules *rules, struct volume_spec *spec)
{
        const char *ephemeral = context_get(r, KUBELET_PREFIX "ephemeral");
        if (ephemeral == NULL || strcmp(ephemeral, "true") != 0)
                return fault(FAULT_INVALID, "EPHEMERAL",
                             "only inline volumes are served: " KUBELET_PREFIX
                             "ephemeral must be \"true\" (volumeLifecycleModes: "
                             "[Ephemeral] and podInfoOnMount: true in the CSIDriver object)");
        TRY(need_pod_info(r, KUBELET_PREFIX "pod.name", POD_NAME_MAX, &spec->pod_name));
        TRY(need_pod_info(r, KUBELET_PREFIX "pod.namespace", POD_NAME_MAX, &spec->pod_namespace));
        TRY(need_pod_info(r, KUBELET_PREFIX "pod.uid", POD_UID_MAX, &spec->pod_uid));
        TRY(need_pod_info(r, KUBELET_PREFIX "serviceAccount.name", POD_NAME_MAX, &spec->service_account));

        struct target_path target;
        TRY(target_path_parse(rules->kubelet_dir, r->target_path, &target));
        if (strcmp(target.pod_uid, spec->pod_uid) != 0)
                return fault(FAULT_INVALID, "POD_UID", "pod UID %s of volume_context is not the one in target_path, %s",
                             spec->pod_uid, target.pod_uid);
        char expected[VOLUME_HANDLE_LEN + 1];
        volume_handle(&target, expected);
        if (strcmp(expected, r->volume_id) != 0)
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id %s is not that of volume %s in pod %s, expected %s",
                             r->volume_id, target.volume_name, target.pod_uid, expected);
        return NULL;
}

static struct fault *take_profile(const char *value, struct volume_spec *spec)
{
        size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (len == 0 || value[len] != '\0' || len > NAME_MAX_LEN || value[0] == '-' || value[len - 1] == '-')
                return fault(
                        FAULT_INVALID, "ATTRIBUTE_VALUE",
                        "volume attribute profile: \"%s\" is no profile name, expected lower-case letters, digits and "
                        "inner hyphens, at most %d",
                        value, NAME_MAX_LEN);
        free(spec->profile);
        spec->profile = alloc_string(value);
        return NULL;
}

static struct fault *take_mode(const char *value, struct volume_spec *spec)
{
        uint32_t mode = 0;
        TRY_AS(parse_mode(span_str(value), &mode), "volume attribute mode");
        if (mode != 0400 && mode != 0440)
                return fault(
                        FAULT_INVALID, "ATTRIBUTE_VALUE",
                        "volume attribute mode: %s is not allowed, expected 0400 or 0440 (keys are never writable or "
                        "world-readable)",
                        value);
        spec->file_mode = mode;
        return NULL;
}

static struct fault *take_attribute(const char *key, const char *value, struct volume_spec *spec)
{
        if (strncmp(key, KUBELET_PREFIX, sizeof KUBELET_PREFIX - 1) == 0)
                return NULL; /* kubelet's: pod info is read by name, others may be newer than we are */
        if (strcmp(key, "profile") == 0)
                return take_profile(value, spec);
        if (strcmp(key, "fsGroup") == 0)
                return parse_group("volume attribute fsGroup", value, spec);
        if (strcmp(key, "mode") == 0)
                return take_mode(value, spec);
        return fault(FAULT_INVALID, "UNKNOWN_ATTRIBUTE", "unknown volume attribute %s, allowed are " ALLOWED_ATTRIBUTES,
                     key);
}

struct fault *publish_request_check(const request_t *request, const struct publish_rules *rules,
                                    struct volume_spec *ret_spec, struct secret **ret_token)
{
        TRY(check_required(request));
        AUTO(volume_spec) struct volume_spec spec = {.file_mode = 0440, .profile = alloc_string("default")};
        TRY(check_capability(request, rules, &spec));
        TRY(check_pod(request, rules, &spec));
        for (size_t i = 0; i < request->n_volume_context; i++)
                TRY(take_attribute(request->volume_context[i]->key, request->volume_context[i]->value, &spec));

        /* secrets first (KEP-5538), then the old place */
        const char *tokens = secret_get(request, TOKENS_KEY);
        if (tokens == NULL)
                tokens = context_get(request, TOKENS_KEY);
        AUTO(secret) struct secret *token = NULL;
        if (tokens != NULL && tokens[0] != '\0')
                TRY(token_choose(span_str(tokens), rules->audience, &token));

        memcpy(spec.id, request->volume_id, strlen(request->volume_id) + 1);
        spec.target_path = alloc_string(request->target_path);
        *ret_spec = spec;
        spec = (struct volume_spec){0};
        *ret_token = TAKE(token);
        return NULL;
}
