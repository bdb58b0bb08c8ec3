#include "csi/rpc/node.h"

#include "csi/rpc/lanes.h"
#include "csi/rpc/target_path.h"
#include "lib/base/log.h"
#include "lib/model/names.h"

/* Kubelet asks for every volume every minute or so: those that are there must not queue behind pods that wait for an issuer. */
static struct fault *republish(void *self, const ProtobufCMessage *message, struct cancel *cancel UNUSED,
                               ProtobufCMessage **ret_reply)
{
        struct node *node = self;
        const Csi__V1__NodePublishVolumeRequest *request = (const void *) message;
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        bool is_done = false;
        TRY_AS(publish_request_check(request, &node->rules, &spec, &token), "publish volume %s", request->volume_id);

        TRY_AS(volumes_republish(node->volumes, &spec, TAKE(token), &is_done), "publish volume %s for pod %s/%s",
               spec.id, spec.pod_namespace, spec.pod_name);

        if (is_done)
                *ret_reply = rpc_reply_new(&csi__v1__node_publish_volume_response__descriptor);
        return NULL;
}

static struct fault *publish(void *self, const ProtobufCMessage *message, struct cancel *cancel,
                             ProtobufCMessage **ret_reply)
{
        struct node *node = self;
        const Csi__V1__NodePublishVolumeRequest *request = (const void *) message;
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        TRY_AS(publish_request_check(request, &node->rules, &spec, &token), "publish volume %s", request->volume_id);

        TRY_AS(volumes_publish(node->volumes, &spec, TAKE(token), cancel), "publish volume %s for pod %s/%s", spec.id,
               spec.pod_namespace, spec.pod_name);

        *ret_reply = rpc_reply_new(&csi__v1__node_publish_volume_response__descriptor);
        return NULL;
}

static struct fault *unpublish(void *self, const ProtobufCMessage *message, struct cancel *cancel,
                               ProtobufCMessage **ret_reply)
{
        struct node *node = self;
        const Csi__V1__NodeUnpublishVolumeRequest *request = (const void *) message;
        if (request->volume_id[0] == '\0')
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id is missing");
        if (strlen(request->volume_id) > VOLUME_ID_MAX)
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id is longer than %d bytes", VOLUME_ID_MAX);
        if (request->target_path[0] == '\0')
                return fault(FAULT_INVALID, "TARGET_PATH", "target_path is missing");
        struct target_path target;
        TRY_AS(target_path_parse(node->rules.kubelet_dir, request->target_path, &target), "unpublish volume %s",
               request->volume_id);

        TRY_AS(volumes_unpublish(node->volumes, request->volume_id, request->target_path, cancel),
               "unpublish volume %s", request->volume_id);

        *ret_reply = rpc_reply_new(&csi__v1__node_unpublish_volume_response__descriptor);
        return NULL;
}

static Csi__V1__VolumeUsage *usage_new(Csi__V1__VolumeUsage__Unit unit, uint64_t total, uint64_t used,
                                       uint64_t available)
{
        Csi__V1__VolumeUsage *usage = (void *) rpc_reply_new(&csi__v1__volume_usage__descriptor);
        usage->unit = unit;
        usage->total = (int64_t) total;
        usage->used = (int64_t) used;
        usage->available = (int64_t) available;
        return usage;
}

static struct fault *get_volume_stats(void *self, const ProtobufCMessage *message, struct cancel *cancel UNUSED,
                                      ProtobufCMessage **ret_reply)
{
        struct node *node = self;
        const Csi__V1__NodeGetVolumeStatsRequest *request = (const void *) message;
        if (request->volume_id[0] == '\0')
                return fault(FAULT_INVALID, "VOLUME_ID", "volume_id is missing");
        if (request->volume_path[0] == '\0')
                return fault(FAULT_INVALID, "VOLUME_PATH", "volume_path is missing");
        struct volume_stats stats;
        TRY(volumes_stats(node->volumes, request->volume_id, request->volume_path, &stats));

        Csi__V1__NodeGetVolumeStatsResponse *reply =
                (void *) rpc_reply_new(&csi__v1__node_get_volume_stats_response__descriptor);
        reply->n_usage = 2;
        reply->usage = alloc_zero(2, sizeof(Csi__V1__VolumeUsage *));
        reply->usage[0] =
                usage_new(CSI__V1__VOLUME_USAGE__UNIT__BYTES, stats.bytes_total, stats.bytes_used, stats.bytes_free);
        reply->usage[1] = usage_new(CSI__V1__VOLUME_USAGE__UNIT__INODES, stats.inodes_total, stats.inodes_used,
                                    stats.inodes_free);
        reply->volume_condition = (void *) rpc_reply_new(&csi__v1__volume_condition__descriptor);
        reply->volume_condition->abnormal = stats.abnormal;
        reply->volume_condition->message = rpc_string(stats.message);
        *ret_reply = &reply->base;
        return NULL;
}

static struct fault *get_capabilities(void *self UNUSED, const ProtobufCMessage *request UNUSED,
                                      struct cancel *cancel UNUSED, ProtobufCMessage **ret_reply)
{
        static const Csi__V1__NodeServiceCapability__RPC__Type types[] = {
                CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__GET_VOLUME_STATS,
                CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__VOLUME_CONDITION,
                CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__VOLUME_MOUNT_GROUP,
        };
        Csi__V1__NodeGetCapabilitiesResponse *reply =
                (void *) rpc_reply_new(&csi__v1__node_get_capabilities_response__descriptor);
        reply->n_capabilities = COUNT_OF(types);
        reply->capabilities = alloc_zero(COUNT_OF(types), sizeof(Csi__V1__NodeServiceCapability *));
        for (size_t i = 0; i < COUNT_OF(types); i++) {
                Csi__V1__NodeServiceCapability *capability =
                        (void *) rpc_reply_new(&csi__v1__node_service_capability__descriptor);
                capability->type_case = CSI__V1__NODE_SERVICE_CAPABILITY__TYPE_RPC;
                capability->rpc = (void *) rpc_reply_new(&csi__v1__node_service_capability__rpc__descriptor);
                capability->rpc->type = types[i];
                reply->capabilities[i] = capability;
        }
        *ret_reply = &reply->base;
        return NULL;
}

static struct fault *get_info(void *self, const ProtobufCMessage *request UNUSED, struct cancel *cancel UNUSED,
                              ProtobufCMessage **ret_reply)
{
        struct node *node = self;
        Csi__V1__NodeGetInfoResponse *reply = (void *) rpc_reply_new(&csi__v1__node_get_info_response__descriptor);
        reply->node_id = rpc_string(node->node_id);
        *ret_reply = &reply->base;
        return NULL;
}

struct rpc_service node_service(struct node *self)
{
        static const struct rpc_method methods[] = {
                {.name = "NodePublishVolume",
                 .lane = CSI_LANE_PUBLISH,
                 .handler = publish,
                 .first = republish,
                 .first_lane = CSI_LANE_QUICK},
                {.name = "NodeUnpublishVolume", .lane = CSI_LANE_UNPUBLISH, .handler = unpublish},
                {.name = "NodeGetVolumeStats", .lane = CSI_LANE_QUICK, .handler = get_volume_stats},
                {.name = "NodeGetCapabilities", .lane = CSI_LANE_QUICK, .handler = get_capabilities},
                {.name = "NodeGetInfo", .lane = CSI_LANE_QUICK, .handler = get_info},
        };
        return (struct rpc_service){&csi__v1__node__descriptor, methods, COUNT_OF(methods), self};
}
