#include "lib/model/http_signature_base.h"

#include <strings.h>

#include "lib/base/parse.h"
#include "lib/model/http_fields.h"

const char *const http_covered_fields[] = {"content-type", "content-digest", "authorization",
                                           "txn-token",    WIT_COMPONENT,    NULL};

struct fault *http_refuse(const char *token, const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, token, "HTTP signature: %s", why);
}

static struct span strip(struct span s)
{
        while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
                s = span_slice(s, 1, s.len - 1);
        while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
                s.len--;
        return s;
}

/* Visible ASCII, blanks and tabs: a line break would let one line of the base stand for two. */
static bool is_plain(struct span s)
{
        for (size_t i = 0; i < s.len; i++)
                if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] > 0x7e)
                        return false;
        return true;
}

struct fault *http_field_find(const struct http_message *m, const char *name, struct span *ret)
{
        struct span found = SPAN_NONE;

        for (size_t i = 0; i < m->field_count; i++) {
                if (strcasecmp(m->fields[i].name, name) != 0)
                        continue;
                if (found.data != NULL)
                        return fault(FAULT_UNAUTHENTICATED, "http_signature.field", "HTTP signature: two fields %s",
                                     name);
                found = strip(m->fields[i].value);
                if (found.data == NULL)
                        found = SPAN(""); /* there, and empty */
                if (!is_plain(found))
                        return fault(FAULT_UNAUTHENTICATED, "http_signature.field",
                                     "HTTP signature: field %s has a character that is not taken", name);
        }
        *ret = found;
        return NULL;
}

/* RFC 9421 §2.2. */
static struct fault *derived(const struct http_message *m, struct span component, struct span *ret)
{
        size_t path = 0;

        while (path < m->target.len && m->target.data[path] != '?')
                path++;
        if (span_eq_str(component, "@method"))
                *ret = m->method;
        else if (span_eq_str(component, "@request-target"))
                *ret = m->target;
        else if (span_eq_str(component, "@path"))
                *ret = path > 0 ? span_slice(m->target, 0, path) : SPAN("/");
        else if (span_eq_str(component, "@query"))
                *ret = path < m->target.len ? span_slice(m->target, path, m->target.len - path) : SPAN("?");
        else
                return http_refuse("http_signature.component", "a component that is not known here");
        if (!is_plain(*ret) || ret->len == 0)
                return http_refuse("http_signature.field", "method or target is no plain text");
        return NULL;
}

static struct fault *field_value(const struct http_message *m, struct span component, struct span *ret)
{
        if (span_has_nul(component))
                return http_refuse("http_signature.component", "a component that is no name");
        for (size_t i = 0; i < component.len; i++)
                if (component.data[i] >= 'A' && component.data[i] <= 'Z')
                        return http_refuse("http_signature.component", "a component in upper case");
        AUTO_STRING char *name = span_to_string(component);
        TRY(http_field_find(m, name, ret));
        return ret->data != NULL ? NULL : http_refuse("http_signature.field", "a covered field is not there");
}

struct fault *http_base_add(const struct http_message *m, struct span component, struct buf *base)
{
        struct span value = SPAN_NONE;

        if (component.len == 0)
                return http_refuse("http_signature.component", "a component without a name");
        if (component.data[0] == '@')
                TRY(derived(m, component, &value));
        else
                TRY(field_value(m, component, &value));
        TRY(buf_append_byte(base, '"'));
        TRY(buf_append(base, component));
        TRY(buf_append_str(base, "\": "));
        TRY(buf_append(base, value));
        return buf_append_byte(base, '\n');
}

struct fault *http_base_end(struct span params, struct buf *base)
{
        TRY(buf_append_str(base, "\"@signature-params\": "));
        return buf_append(base, params);
}

struct fault *http_content_digest(struct span body, struct buf *out)
{
        uint8_t digest[SHA256_LEN];

        sha256(body, digest);
        TRY(buf_append_str(out, "sha-256=:"));
        TRY(base64_encode(SPAN_OF(digest), out));
        return buf_append_byte(out, ':');
}

/* Of the digests that a field may list, SHA-256 must be there. */
struct fault *http_check_digest(const struct http_message *m)
{
        struct span field = SPAN_NONE;
        AUTO(buf) struct buf found = BUF(SHA512_LEN);
        uint8_t digest[SHA256_LEN];

        TRY(http_field_find(m, "content-digest", &field));
        if (field.data == NULL)
                return m->body.len == 0 ? NULL
                                        : http_refuse("http_signature.digest", "a body without a Content-Digest");
        TRY(fault_rename(field_bytes_of(field, SPAN("sha-256"), &found), FAULT_UNAUTHENTICATED,
                         "http_signature.digest"));
        sha256(m->body, digest);
        return span_eq(buf_span(&found), SPAN_OF(digest))
                       ? NULL
                       : http_refuse("http_signature.digest", "Content-Digest is not the body's");
}
