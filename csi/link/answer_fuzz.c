/* Frames from the attester, as the node plugin reads them: whatever comes, it is a whole answer within its bounds or a fault that may be
 * shown. */
#include "csi/link/answer.h"

#include "lib/wire/pbcheck.h"
#include "tests/fakes/fuzz.h"

static void read_acquired(const Vouchsafe__Attester__V1__Acquired *m)
{
        AUTO(acquired) struct acquired a = {0};
        AUTO(fault) struct fault *refused = answer_to_acquired(m, &a);
        if (refused != NULL) {
                must(a.count == 0);
                return;
        }
        must(a.count >= 1 && a.count <= ACQUIRED_MAX && a.bundle.roots_pem.len > 0 && a.bundle.json.len > 0);
        for (size_t i = 0; i < a.count; i++) {
                const struct acquired_credential *c = &a.credentials[i];
                must(c->private_key_pem != NULL && (c->chain_pem.len > 0 || c->token != NULL));
                must(c->not_after_unix_s > c->issued_unix_s && c->slot != NULL && c->type != NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *refused = pb_unpack(&vouchsafe__attester__v1__answer__descriptor, span_make(data, size),
                                          &PBCHECK_LIMITS, &message);
        if (refused != NULL)
                return 0;
        const Vouchsafe__Attester__V1__Answer *answer = (const Vouchsafe__Attester__V1__Answer *) message;
        if (answer->problem != NULL) {
                AUTO(fault) struct fault *told = answer_to_fault(answer->problem);
                must(told != NULL && span_is_utf8(span_str(fault_text(told))) && fault_token(told)[0] != '\0');
        }
        if (answer->body_case == VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED)
                read_acquired(answer->acquired);
        if (answer->body_case == VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_BUNDLE) {
                AUTO(trust_bundle) struct trust_bundle bundle = {0};
                AUTO(fault) struct fault *not_whole = answer_to_bundle(answer->bundle, &bundle);
                must((not_whole == NULL) == (bundle.roots_pem.len > 0 && bundle.json.len > 0));
        }
        protobuf_c_message_free_unpacked(message, NULL);
        return 0;
}
