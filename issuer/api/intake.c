#include "issuer/api/intake.h"

#include "lib/model/request.h"

struct fault *intake_read(struct span body, struct intake *ret)
{
        TRY(envelope_read(body, &ret->r, &ret->evidence));
        sha256(buf_span(&ret->r), ret->r_digest);
        return NULL;
}

struct fault *intake_read_either(struct span body, struct intake *ret)
{
        TRY(envelope_read_either(body, &ret->r, &ret->evidence, &ret->result));
        sha256(buf_span(&ret->r), ret->r_digest);
        return NULL;
}

void intake_clear(struct intake *in)
{
        free(in->result);
        buf_wipe(&in->r);
        cmw_clear(&in->evidence);
}

struct fault *intake_check_audience(const struct api *a, const char *audience)
{
        if (strcmp(audience, a->audience) != 0)
                return fault(FAULT_DENIED, "audience", "the request is for %s, this is %s", audience, a->audience);
        return NULL;
}

struct fault *intake_check_fresh(const struct api *a, const struct httpd_request *q, struct span nonce,
                                 int64_t *ret_expires_unix_s)
{
        TRY(nonce_check(a->master, a->audience, clock_wall(a->clock), nonce, ret_expires_unix_s));
        if (!q->has_client_spki)
                return fault(FAULT_UNAUTHENTICATED, "binding.client_key",
                             "the connection has no client certificate, and evidence is bound to its key");
        if (!q->has_exporter)
                return fault(FAULT_UNAUTHENTICATED, "binding.exporter", "the connection has no TLS exporter");
        return NULL;
}

struct binding intake_binding(const struct api *a, const struct httpd_request *q, enum binding_purpose purpose,
                              struct span nonce, const struct intake *in)
{
        struct binding b = {.purpose = purpose, .nonce = nonce, .audience = span_str(a->audience)};
        memcpy(b.request_digest, in->r_digest, sizeof b.request_digest);
        memcpy(b.client_spki_digest, q->client_spki_sha256, sizeof b.client_spki_digest);
        memcpy(b.exporter, q->exporter, sizeof b.exporter);
        return b;
}
