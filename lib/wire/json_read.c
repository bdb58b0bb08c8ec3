/* Reading: one scan for what jansson does not refuse (depth, count, real numbers), then jansson, then members with
 * bounds. */
#include "lib/wire/json.h"

#include "lib/base/parse.h"
#include "lib/base/secret.h"
#include "lib/wire/json_jansson.h"

static struct fault *bad(size_t at, const char *what)
{
        return fault(FAULT_INVALID, "BAD_JSON", "JSON: %s at byte %zu", what, at);
}

/* Outside of strings a real number is told by '.', 'E', or an 'e' after a digit: true and false have theirs after
 * letters. */
static bool is_real_mark(struct span text, size_t at)
{
        uint8_t c = text.data[at];
        if (c == '.' || c == 'E')
                return true;
        return c == 'e' && at > 0 && text.data[at - 1] >= '0' && text.data[at - 1] <= '9';
}

/* jansson recurses, up to 2048 levels, and gives every bracket about a hundred bytes: count before it starts. A text
 * that isn't JSON may pass here; it does not pass jansson. */
static struct fault *scan(struct span text)
{
        size_t depth = 0, values = 1;
        bool in_string = false;
        for (size_t at = 0; at < text.len; at++) {
                uint8_t c = text.data[at];
                if (in_string) {
                        if (c == '\\')
                                at++;
                        else if (c == '"')
                                in_string = false;
                        continue;
                }
                if (c == '"')
                        in_string = true;
                if (c == '[' || c == '{')
                        depth++;
                if ((c == ']' || c == '}') && depth > 0)
                        depth--;
                if (c == '[' || c == '{' || c == ',')
                        values++;
                if (depth > JSON_DEPTH_MAX)
                        return bad(at, "too many levels");
                if (values > JSON_VALUES_MAX)
                        return bad(at, "too many values");
                if (is_real_mark(text, at))
                        return bad(at, "a real number");
        }
        return NULL;
}

/* In our words: jansson's text quotes the input, which may be a token. */
static const char *reason(enum json_error_code code)
{
        switch (code) {
        case json_error_invalid_utf8:
                return "invalid UTF-8";
        case json_error_premature_end_of_input:
                return "end of text inside a value";
        case json_error_end_of_input_expected:
                return "something after the value";
        case json_error_null_character:
        case json_error_null_byte_in_key:
                return "NUL in a string";
        case json_error_duplicate_key:
                return "duplicate key";
        case json_error_numeric_overflow:
                return "number out of range";
        default:
                return "syntax error";
        }
}

struct fault *json_parse(struct span text, struct json **ret)
{
        TRY(scan(text));

        json_error_t error;
        json_t *value = json_loadb(text.len == 0 ? "" : (const char *) text.data, text.len,
                                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        size_t at = value == NULL && error.position > 0 ? (size_t) error.position : 0;
        enum json_error_code code = value == NULL ? json_error_code(&error) : json_error_unknown;
        wipe(&error, sizeof error);
        if (value == NULL)
                return bad(at, reason(code));
        *ret = ours(value);
        return NULL;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */
static const char *const kind_names[] = {
        [JSON_NULL_KIND] = "null", [JSON_BOOL] = "true or false", [JSON_INT] = "an integer",
        [JSON_TEXT] = "a text",    [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
};

static struct fault *missing(const char *key)
{
        return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is missing", key);
}

/* *ret_value is NULL when the member is missing. */
static struct fault *member(const struct json *o, const char *key, enum json_kind kind, const struct json **ret_value)
{
        const struct json *value = json_get(o, key);
        if (value != NULL && json_kind(value) != kind)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is %s instead of %s", key,
                             kind_names[json_kind(value)], kind_names[kind]);
        *ret_value = value;
        return NULL;
}

static struct fault *read_text(const struct json *o, const char *key, size_t max_len, bool required, struct span *ret)
{
        const struct json *value = NULL;
        TRY(member(o, key, JSON_TEXT, &value));
        if (value == NULL)
                return required ? missing(key) : NULL;

        struct span text = json_text(value);
        if (text.len > max_len)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" has %zu bytes where at most %zu are allowed",
                             key, text.len, max_len);
        *ret = text;
        return NULL;
}

static struct fault *read_int(const struct json *o, const char *key, int64_t min, int64_t max, bool required,
                              int64_t *ret)
{
        const struct json *value = NULL;
        TRY(member(o, key, JSON_INT, &value));
        if (value == NULL)
                return required ? missing(key) : NULL;

        int64_t number = json_int(value);
        if (number < min || number > max)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is %lld, outside of %lld to %lld", key,
                             (long long) number, (long long) min, (long long) max);
        *ret = number;
        return NULL;
}

