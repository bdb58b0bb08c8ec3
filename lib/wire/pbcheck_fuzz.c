/* The first byte picks the message. What the walker accepts unpacks, or is refused by protobuf-c for a reason of its
 * own; it packs into something that is accepted again. */
#include "lib/wire/pbcheck.h"

#include "proto/attester.pb-c.h"
#include "proto/csi.pb-c.h"
#include "proto/pluginregistration.pb-c.h"
#include "proto/signer.pb-c.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const ProtobufCMessageDescriptor *const types[] = {
                &vouchsafe__attester__v1__call__descriptor,
                &vouchsafe__attester__v1__answer__descriptor,
                &csi__v1__node_publish_volume_request__descriptor,
                &csi__v1__node_get_info_response__descriptor,
                &csi__v1__node_unpublish_volume_request__descriptor,
                &pluginregistration__registration_status__descriptor,
                &vouchsafe__signer__v1__call__descriptor,
                &vouchsafe__signer__v1__answer__descriptor,
        };
        if (size == 0)
                return 0;
        const ProtobufCMessageDescriptor *type = types[data[0] % COUNT_OF(types)];
        ProtobufCMessage *message = NULL;
        AUTO(buf) struct buf packed = BUF(1u << 24);
        AUTO(fault) struct fault *refused = pb_unpack(type, span_make(data + 1, size - 1), &PBCHECK_LIMITS, &message);
        must((refused == NULL) == (message != NULL));
        if (message == NULL)
                return 0;
        AUTO(fault) struct fault *pack = pb_pack(message, &packed);
        AUTO(fault) struct fault *again = pbcheck(type, buf_span(&packed), &PBCHECK_LIMITS);
        protobuf_c_message_free_unpacked(message, NULL);
        must(pack == NULL && again == NULL);
        return 0;
}
