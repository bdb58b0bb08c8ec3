#include "lib/model/release.h"

#include "lib/crypt/binding.h"
#include "lib/model/fields.h"
#include "lib/model/request_head.h"

/* ---- request ---- */

struct fault *release_request_write(const struct release_request *r, struct buf *out)
{
        const struct pod_request *pod = &r->request.pods[0];
        const struct credential_request *c = &pod->credentials[0];
        AUTO(json) struct json *j = request_head_new("release", r->request.audience, buf_span(&r->request.nonce));
        json_set_text(j, "policy", r->request.policy);
        json_set_text(j, "key", r->key);
        if (r->version != 0)
                json_set_int(j, "version", r->version);
        json_set_text(j, "slot", c->slot);
        json_set_base64url(j, "wrap", buf_span(&c->spki));
        json_set_base64url(j, "pop", buf_span(&c->pop));
        pod_request_write(pod, j);
        return json_write(j, out);
}

static struct fault *read_wrap(const struct json *j, struct pod_request *pod)
{
        struct credential_request *c = &pod->credentials[0];
        char slot[NAME_MAX_LEN + 1];
        pod->credential_count = 1;
        TRY(field_name_into(j, "slot", slot));
        c->slot = alloc_string(slot);
        TRY(field_bytes(j, "wrap", SPKI_MAX, &c->spki));
        return field_bytes(j, "pop", SIGNATURE_MAX, &c->pop);
}

static struct fault *read_request(struct span bytes, struct release_request *r)
{
        static const char *const keys[] = {"v",    "purpose", "audience", "nonce",   "policy",
                                           "key",  "version", "volume",   "profile", "token",
                                           "node", "slot",    "wrap",     "pop",     NULL};
        AUTO(json) struct json *j = NULL;
        int64_t version = 0;
        TRY(json_parse(bytes, &j));
        TRY(request_head_read(j, "release", keys, &r->request.audience, &r->request.nonce));
        TRY(field_text(j, "policy", DIGEST_TEXT_MAX, &r->request.policy));
        TRY(field_name_into(j, "key", r->key));
        TRY(json_want_int(j, "version", 1, UINT32_MAX, &version));
        r->version = (uint32_t) version;
        r->request.pods = alloc_zero(1, sizeof *r->request.pods);
        r->request.pod_count = 1;
        TRY(pod_request_read(j, &r->request.pods[0]));
        return read_wrap(j, &r->request.pods[0]);
}

struct fault *release_request_read(struct span bytes, struct release_request *ret)
{
        AUTO(release_request) struct release_request r = {0};
        TRY(read_request(bytes, &r));
        *ret = r;
        r = (struct release_request){0};
        return NULL;
}

void release_request_clear(struct release_request *r)
{
        issue_request_clear(&r->request);
        *r = (struct release_request){0};
}

/* ---- reply ---- */

struct fault *release_reply_write(const struct release_reply *r, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_int(j, "time", r->time_unix_s);
        json_set_base64url(j, "nonce", buf_span(&r->nonce));
        json_set_text(j, "policy", r->policy);
        json_set_int(j, "bundle", (int64_t) r->bundle_sequence);
        json_set_text(j, "key", r->key);
        json_set_int(j, "version", r->version);
        json_set_text(j, "jwe", r->jwe);
        json_set(j, "credential", issued_credential_write(&r->credential));
        return json_write(j, out);
}

static struct fault *read_reply(struct span body, struct release_reply *r)
{
        AUTO(json) struct json *j = NULL;
        const struct json *credential = NULL;
        int64_t sequence = 0, version = 0;
        TRY(json_parse(body, &j));
        TRY(field_version(j));
        TRY(field_time(j, "time", &r->time_unix_s));
        TRY(field_bytes(j, "nonce", NONCE_MAX, &r->nonce));
        TRY(field_text(j, "policy", DIGEST_TEXT_MAX, &r->policy));
        TRY(json_need_int(j, "bundle", 0, INT64_MAX, &sequence));
        r->bundle_sequence = (uint64_t) sequence;
        TRY(field_name_into(j, "key", r->key));
        TRY(json_need_int(j, "version", 1, UINT32_MAX, &version));
        r->version = (uint32_t) version;
        TRY(field_text(j, "jwe", RELEASE_JWE_MAX, &r->jwe));
        TRY(json_need_object(j, "credential", &credential));
        return fault_prefix(issued_credential_read(credential, &r->credential), "credential");
}

struct fault *release_reply_read(struct span body, struct release_reply *ret)
{
        AUTO(release_reply) struct release_reply r = {0};
        TRY(read_reply(body, &r));
        *ret = r;
        r = (struct release_reply){0};
        return NULL;
}

void release_reply_clear(struct release_reply *r)
{
        buf_clear(&r->nonce);
        free(r->policy);
        free(r->jwe);
        issued_credential_clear(&r->credential);
        *r = (struct release_reply){0};
}
