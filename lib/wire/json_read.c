/* Reading: members of an object with their type and bounds. */
#include "lib/wire/json.h"

#include "lib/base/parse.h"

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
