#include "sign/proof.h"

#include "sign/url.h"

static int64_t end_of(const struct arguments *a, const struct credential *c, struct wall now)
{
        int64_t end = wall_unix_s(now) + a->ttl_s;

        return end < c->wit.expires_unix_s ? end : c->wit.expires_unix_s;
}

static struct fault *add_field(struct buf *out, const char *name, struct span value)
{
        TRY(buf_printf(out, "%s: ", name));
        TRY(buf_append(out, value));
        return buf_append_byte(out, '\n');
}

static char *lower(const char *name)
{
        char *copy = alloc_string(name);

        for (char *at = copy; *at != '\0'; at++)
                if (*at >= 'A' && *at <= 'Z')
                        *at = (char) (*at - 'A' + 'a');
        return copy;
}

static struct fault *build_wpt(const struct arguments *a, const struct credential *c, const struct proof_inputs *in,
                               char **names, const char *audience, struct buf *out)
{
        struct wpt_other others[WPT_OTHERS_MAX];
        char id[WPT_ID_MIN + 1];
        struct jwt_signer signer = jwt_signer_of(c->key, NULL);

        for (size_t i = 0; i < a->field_count; i++)
                others[i] = (struct wpt_other){names[i], a->parsed[i].value};
        wpt_id(in->random, id);
        struct wpt_order o = {{buf_span(&c->token), in->access_token, in->txn_token, a->field_count, others},
                              audience,
                              id,
                              end_of(a, c, in->now)};
        return wpt_build(&o, &signer, out);
}

/* Whom it is for: what was said, else the URL without its query. */
static struct fault *audience_of(const struct arguments *a, struct url *url, char **ret)
{
        TRY(url_read(span_str(a->url), url));
        *ret = a->audience != NULL ? alloc_string(a->audience) : span_to_string(url->audience);
        return NULL;
}

struct fault *proof_wpt(const struct arguments *a, const struct credential *c, const struct proof_inputs *in,
                        struct buf *out)
{
        AUTO(buf) struct buf proof = BUF(WPT_MAX);
        AUTO_STRING char *audience = NULL;
        char *names[WPT_OTHERS_MAX];
        struct url url;

        if (a->field_count > WPT_OTHERS_MAX)
                return fault(FAULT_INVALID, "USAGE", "a proof covers at most %d other tokens", WPT_OTHERS_MAX);
        TRY(audience_of(a, &url, &audience));
        for (size_t i = 0; i < a->field_count; i++)
                names[i] = lower(a->parsed[i].name);
        struct fault *f = build_wpt(a, c, in, names, audience, &proof);
        for (size_t i = 0; i < a->field_count; i++)
                free(names[i]);
        TRY(f);

        if (a->token_only) {
                TRY(buf_append(out, buf_span(&proof)));
                return buf_append_byte(out, '\n');
        }
        TRY(add_field(out, WIT_HEADER, buf_span(&c->token)));
        if (!a->authorization)
                return add_field(out, WPT_HEADER, buf_span(&proof));
        TRY(buf_append_str(out, "Authorization: WPT "));
        TRY(buf_append(out, buf_span(&proof)));
        return buf_append_byte(out, '\n');
}

struct fault *proof_http(const struct arguments *a, const struct credential *c, const struct proof_inputs *in,
                         struct buf *out)
{
        AUTO(buf) struct buf digest = BUF(256), input = BUF(16384), signature = BUF(1024);
        AUTO_STRING char *audience = NULL;
        struct http_field fields[FIELDS_GIVEN_MAX + 2];
        struct http_message m = {.method = span_str(a->method), .fields = fields, .body = in->body};
        struct url url;
        char nonce[WPT_ID_MIN + 1];
        struct jwt_signer signer = jwt_signer_of(c->key, NULL);

        TRY(audience_of(a, &url, &audience));
        m.target = url.target;
        for (size_t i = 0; i < a->field_count; i++)
                fields[m.field_count++] = a->parsed[i];
        fields[m.field_count++] = (struct http_field){WIT_HEADER, buf_span(&c->token)};
        if (in->has_body) {
                TRY(http_content_digest(in->body, &digest));
                fields[m.field_count++] = (struct http_field){"Content-Digest", buf_span(&digest)};
        }
        wpt_id(in->random, nonce);
        struct http_signature_order o = {&m, audience, nonce, wall_unix_s(in->now), end_of(a, c, in->now), a->by_path};
        TRY(http_signature_build(&o, &signer, &input, &signature));

        for (size_t i = 0; i < m.field_count; i++)
                TRY(add_field(out, fields[i].name, fields[i].value));
        TRY(add_field(out, "Signature-Input", buf_span(&input)));
        return add_field(out, "Signature", buf_span(&signature));
}
