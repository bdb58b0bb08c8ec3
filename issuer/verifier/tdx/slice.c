#include "issuer/verifier/tdx/slice.h"

#include "lib/base/reader.h"

/* Everything below is safe on any bytes; that it means what it should rests on the text being JSON. */

static void skip_blanks(struct span *s)
{
        while (s->len > 0 && (s->data[0] == ' ' || s->data[0] == '\t' || s->data[0] == '\r' || s->data[0] == '\n'))
                *s = span_slice(*s, 1, s->len - 1);
}

static bool take(struct span *s, uint8_t c)
{
        skip_blanks(s);
        if (s->len == 0 || s->data[0] != c)
                return false;
        *s = span_slice(*s, 1, s->len - 1);
        return true;
}

/* Bytes of the string at the start of `s`, with its quotes; 0: none. */
static size_t string_len(struct span s)
{
        for (size_t i = 1; i < s.len && s.data[0] == '"'; i++) {
                if (s.data[i] == '"')
                        return i + 1;
                i += s.data[i] == '\\';
        }
        return 0;
}

/* Bytes of the value at the start of `s`, whatever it is: up to the comma or bracket that ends it. */
static size_t value_len(struct span s)
{
        size_t depth = 0;

        for (size_t i = 0; i < s.len; i++) {
                uint8_t c = s.data[i];
                if (c == '"') {
                        size_t len = string_len(span_slice(s, i, s.len - i));
                        if (len == 0)
                                return 0;
                        i += len - 1;
                        if (depth == 0)
                                return i + 1;
                } else if (c == '{' || c == '[') {
                        depth++;
                } else if (c == '}' || c == ']') {
                        if (depth == 0)
                                return i;
                        if (--depth == 0)
                                return i + 1;
                } else if (c == ',' && depth == 0) {
                        return i;
                }
        }
        return 0;
}

struct fault *json_member_slice(struct span text, const char *name, struct span *ret)
{
        bool is_first = true;

        if (!take(&text, '{'))
                return fault(FAULT_INVALID, "NO_MEMBER", "not an object");
        for (;; is_first = false) {
                if (!is_first && !take(&text, ','))
                        return fault(FAULT_INVALID, "NO_MEMBER", "no member %s", name);
                skip_blanks(&text);
                size_t key_len = string_len(text);
                if (key_len < 2)
                        return fault(FAULT_INVALID, "NO_MEMBER", "no member %s", name);
                struct span key = span_slice(text, 1, key_len - 2);
                text = span_slice(text, key_len, text.len - key_len);
                if (!take(&text, ':'))
                        return fault(FAULT_INVALID, "NO_MEMBER", "no member %s", name);
                skip_blanks(&text);
                size_t len = value_len(text);
                if (len == 0)
                        return fault(FAULT_INVALID, "NO_MEMBER", "no value of %s", name);
                if (span_eq_str(key, name)) {
                        *ret = span_slice(text, 0, len);
                        return NULL;
                }
                text = span_slice(text, len, text.len - len);
        }
}
