#include "attester/acquire/pod.h"

void pod_fill(const struct order *o, struct pod_request *p)
{
        p->volume = alloc_string(o->volume);
        p->profile = alloc_string(o->profile);
        p->token = o->token != NULL ? secret_copy(secret_span(o->token)) : NULL;
        p->node.namespace = alloc_string(o->pod_namespace);
        p->node.name = alloc_string(o->pod_name);
        p->node.uid = alloc_string(o->pod_uid);
        p->node.service_account = alloc_string(o->service_account);
}

struct fault *pod_add_credential(const struct acquisition *a, const char *slot, const struct key *key,
                                 struct pod_request *p)
{
        struct credential_request *c = &p->credentials[p->credential_count++];
        c->slot = alloc_string(slot);
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        TRY(buf_append(&c->spki, key_spki(key)));
        return pop_sign(key, issuer_nonce(a->issuer), span_str(issuer_audience(a->issuer)), &c->pop);
}
