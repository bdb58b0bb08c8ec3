/* Our JSON beside jansson's. What we take jansson takes, as the same tree, also when we wrote it; what jansson takes and we refuse has a
 * number that is no integer, or a NUL (which jansson overlooks between values), or is deeper or larger than we take. */
#include "lib/wire/json.h"

/* Names that both headers have. */
#define json_copy   jansson_copy
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef json_copy
#undef JSON_ARRAY
#undef JSON_OBJECT

#include "tests/fakes/fuzz.h"

static struct span text_of(const json_t *theirs)
{
        return span_make(json_string_value(theirs), json_string_length(theirs));
}

static void same(const struct json *ours, const json_t *theirs);

static void same_object(const struct json *ours, const json_t *theirs)
{
        const char *key;
        const struct json *value;
        must(json_count(ours) == json_object_size(theirs));
        for (void *at = NULL; json_next(ours, &at, &key, &value);) {
                const json_t *other = json_object_get(theirs, key);
                must(other != NULL && json_get(ours, key) == value);
                same(value, other);
        }
}

static void same(const struct json *ours, const json_t *theirs)
{
        switch (json_kind(ours)) {
        case JSON_NULL_KIND:
                must(json_typeof(theirs) == JSON_NULL);
                return;
        case JSON_BOOL:
                must(json_typeof(theirs) == (json_bool(ours) ? JSON_TRUE : JSON_FALSE));
                return;
        case JSON_INT:
                must(json_typeof(theirs) == JSON_INTEGER && json_int(ours) == json_integer_value(theirs));
                return;
        case JSON_TEXT:
                must(json_typeof(theirs) == JSON_STRING && span_eq(json_text(ours), text_of(theirs)));
                return;
        case JSON_ARRAY:
                must(json_typeof(theirs) == JANSSON_ARRAY && json_count(ours) == json_array_size(theirs));
                for (size_t i = 0; i < json_count(ours); i++)
                        same(json_at(ours, i), json_array_get(theirs, i));
                return;
        case JSON_OBJECT:
                must(json_typeof(theirs) == JANSSON_OBJECT);
                same_object(ours, theirs);
                return;
        default:
                abort();
        }
}

/* Levels, and whether there is a real number anywhere. */
static size_t depth(const json_t *theirs, bool *has_real, size_t *values)
{
        size_t deepest = 0, i;
        const char *key;
        json_t *value;
        (*values)++;
        if (json_typeof(theirs) == JSON_REAL)
                *has_real = true;
        if (json_typeof(theirs) == JANSSON_ARRAY) {
                for (i = 0; i < json_array_size(theirs); i++) {
                        size_t d = depth(json_array_get(theirs, i), has_real, values);
                        deepest = d > deepest ? d : deepest;
                }
                return deepest + 1;
        }
        if (json_typeof(theirs) == JANSSON_OBJECT) {
                for (void *at = json_object_iter((json_t *) theirs); at != NULL;
                     at = json_object_iter_next((json_t *) theirs, at)) {
                        key = json_object_iter_key(at);
                        value = json_object_get(theirs, key);
                        size_t d = depth(value, has_real, values);
                        deepest = d > deepest ? d : deepest;
                }
                return deepest + 1;
        }
        return 0;
}

static json_t *read_theirs(struct span text)
{
        json_error_t error;
        static const char nothing;
        return json_loadb(text.len > 0 ? (const char *) text.data : &nothing, text.len,
                          JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(json) struct json *ours = NULL;
        AUTO(fault) struct fault *refused = json_parse(span_make(data, size), &ours);
        json_t *theirs = read_theirs(span_make(data, size));
        if (ours == NULL) {
                bool has_real = false;
                size_t values = 0;
                must(theirs == NULL || depth(theirs, &has_real, &values) > JSON_DEPTH_MAX || has_real ||
                     values > JSON_VALUES_MAX || span_has_nul(span_make(data, size)));
                json_decref(theirs);
                return 0;
        }
        must(theirs != NULL);
        same(ours, theirs);
        json_decref(theirs);

        AUTO(buf) struct buf written = BUF(1u << 24), pretty = BUF(1u << 24);
        AUTO(fault) struct fault *writing = json_write(ours, &written);
        AUTO(fault) struct fault *pretty_writing = json_write_pretty(ours, &pretty);
        must(writing == NULL && pretty_writing == NULL);
        json_t *of_written = read_theirs(buf_span(&written)), *of_pretty = read_theirs(buf_span(&pretty));
        must(of_written != NULL && of_pretty != NULL);
        same(ours, of_written);
        same(ours, of_pretty);
        json_decref(of_written);
        json_decref(of_pretty);
        return 0;
}
