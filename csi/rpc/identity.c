#include "csi/rpc/identity.h"

#include "csi/rpc/lanes.h"
#include "lib/model/names.h"
#include "proto/csi.pb-c.h"

static struct fault *get_plugin_info(void *self UNUSED, const ProtobufCMessage *request UNUSED,
                                     struct cancel *cancel UNUSED, ProtobufCMessage **ret_reply)
{
        Csi__V1__GetPluginInfoResponse *reply = (void *) rpc_reply_new(&csi__v1__get_plugin_info_response__descriptor);
        reply->name = rpc_string(VOUCHSAFE_DRIVER_NAME);
        reply->vendor_version = rpc_string(VOUCHSAFE_VERSION);
        *ret_reply = &reply->base;
        return NULL;
}

/* No controller, no topology, no expansion: an empty list says so. */
static struct fault *get_plugin_capabilities(void *self UNUSED, const ProtobufCMessage *request UNUSED,
                                             struct cancel *cancel UNUSED, ProtobufCMessage **ret_reply)
{
        *ret_reply = rpc_reply_new(&csi__v1__get_plugin_capabilities_response__descriptor);
        return NULL;
}

static struct fault *probe(void *self, const ProtobufCMessage *request UNUSED, struct cancel *cancel UNUSED,
                           ProtobufCMessage **ret_reply)
{
        struct identity *identity = self;
        Csi__V1__ProbeResponse *reply = (void *) rpc_reply_new(&csi__v1__probe_response__descriptor);
        reply->ready = (void *) rpc_reply_new(&csi__v1__bool_value__descriptor);
        reply->ready->value = atomic_load(&identity->ready);
        *ret_reply = &reply->base;
        return NULL;
}

struct rpc_service identity_service(struct identity *self)
{
        static const struct rpc_method methods[] = {
                {.name = "GetPluginInfo", .lane = CSI_LANE_QUICK, .handler = get_plugin_info},
                {.name = "GetPluginCapabilities", .lane = CSI_LANE_QUICK, .handler = get_plugin_capabilities},
                {.name = "Probe", .lane = CSI_LANE_QUICK, .handler = probe},
        };
        return (struct rpc_service){&csi__v1__identity__descriptor, methods, COUNT_OF(methods), self};
}
