#include "csi/link/answer.h"

#define CHAIN_PEM_MAX (64u * 1024)
#define BUNDLE_MAX    (256u * 1024)

static struct fault *not_whole(const char *what)
{
        return fault(FAULT_INTERNAL, "ATTESTER_ANSWER", "the attester's answer is not whole: %s", what);
}

static struct span bytes_of(ProtobufCBinaryData data)
{
        return span_make(data.data, data.len);
}

struct fault *answer_to_bundle(const Vouchsafe__Attester__V1__Bundle *m, struct trust_bundle *ret)
{
        if (m == NULL || m->roots_pem.len == 0 || m->json.len == 0)
                return not_whole("no trust bundle");
        AUTO(trust_bundle) struct trust_bundle bundle = {.roots_pem = BUF(BUNDLE_MAX), .json = BUF(BUNDLE_MAX)};
        bundle.sequence = m->sequence;
        bundle.refresh_hint_s = m->refresh_hint_s;
        TRY(buf_append(&bundle.roots_pem, bytes_of(m->roots_pem)));
        TRY(buf_append(&bundle.json, bytes_of(m->json)));

        *ret = bundle;
        bundle = (struct trust_bundle){0};
        return NULL;
}

static struct fault *take_credential(const Vouchsafe__Attester__V1__Credential *m, struct acquired *into)
{
        if (m->private_key_pem.len == 0 || m->private_key_pem.len > SECRET_MAX)
                return not_whole("a credential without its key");
        if (m->private_key_jwk.len > SECRET_MAX)
                return not_whole("a credential's key as JWK is too long");
        if (m->chain_pem.len == 0 && m->token[0] == '\0')
                return not_whole("a credential without certificate or token");
        if (m->not_after_unix_s <= m->issued_unix_s)
                return not_whole("a credential without a life");

        struct acquired_credential *c = &into->credentials[into->count++];
        c->slot = alloc_string(m->slot);
        c->type = alloc_string(m->type);
        c->identity = alloc_string(m->identity);
        c->serial = alloc_string(m->serial);
        c->record = alloc_string(m->record);
        c->token = m->token[0] != '\0' ? alloc_string(m->token) : NULL;
        c->private_key_pem = secret_copy(bytes_of(m->private_key_pem));
        c->private_key_jwk = m->private_key_jwk.len > 0 ? secret_copy(bytes_of(m->private_key_jwk)) : NULL;
        c->chain_pem = BUF(CHAIN_PEM_MAX);
        c->not_before_unix_s = m->not_before_unix_s;
        c->not_after_unix_s = m->not_after_unix_s;
        c->issued_unix_s = m->issued_unix_s;
        return buf_append(&c->chain_pem, bytes_of(m->chain_pem));
}

struct fault *answer_to_acquired(const Vouchsafe__Attester__V1__Acquired *m, struct acquired *ret)
{
        if (m->n_credentials == 0 || m->n_credentials > ACQUIRED_MAX)
                return not_whole("no credential, or too many");
        AUTO(acquired) struct acquired found = {0};
        for (size_t i = 0; i < m->n_credentials; i++)
                TRY(take_credential(m->credentials[i], &found));
        TRY(answer_to_bundle(m->bundle, &found.bundle));
        found.evidence_kind = alloc_string(m->evidence_kind);
        found.policy = alloc_string(m->policy);
        found.insecure_development = m->insecure_development != 0;

        *ret = found;
        found = (struct acquired){0};
        return NULL;
}

struct fault *answer_to_fault(const Vouchsafe__Attester__V1__Problem *m)
{
        bool is_known = m->code >= FAULT_CANCELLED && m->code <= FAULT_UNAUTHENTICATED;
        struct fault *f =
                fault_from_peer(is_known ? (enum fault_code) m->code : FAULT_UNKNOWN, m->token, "%s", m->text);
        fault_set_retry_after_ms(f, m->retry_after_ms);
        return f;
}
