#include "lib/wire/json.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/parse.h"
#include "lib/base/secret.h"
#include "lib/base/utf8.h"
#include "lib/wire/json_jansson.h"

/* ---- memory: blocks know their size, so that they can be wiped when jansson frees them --------------------------- */
union block {
        size_t len;
        max_align_t align;
};

static void *block_new(size_t len)
{
        union block *b = malloc(sizeof *b + len); /* jansson fills what it asks for */
        if (b == NULL)
                abort(); /* jansson never sees NULL, and neither do we */
        b->len = len;
        return b + 1;
}

static void block_free(void *memory)
{
        if (memory == NULL)
                return;
        union block *b = (union block *) memory - 1;
        wipe(memory, b->len);
        free(b);
}

/* Before main, so before any thread and any value: jansson has one allocator for the whole process. */
__attribute__((constructor)) static void use_wiping_blocks(void)
{
        json_set_alloc_funcs(block_new, block_free);
        json_object_seed(0); /* from the kernel; makes hashes of keys unknown to peers, and is not thread-safe later */
}

void json_free(struct json *j)
{
        json_decref(theirs(j)); /* NULL is fine */
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */
enum json_kind json_kind(const struct json *j)
{
        switch (json_typeof(theirs(j))) {
        case JANSSON_OBJECT:
                return JSON_OBJECT;
        case JANSSON_ARRAY:
                return JSON_ARRAY;
        case JSON_STRING:
                return JSON_TEXT;
        case JSON_INTEGER:
                return JSON_INT;
        case JSON_TRUE:
        case JSON_FALSE:
                return JSON_BOOL;
        case JSON_NULL:
        case JSON_REAL: /* reading refuses it and writing can't make it */
                break;
        }
        return JSON_NULL_KIND;
}

const struct json *json_get(const struct json *object, const char *key)
{
        return ours(json_object_get(theirs(object), key));
}

size_t json_count(const struct json *j)
{
        /* both give 0 for NULL and for another type */
        return json_array_size(theirs(j)) + json_object_size(theirs(j));
}

const struct json *json_at(const struct json *array, size_t index)
{
        return ours(json_array_get(theirs(array), index));
}

bool json_next(const struct json *object, void **at, const char **ret_key, const struct json **ret_value)
{
        json_t *o = theirs(object);
        *at = *at == NULL ? json_object_iter(o) : json_object_iter_next(o, *at);
        if (*at == NULL)
                return false;
        *ret_key = json_object_iter_key(*at);
        *ret_value = ours(json_object_iter_value(*at));
        return true;
}

struct span json_text(const struct json *j)
{
        assert(json_kind(j) == JSON_TEXT);
        return span_make(json_string_value(theirs(j)), json_string_length(theirs(j)));
}

int64_t json_int(const struct json *j)
{
        assert(json_kind(j) == JSON_INT);
        return json_integer_value(theirs(j));
}

bool json_bool(const struct json *j)
{
        assert(json_kind(j) == JSON_BOOL);
        return json_is_true(theirs(j));
}

/* ---- building ---------------------------------------------------------------------------------------------------- */
struct json *json_new_object(void)
{
        return ours(json_object());
}

struct json *json_new_array(void)
{
        return ours(json_array());
}

struct json *json_new_text(struct span text)
{
        assert(span_is_utf8(text) && !span_has_nul(text));
        return ours(json_stringn_nocheck(text.len == 0 ? "" : (const char *) text.data, text.len));
}

struct json *json_new_int(int64_t v)
{
        return ours(json_integer(v));
}

struct json *json_new_bool(bool v)
{
        return ours(json_boolean(v));
}

struct json *json_copy(const struct json *j)
{
        return ours(json_deep_copy(theirs(j)));
}

void json_set(struct json *object, const char *key, struct json *value)
{
        assert(value != NULL && span_is_utf8(span_str(key)));
        int failed = json_object_set_new_nocheck(theirs(object), key, theirs(value));
        assert(failed == 0); /* `object` is none, or `value` is `object` itself */
        (void) failed;
}

void json_push(struct json *array, struct json *value)
{
        assert(value != NULL);
        int failed = json_array_append_new(theirs(array), theirs(value));
        assert(failed == 0);
        (void) failed;
}

void json_set_text(struct json *object, const char *key, const char *value)
{
        json_set_span(object, key, span_str(value));
}

static struct json *new_cleaned(struct span text)
{
        size_t size = text.len * (sizeof UTF8_REPLACEMENT - 1);
        uint8_t *clean = alloc_zero(1, size);
        size_t len = 0;
        for (size_t at = 0; at < text.len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(text.data + at, text.len - at, &point);
                bool bad = taken == 0 || point == 0;
                memcpy(clean + len, bad ? (const uint8_t *) UTF8_REPLACEMENT : text.data + at, bad ? 3 : taken);
                len += bad ? 3 : taken;
                at += bad ? 1 : taken;
        }
        struct json *j = json_new_text(span_make(clean, len));
        wipe(clean, size);
        free(clean);
        return j;
}

void json_set_span(struct json *object, const char *key, struct span text)
{
        bool clean = span_is_utf8(text) && !span_has_nul(text);
        json_set(object, key, clean ? json_new_text(text) : new_cleaned(text));
}

void json_set_int(struct json *object, const char *key, int64_t v)
{
        json_set(object, key, json_new_int(v));
}

void json_set_bool(struct json *object, const char *key, bool v)
{
        json_set(object, key, json_new_bool(v));
}

static struct json *new_encoded(struct span bytes, struct fault *(*encode)(struct span, struct buf *) )
{
        AUTO(buf) struct buf text = BUF(bytes.len * 2 + 4);
        struct fault *f = encode(bytes, &text);
        assert(f == NULL); /* there is room for either encoding */
        fault_free(f);
        struct json *j = json_new_text(buf_span(&text));
        buf_wipe(&text);
        return j;
}

struct json *json_new_base64url(struct span bytes)
{
        return new_encoded(bytes, base64url_encode);
}

void json_set_base64url(struct json *object, const char *key, struct span bytes)
{
        json_set(object, key, json_new_base64url(bytes));
}

void json_set_hex(struct json *object, const char *key, struct span bytes)
{
        json_set(object, key, new_encoded(bytes, hex_encode));
}
