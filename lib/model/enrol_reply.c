/* The replies to both steps of an enrolment, and the nonce that any reply may carry (reply.h). */
#include "lib/model/fields.h"
#include "lib/model/reply.h"
#include "lib/model/request.h"

#define CREDENTIAL_BLOB_MAX  256  /* TPM2B_ID_OBJECT: an HMAC and one digest, encrypted */
#define ENCRYPTED_SECRET_MAX 1024 /* TPM2B_ENCRYPTED_SECRET: RSA-4096 gives 514 bytes */

static struct json *new_reply(int64_t time_unix_s, const struct buf *nonce)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_int(j, "time", time_unix_s);
        json_set_base64url(j, "nonce", buf_span(nonce));
        return j;
}

static struct fault *parse_reply(struct span body, struct json **ret, int64_t *ret_time_unix_s, struct buf *ret_nonce)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(field_version(j));
        TRY(field_time(j, "time", ret_time_unix_s));
        TRY(field_bytes(j, "nonce", NONCE_MAX, ret_nonce));
        *ret = TAKE(j);
        return NULL;
}

/* ---- first step -------------------------------------------------------------------------------------------------- */
struct fault *enrol_reply_write(const struct enrol_reply *r, struct buf *out)
{
        AUTO(json) struct json *j = new_reply(r->time_unix_s, &r->nonce);
        json_set_base64url(j, "challenge", buf_span(&r->challenge));
        json_set_base64url(j, "credential_blob", buf_span(&r->credential_blob));
        json_set_base64url(j, "encrypted_secret", buf_span(&r->encrypted_secret));
        return json_write(j, out);
}

static struct fault *read_enrol(struct span body, struct enrol_reply *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(parse_reply(body, &j, &r->time_unix_s, &r->nonce));
        TRY(field_bytes(j, "challenge", ENROL_CHALLENGE_MAX, &r->challenge));
        TRY(field_bytes(j, "credential_blob", CREDENTIAL_BLOB_MAX, &r->credential_blob));
        return field_bytes(j, "encrypted_secret", ENCRYPTED_SECRET_MAX, &r->encrypted_secret);
}

struct fault *enrol_reply_read(struct span body, struct enrol_reply *ret)
{
        AUTO(enrol_reply) struct enrol_reply r = {0};
        TRY(read_enrol(body, &r));
        *ret = r;
        r = (struct enrol_reply){0};
        return NULL;
}

void enrol_reply_clear(struct enrol_reply *r)
{
        buf_clear(&r->nonce);
        buf_clear(&r->challenge);
        buf_clear(&r->credential_blob);
        buf_clear(&r->encrypted_secret);
        *r = (struct enrol_reply){0};
}

/* ---- second step ------------------------------------------------------------------------------------------------- */
struct fault *activate_reply_write(const struct activate_reply *r, struct buf *out)
{
        AUTO(json) struct json *j = new_reply(r->time_unix_s, &r->nonce);
        json_set_text(j, "ak", r->ak);
        return json_write(j, out);
}

static struct fault *read_activate(struct span body, struct activate_reply *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(parse_reply(body, &j, &r->time_unix_s, &r->nonce));
        return field_text_into(j, "ak", sizeof r->ak, r->ak);
}

struct fault *activate_reply_read(struct span body, struct activate_reply *ret)
{
        AUTO(activate_reply) struct activate_reply r = {0};
        TRY(read_activate(body, &r));
        *ret = r;
        r = (struct activate_reply){0};
        return NULL;
}

void activate_reply_clear(struct activate_reply *r)
{
        buf_clear(&r->nonce);
        *r = (struct activate_reply){0};
}

/* ---- any --------------------------------------------------------------------------------------------------------- */
struct fault *reply_nonce(const struct json *body, struct buf *out)
{
        buf_clear(out);
        if (body == NULL || json_get(body, "nonce") == NULL)
                return NULL;
        AUTO(buf) struct buf nonce = BUF(0);
        TRY(field_bytes(body, "nonce", NONCE_MAX, &nonce));
        return buf_append(out, buf_span(&nonce));
}
