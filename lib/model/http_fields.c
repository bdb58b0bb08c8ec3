#include "lib/model/http_fields.h"

#include "lib/base/parse.h"

/* RFC 8941 §3.3.1 */
#define INTEGER_MAX 999999999999999LL

struct cursor {
        struct span text;
        size_t at;
};

static struct fault *refuse(const char *why)
{
        return fault(FAULT_UNAUTHENTICATED, "http_signature.structure", "HTTP signature: %s", why);
}

static int peek(const struct cursor *c)
{
        return c->at < c->text.len ? c->text.data[c->at] : -1;
}

static bool take(struct cursor *c, char wanted)
{
        if (peek(c) != wanted)
                return false;
        c->at++;
        return true;
}

static struct span since(const struct cursor *c, size_t from)
{
        return span_slice(c->text, from, c->at - from);
}

static bool is_lower(int c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(int c)
{
        return c >= '0' && c <= '9';
}

static struct fault *read_key(struct cursor *c, struct span *ret)
{
        size_t from = c->at;

        if (!is_lower(peek(c)) && peek(c) != '*')
                return refuse("a name that doesn't begin with a lower-case letter");
        while (is_lower(peek(c)) || is_digit(peek(c)) || (peek(c) > 0 && strchr("_-.*", peek(c)) != NULL))
                c->at++;
        *ret = since(c, from);
        return ret->len <= FIELD_LABEL_MAX ? NULL : refuse("a name that is too long");
}

/* Escapes are refused: a value of ours has neither quotes nor backslashes. */
static struct fault *read_string(struct cursor *c, struct span *ret)
{
        if (!take(c, '"'))
                return refuse("no string where one must be");
        size_t from = c->at;
        while (peek(c) >= 0x20 && peek(c) < 0x7f && peek(c) != '"' && peek(c) != '\\')
                c->at++;
        *ret = since(c, from);
        if (!take(c, '"'))
                return refuse("a string that doesn't end, or with an escape or a character in it that is not taken");
        return ret->len <= FIELD_STRING_MAX ? NULL : refuse("a string that is too long");
}

static struct fault *read_number(struct cursor *c, int64_t *ret)
{
        size_t from = c->at;

        (void) take(c, '-');
        while (is_digit(peek(c)))
                c->at++;
        return fault_rename(parse_i64(since(c, from), -INTEGER_MAX, INTEGER_MAX, ret), FAULT_UNAUTHENTICATED,
                            "http_signature.structure");
}

static struct fault *read_bytes(struct cursor *c, struct span *ret)
{
        if (!take(c, ':'))
                return refuse("no byte sequence where one must be");
        size_t from = c->at;
        while (peek(c) >= 0 && peek(c) != ':')
                c->at++;
        *ret = since(c, from);
        return take(c, ':') ? NULL : refuse("a byte sequence that doesn't end");
}

/* A token is passed over: no parameter that is known here is one. */
static struct fault *skip_token(struct cursor *c)
{
        size_t from = c->at;

        while (is_lower(peek(c)) || is_digit(peek(c)) || (peek(c) >= 'A' && peek(c) <= 'Z') ||
               (peek(c) > 0 && strchr("!#$%&'*+-.^_`|~:/", peek(c)) != NULL))
                c->at++;
        return c->at > from ? NULL : refuse("a parameter without a value");
}

static struct fault *read_value(struct cursor *c, struct field_parameter *p)
{
        struct span ignored;

        if (peek(c) == '"') {
                p->kind = PARAMETER_STRING;
                return read_string(c, &p->string);
        }
        if (is_digit(peek(c)) || peek(c) == '-') {
                p->kind = PARAMETER_NUMBER;
                return read_number(c, &p->number);
        }
        if (take(c, '?')) {
                p->kind = PARAMETER_FLAG;
                p->number = peek(c) == '1';
                return take(c, '0') || take(c, '1') ? NULL : refuse("a flag that is neither ?0 nor ?1");
        }
        p->kind = PARAMETER_OTHER;
        return peek(c) == ':' ? read_bytes(c, &ignored) : skip_token(c);
}

static struct fault *read_parameters(struct cursor *c, struct signature_input *s)
{
        while (take(c, ';')) {
                struct field_parameter p = {.kind = PARAMETER_FLAG, .number = 1}; /* `;name` alone is true */
                TRY(read_key(c, &p.name));
                if (take(c, '='))
                        TRY(read_value(c, &p));
                for (size_t i = 0; i < s->parameter_count; i++)
                        if (span_eq(s->parameters[i].name, p.name))
                                return refuse("a parameter twice");
                if (s->parameter_count == PARAMETERS_MAX)
                        return refuse("too many parameters");
                s->parameters[s->parameter_count++] = p;
        }
        return NULL;
}

static struct fault *read_components(struct cursor *c, struct signature_input *s)
{
        if (!take(c, '('))
                return refuse("no list of components");
        while (!take(c, ')')) {
                if (s->component_count > 0 && !take(c, ' '))
                        return refuse("components without just one blank between, or with parameters");
                if (s->component_count == COMPONENTS_MAX)
                        return refuse("too many components");
                TRY(read_string(c, &s->components[s->component_count++]));
        }
        return NULL;
}

static bool at_next_member(struct cursor *c)
{
        if (!take(c, ','))
                return false;
        (void) take(c, ' '); /* canonical is one; none is what some senders make of it */
        return true;
}

struct fault *signature_inputs_read(struct span text, struct signature_inputs *ret)
{
        struct cursor c = {text, 0};

        *ret = (struct signature_inputs){0};
        do {
                if (ret->count == SIGNATURES_MAX)
                        return refuse("too many signatures");
                struct signature_input *s = &ret->items[ret->count++];
                TRY(read_key(&c, &s->label));
                for (size_t i = 0; i + 1 < ret->count; i++)
                        if (span_eq(ret->items[i].label, s->label))
                                return refuse("a label twice");
                if (!take(&c, '='))
                        return refuse("a label without a list");
                size_t from = c.at;
                TRY(read_components(&c, s));
                TRY(read_parameters(&c, s));
                s->params = since(&c, from);
        } while (at_next_member(&c));
        return c.at == text.len ? NULL : refuse("something after the last signature");
}

const struct field_parameter *signature_input_parameter(const struct signature_input *s, const char *name)
{
        for (size_t i = 0; i < s->parameter_count; i++)
                if (span_eq_str(s->parameters[i].name, name))
                        return &s->parameters[i];
        return NULL;
}

struct fault *field_bytes_of(struct span text, struct span key, struct buf *out)
{
        struct cursor c = {text, 0};
        struct span name, base64, found = SPAN_NONE;

        do {
                TRY(read_key(&c, &name));
                if (!take(&c, '='))
                        return refuse("a label without bytes");
                TRY(read_bytes(&c, &base64));
                if (span_eq(name, key)) {
                        if (found.data != NULL)
                                return refuse("a label twice");
                        found = base64;
                }
        } while (at_next_member(&c));
        if (c.at != text.len)
                return refuse("something after the last byte sequence");
        if (found.data == NULL)
                return fault(FAULT_NOT_FOUND, "NO_MEMBER", "HTTP signature: no bytes of that label");
        return fault_rename(base64_decode(found, out), FAULT_UNAUTHENTICATED, "http_signature.structure");
}
