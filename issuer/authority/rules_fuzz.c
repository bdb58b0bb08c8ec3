/* Orders as a taken-over issuer could send them to the signer. What the rules let through is inside the trust domain, of few and good DNS
 * names, and as short-lived as they say. */
#include "issuer/authority/rules.h"

#include "issuer/authority/signer.h"
#include "lib/wire/pbcheck.h"
#include "tests/fakes/fuzz.h"

static void check(const Vouchsafe__Signer__V1__Order *in)
{
        const struct rules rules = {SPAN("prod.example"), 3600, 60};
        const int64_t now_s = 1795456800, end_s = now_s + 24 * 3600;
        struct leaf_order o = signer_order(in);
        AUTO(fault) struct fault *denied = rules_check(&rules, &o, end_s, wall_from_unix_s(now_s));
        if (denied != NULL) {
                must(strncmp(fault_token(denied), "authority.", 10) == 0);
                return;
        }
        must(strncmp(o.identity, "spiffe://prod.example/", 22) == 0 &&
             strstr(o.identity, "/vouchsafe/") != o.identity + 21);
        must(o.dns_count <= LEAF_DNS_MAX && (o.serial[0] & 0x80) == 0);
        for (size_t i = 0; i < o.dns_count; i++)
                must(o.dns[i][strcspn(o.dns[i], "*_ /:@ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0' && o.dns[i][0] != '\0');
        must(o.not_after_unix_s > now_s && o.not_after_unix_s - now_s <= rules.max_leaf_life_s);
        must(o.not_before_unix_s <= now_s + ORDER_AGE_MAX_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *refused =
                pb_unpack(&vouchsafe__signer__v1__call__descriptor, span_make(data, size), &PBCHECK_LIMITS, &message);
        if (refused != NULL)
                return 0;
        const Vouchsafe__Signer__V1__Call *call = (const Vouchsafe__Signer__V1__Call *) message;
        for (size_t i = 0; i < call->n_orders; i++)
                check(call->orders[i]);
        protobuf_c_message_free_unpacked(message, NULL);
        return 0;
}
