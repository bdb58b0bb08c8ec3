/* What a caller on the CSI socket may send as NodePublishVolumeRequest: wire check, unpacking, and the checks of the request. What is
 * accepted keeps publish_request.h's promises. */
#include "csi/rpc/publish_request.h"

#include "lib/model/names.h"
#include "lib/wire/pbcheck.h"
#include "tests/fakes/fuzz.h"

static bool is_text(const char *text, size_t max)
{
        return text != NULL && text[0] != '\0' && strlen(text) <= max && span_is_utf8(span_str(text));
}

static void check(const Csi__V1__NodePublishVolumeRequest *request, enum read_only_policy policy)
{
        const struct publish_rules rules = {"/var/lib/kubelet", "https://issuer.example", policy};
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        AUTO(fault) struct fault *refused = publish_request_check(request, &rules, &spec, &token);
        if (refused != NULL) {
                must(spec.target_path == NULL && token == NULL && span_is_utf8(span_str(fault_text(refused))));
                return;
        }
        must(is_text(spec.id, VOLUME_ID_MAX) && strcmp(spec.id, request->volume_id) == 0);
        must(is_text(spec.target_path, 4096) && strncmp(spec.target_path, "/var/lib/kubelet/", 17) == 0);
        must(strstr(spec.target_path, "/../") == NULL && strstr(spec.target_path, "//") == NULL);
        must(is_text(spec.pod_name, POD_NAME_MAX) && is_text(spec.pod_namespace, POD_NAME_MAX));
        must(is_text(spec.service_account, POD_NAME_MAX) && strstr(spec.target_path, spec.pod_uid) != NULL);
        must(is_text(spec.profile, NAME_MAX_LEN) && (spec.file_mode == 0400 || spec.file_mode == 0440));
        must(policy == READ_ONLY_FORCE || request->readonly);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *refused = pb_unpack(&csi__v1__node_publish_volume_request__descriptor, span_make(data, size),
                                          &PBCHECK_LIMITS, &message);
        if (refused != NULL)
                return 0;
        const Csi__V1__NodePublishVolumeRequest *request = (const Csi__V1__NodePublishVolumeRequest *) message;
        check(request, READ_ONLY_REQUIRE);
        check(request, READ_ONLY_FORCE);
        protobuf_c_message_free_unpacked(message, NULL);
        return 0;
}
