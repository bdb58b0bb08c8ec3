/* Enrolment's two requests. What travels is bounded here; what it means is for the verifier. */
#include "lib/crypt/x509.h"
#include "lib/model/fields.h"
#include "lib/model/request.h"
#include "lib/model/request_head.h"
#include "lib/model/tpm_evidence.h"

#define ACTIVATE_SECRET_MAX 64 /* TPM2_ActivateCredential gives at most a digest */

/* ---- first step -------------------------------------------------------------------------------------------------- */
struct fault *enrol_request_write(const struct enrol_request *r, struct buf *out)
{
        AUTO(json) struct json *j = request_head_new("enrol", r->audience, buf_span(&r->nonce));
        if (r->token != NULL)
                json_set_span(j, "token", secret_span(r->token));
        field_set_bytes_list(j, "ek_certificates", r->certificates, r->certificate_count);
        json_set_base64url(j, "ek_public", buf_span(&r->ek_public));
        json_set_base64url(j, "ak_public", buf_span(&r->ak_public));
        return json_write(j, out);
}

static struct fault *read_enrol(struct span bytes, struct enrol_request *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(bytes, &j));
        static const char *const keys[] = {"v",         "purpose",   "audience", "nonce", "token", "ek_certificates",
                                           "ek_public", "ak_public", NULL};
        TRY(request_head_read(j, "enrol", keys, &r->audience, &r->nonce));
        TRY(request_token_read(j, &r->token));
        TRY(field_bytes_list(j, "ek_certificates", EK_CHAIN_MAX, CERT_MAX, r->certificates, &r->certificate_count));
        TRY(field_bytes(j, "ek_public", TPM_PUBLIC_MAX, &r->ek_public));
        return field_bytes(j, "ak_public", TPM_PUBLIC_MAX, &r->ak_public);
}

struct fault *enrol_request_read(struct span bytes, struct enrol_request *ret)
{
        AUTO(enrol_request) struct enrol_request r = {0};
        TRY(read_enrol(bytes, &r));
        *ret = r;
        r = (struct enrol_request){0};
        return NULL;
}

void enrol_request_clear(struct enrol_request *r)
{
        free(r->audience);
        buf_clear(&r->nonce);
        secret_free(r->token);
        for (size_t i = 0; i < r->certificate_count; i++)
                buf_clear(&r->certificates[i]);
        buf_clear(&r->ek_public);
        buf_clear(&r->ak_public);
        *r = (struct enrol_request){0};
}

/* ---- second step ------------------------------------------------------------------------------------------------- */
struct fault *activate_request_write(const struct activate_request *r, struct buf *out)
{
        AUTO(json) struct json *j = request_head_new("activate", r->audience, buf_span(&r->nonce));
        json_set_base64url(j, "challenge", buf_span(&r->challenge));
        json_set_base64url(j, "secret", secret_span(r->secret));
        return json_write(j, out);
}

static struct fault *read_secret(const struct json *j, struct secret **ret)
{
        struct buf bytes = BUF(ACTIVATE_SECRET_MAX);
        struct fault *f = field_bytes(j, "secret", ACTIVATE_SECRET_MAX, &bytes);
        if (f == NULL)
                *ret = secret_copy(buf_span(&bytes));
        buf_wipe(&bytes);
        return f;
}

static struct fault *read_activate(struct span bytes, struct activate_request *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(bytes, &j));
        static const char *const keys[] = {"v", "purpose", "audience", "nonce", "challenge", "secret", NULL};
        TRY(request_head_read(j, "activate", keys, &r->audience, &r->nonce));
        TRY(field_bytes(j, "challenge", ENROL_CHALLENGE_MAX, &r->challenge));
        return read_secret(j, &r->secret);
}

struct fault *activate_request_read(struct span bytes, struct activate_request *ret)
{
        AUTO(activate_request) struct activate_request r = {0};
        TRY(read_activate(bytes, &r));
        *ret = r;
        r = (struct activate_request){0};
        return NULL;
}

void activate_request_clear(struct activate_request *r)
{
        free(r->audience);
        buf_clear(&r->nonce);
        buf_clear(&r->challenge);
        secret_free(r->secret);
        *r = (struct activate_request){0};
}