static struct fault *read_bool(const struct json *o, const char *key, bool required, bool *ret)
{
        const struct json *value = NULL;
        TRY(member(o, key, JSON_BOOL, &value));
        if (value == NULL)
                return required ? missing(key) : NULL;
        *ret = json_bool(value);
        return NULL;
}

static struct fault *read_array(const struct json *o, const char *key, size_t max, bool required,
                                const struct json **ret)
{
        const struct json *value = NULL;
        TRY(member(o, key, JSON_ARRAY, &value));
        if (value == NULL)
                return required ? missing(key) : NULL;
        if (json_count(value) > max)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" has %zu items where at most %zu are allowed",
                             key, json_count(value), max);
        *ret = value;
        return NULL;
}

static struct fault *read_object(const struct json *o, const char *key, bool required, const struct json **ret)
{
        const struct json *value = NULL;
        TRY(member(o, key, JSON_OBJECT, &value));
        if (value == NULL)
                return required ? missing(key) : NULL;
        *ret = value;
        return NULL;
}

struct fault *json_need_text(const struct json *o, const char *key, size_t max_len, struct span *ret)
{
        return read_text(o, key, max_len, /* required= */ true, ret);
}

struct fault *json_need_int(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        return read_int(o, key, min, max, /* required= */ true, ret);
}

struct fault *json_need_bool(const struct json *o, const char *key, bool *ret)
{
        return read_bool(o, key, /* required= */ true, ret);
}

struct fault *json_need_array(const struct json *o, const char *key, size_t max, const struct json **ret)
{
        return read_array(o, key, max, /* required= */ true, ret);
}

struct fault *json_need_object(const struct json *o, const char *key, const struct json **ret)
{
        return read_object(o, key, /* required= */ true, ret);
}

struct fault *json_need_base64url(const struct json *o, const char *key, struct buf *out)
{
        struct span text = SPAN_NONE;
        TRY(json_need_text(o, key, SIZE_MAX, &text));

        size_t before = out->len;
        AUTO(fault) struct fault *f = base64url_decode(text, out);
        if (f == NULL)
                return NULL;
        buf_truncate(out, before);
        return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\": %s", key, fault_text(f));
}

struct fault *json_want_text(const struct json *o, const char *key, size_t max_len, struct span *ret)
{
        return read_text(o, key, max_len, /* required= */ false, ret);
}

struct fault *json_want_int(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        return read_int(o, key, min, max, /* required= */ false, ret);
}

struct fault *json_want_bool(const struct json *o, const char *key, bool *ret)
{
        return read_bool(o, key, /* required= */ false, ret);
}

struct fault *json_want_array(const struct json *o, const char *key, size_t max, const struct json **ret)
{
        return read_array(o, key, max, /* required= */ false, ret);
}

struct fault *json_want_object(const struct json *o, const char *key, const struct json **ret)
{
        return read_object(o, key, /* required= */ false, ret);
}

static bool is_listed(const char *key, const char *const *allowed)
{
        for (; *allowed != NULL; allowed++)
                if (strcmp(key, *allowed) == 0)
                        return true;
        return false;
}

struct fault *json_only_keys(const struct json *o, const char *const *allowed)
{
        const char *key = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(o, &at, &key, &value);)
                if (!is_listed(key, allowed))
                        return fault(FAULT_INVALID, "UNKNOWN_FIELD", "unknown member \"%.64s\"", key);
        return NULL;
}
