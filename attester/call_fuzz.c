/* Frames from the node plugin, as the attester reads them. What becomes an order is what the issuer's reader would take: otherwise one
 * pod's order would spoil the request that it shares with others. */
#include "attester/call.h"

#include "lib/model/request.h"
#include "lib/wire/pbcheck.h"
#include "tests/fakes/fuzz.h"

static struct span token_of(const struct order *o)
{
        return o->token != NULL ? secret_span(o->token) : SPAN_NONE;
}

static void check_order(const struct order *o)
{
        const char *texts[] = {o->volume, o->profile, o->pod_namespace, o->pod_name, o->pod_uid, o->service_account};
        for (size_t i = 0; i < COUNT_OF(texts); i++)
                must(texts[i] != NULL && texts[i][0] != '\0' && span_is_utf8(span_str(texts[i])));
        must(token_of(o).len <= TOKEN_MAX && span_is_utf8(token_of(o)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *refused =
                pb_unpack(&vouchsafe__attester__v1__call__descriptor, span_make(data, size), &PBCHECK_LIMITS, &message);
        if (refused != NULL)
                return 0;
        const Vouchsafe__Attester__V1__Call *call = (const Vouchsafe__Attester__V1__Call *) message;
        if (call->body_case == VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE) {
                AUTO(order) struct order *o = NULL;
                AUTO(fault) struct fault *bad = call_to_order(call->acquire, &o);
                must((bad == NULL) == (o != NULL));
                if (o != NULL)
                        check_order(o);
        }
        protobuf_c_message_free_unpacked(message, NULL);
        return 0;
}
