#include "attester/call.h"

static struct fault *check_lengths(const Vouchsafe__Attester__V1__Acquire *m)
{
        const struct {
                const char *name, *text;
                size_t max;
        } texts[] = {
                {"volume", m->volume, VOLUME_ID_MAX},
                {"profile", m->profile, NAME_MAX_LEN},
                {"pod.namespace", m->pod->namespace_, POD_NAME_MAX},
                {"pod.name", m->pod->name, POD_NAME_MAX},
                {"pod.uid", m->pod->uid, POD_NAME_MAX},
                {"pod.service_account", m->pod->service_account, POD_NAME_MAX},
        };
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                size_t len = strlen(texts[i].text);
                if (len == 0 || len > texts[i].max)
                        return fault(FAULT_INVALID, "CALL", "%s has %zu bytes, 1 to %zu are allowed", texts[i].name,
                                     len, texts[i].max);
        }
        return NULL;
}

/* The alphabet of a compact JWS; none at all is fine. */
static bool token_is_good(ProtobufCBinaryData token)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
        for (size_t i = 0; i < token.len; i++) {
                if (memchr(alphabet, token.data[i], sizeof alphabet - 1) == NULL)
                        return false;
        }
        return token.len <= TOKEN_MAX;
}

struct fault *call_to_order(const Vouchsafe__Attester__V1__Acquire *m, struct order **ret)
{
        if (m->pod == NULL)
                return fault(FAULT_INVALID, "CALL", "acquire needs a pod");
        TRY(check_lengths(m));
        if (!token_is_good(m->token))
                return fault(FAULT_UNAUTHENTICATED, "token.malformed", "the pod's service account token is not a JWT");
        struct order *o = NEW(struct order);
        o->volume = alloc_string(m->volume);
        o->profile = alloc_string(m->profile);
        o->pod_namespace = alloc_string(m->pod->namespace_);
        o->pod_name = alloc_string(m->pod->name);
        o->pod_uid = alloc_string(m->pod->uid);
        o->service_account = alloc_string(m->pod->service_account);
        o->token = m->token.len > 0 ? secret_copy(span_make(m->token.data, m->token.len)) : NULL;
        o->renewal = m->renewal != 0;
        *ret = o;
        return NULL;
}
