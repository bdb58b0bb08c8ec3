#include "lib/model/results.h"

#include "lib/crypt/binding.h"
#include "lib/model/fields.h"
#include "lib/model/request_head.h"

/* ---- request ---- */

struct fault *results_request_write(const struct results_request *r, struct buf *out)
{
        AUTO(json) struct json *j = request_head_new("results", r->audience, buf_span(&r->nonce));
        struct json *believer = json_new_object(), *keys = json_new_array();
        json_set_text(believer, "audience", r->for_audience);
        json_set_base64url(believer, "nonce", buf_span(&r->for_nonce));
        json_set(j, "for", believer);
        json_set_base64url(j, "holder", buf_span(&r->holder));
        for (size_t i = 0; i < r->key_count; i++) {
                struct json *k = json_new_object();
                json_set_base64url(k, "spki", buf_span(&r->keys[i].spki));
                json_set_base64url(k, "pop", buf_span(&r->keys[i].pop));
                json_push(keys, k);
        }
        json_set(j, "keys", keys);
        return json_write(j, out);
}

static struct fault *read_believer(const struct json *j, struct results_request *r)
{
        const struct json *o = NULL;
        TRY(json_need_object(j, "for", &o));
        TRY_AS(json_only_keys(o, (const char *const[]){"audience", "nonce", NULL}), "for");
        TRY_AS(field_text(o, "audience", BINDING_AUDIENCE_MAX, &r->for_audience), "for");
        TRY_AS(field_bytes(o, "nonce", EAR_NONCE_MAX, &r->for_nonce), "for");
        if (r->for_nonce.len < EAR_NONCE_MIN)
                return fault(FAULT_INVALID, "BAD_FIELD", "for: a nonce of less than %d bytes", EAR_NONCE_MIN);
        return NULL;
}

static struct fault *read_key(const struct json *o, struct results_request *r)
{
        size_t at = r->key_count++;
        TRY(json_only_keys(o, (const char *const[]){"spki", "pop", NULL}));
        TRY(field_bytes(o, "spki", SPKI_MAX, &r->keys[at].spki));
        TRY(field_bytes(o, "pop", SIGNATURE_MAX, &r->keys[at].pop));
        for (size_t earlier = 0; earlier < at; earlier++)
                if (span_eq(buf_span(&r->keys[earlier].spki), buf_span(&r->keys[at].spki)))
                        return fault(FAULT_INVALID, "DUPLICATE_KEY", "the key is there already");
        return NULL;
}

static struct fault *read_request(struct span bytes, struct results_request *r)
{
        static const char *const names[] = {"v", "purpose", "audience", "nonce", "for", "holder", "keys", NULL};
        AUTO(json) struct json *j = NULL;
        const struct json *keys = NULL;
        TRY(json_parse(bytes, &j));
        TRY(request_head_read(j, "results", names, &r->audience, &r->nonce));
        TRY(read_believer(j, r));
        TRY(field_bytes(j, "holder", SPKI_MAX, &r->holder));
        TRY(json_need_array(j, "keys", EAR_KEYS_MAX, &keys));
        if (json_count(keys) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"keys\" is empty");
        for (size_t i = 0; i < json_count(keys); i++)
                TRY_AS(read_key(json_at(keys, i), r), "keys[%zu]", i);
        return NULL;
}

struct fault *results_request_read(struct span bytes, struct results_request *ret)
{
        AUTO(results_request) struct results_request r = {0};
        TRY(read_request(bytes, &r));
        *ret = r;
        r = (struct results_request){0};
        return NULL;
}

void results_request_clear(struct results_request *r)
{
        free(r->audience);
        buf_clear(&r->nonce);
        free(r->for_audience);
        buf_clear(&r->for_nonce);
        buf_clear(&r->holder);
        for (size_t i = 0; i < r->key_count; i++) {
                buf_clear(&r->keys[i].spki);
                buf_clear(&r->keys[i].pop);
        }
        *r = (struct results_request){0};
}

/* ---- reply ---- */

struct fault *results_reply_write(const struct results_reply *r, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_int(j, "time", r->time_unix_s);
        json_set_base64url(j, "nonce", buf_span(&r->nonce));
        json_set_text(j, "result", r->result);
        return json_write(j, out);
}

static struct fault *read_reply(struct span body, struct results_reply *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(field_version(j));
        TRY(json_only_keys(j, (const char *const[]){"v", "time", "nonce", "result", NULL}));
        TRY(field_time(j, "time", &r->time_unix_s));
        TRY(field_bytes(j, "nonce", NONCE_MAX, &r->nonce));
        return field_text(j, "result", EAR_MAX, &r->result);
}

struct fault *results_reply_read(struct span body, struct results_reply *ret)
{
        AUTO(results_reply) struct results_reply r = {0};
        TRY(read_reply(body, &r));
        *ret = r;
        r = (struct results_reply){0};
        return NULL;
}

void results_reply_clear(struct results_reply *r)
{
        buf_clear(&r->nonce);
        free(r->result);
        *r = (struct results_reply){0};
}
