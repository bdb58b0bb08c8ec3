#include "lib/model/http_signature.h"

#include "lib/base/parse.h"
#include "lib/model/http_signature_base.h"

#define PARAMS_MAX 8192

/* What goes between quotes in a field. */
static struct fault *check_text(const char *text, const char *what)
{
        for (const char *at = text; *at != '\0'; at++)
                if (*at < 0x21 || *at > 0x7e || *at == '"' || *at == '\\')
                        return fault(FAULT_INVALID, "BAD_FIELD", "%s has a character that can't stand in a header",
                                     what);
        return text[0] != '\0' ? NULL : fault(FAULT_INVALID, "BAD_FIELD", "%s is empty", what);
}

/* Adds a component to the list and to the base. */
static struct fault *cover(const struct http_message *m, const char *component, struct buf *params, struct buf *base)
{
        TRY(buf_printf(params, "%s\"%s\"", params->len > 1 ? " " : "", component));
        return http_base_add(m, span_str(component), base);
}

static struct fault *cover_all(const struct http_signature_order *o, struct buf *params, struct buf *base)
{
        TRY(buf_append_byte(params, '('));
        TRY(cover(o->message, "@method", params, base));
        if (o->by_path) {
                TRY(cover(o->message, "@path", params, base));
                TRY(cover(o->message, "@query", params, base));
        } else {
                TRY(cover(o->message, "@request-target", params, base));
        }
        for (const char *const *name = http_covered_fields; *name != NULL; name++) {
                struct span value = SPAN_NONE;
                TRY(http_field_find(o->message, *name, &value));
                if (value.data != NULL)
                        TRY(cover(o->message, *name, params, base));
                else if (strcmp(*name, WIT_COMPONENT) == 0)
                        return http_refuse("http_signature.field", "a message without a token");
        }
        return buf_append_byte(params, ')');
}

struct fault *http_signature_build(const struct http_signature_order *o, const struct jwt_signer *signer,
                                   struct buf *ret_input, struct buf *ret_signature)
{
        AUTO(buf) struct buf params = BUF(PARAMS_MAX), base = BUF(HTTP_SIGNATURE_BASE_MAX), raw = BUF(SIGNATURE_MAX);

        TRY(check_text(o->audience, "the audience"));
        TRY(check_text(o->nonce, "the nonce"));
        TRY(http_check_digest(o->message));

        TRY(cover_all(o, &params, &base));
        TRY(buf_printf(&params,
                       ";created=%lld;expires=%lld;nonce=\"%s\";tag=\"" HTTP_SIGNATURE_TAG "\";wimse-aud=\"%s\"",
                       (long long) o->created_unix_s, (long long) o->expires_unix_s, o->nonce, o->audience));
        TRY(http_base_end(buf_span(&params), &base));
        TRY(signer->sign(signer->self, buf_span(&base), &raw));

        TRY(buf_append_str(ret_input, HTTP_SIGNATURE_LABEL "="));
        TRY(buf_append(ret_input, buf_span(&params)));
        TRY(buf_append_str(ret_signature, HTTP_SIGNATURE_LABEL "=:"));
        TRY(base64_encode(buf_span(&raw), ret_signature));
        return buf_append_byte(ret_signature, ':');
}

void http_signature_clear(struct http_signature *s)
{
        free(s->nonce);
        free(s->audience);
        *s = (struct http_signature){0};
}
