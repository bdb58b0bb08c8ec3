#include "lib/wire/json_out.h"

#include <assert.h>

#include "lib/base/parse.h"
#include "lib/wire/json_node.h"

static void keep(struct json_out *o, struct fault *f)
{
        if (o->fault == NULL)
                o->fault = f;
        else
                fault_free(f);
}

static void raw(struct json_out *o, const char *text)
{
        if (o->fault == NULL)
                keep(o, buf_append_str(o->out, text));
}

/* What stands before a value: a comma, its key. */
static void begin(struct json_out *o, const char *key)
{
        if (o->depth == 0) {
                assert(key == NULL);
                return;
        }
        bool is_object = o->levels[o->depth - 1].is_object, has_items = o->levels[o->depth - 1].has_items;
        const char *last = o->levels[o->depth - 1].last_key;
        assert((key != NULL) == is_object && (key == NULL || last == NULL || strcmp(last, key) < 0));
        o->levels[o->depth - 1].has_items = true;
        o->levels[o->depth - 1].last_key = key;
        if (o->fault != NULL)
                return;

        size_t len = key != NULL ? strlen(key) : 0;
        uint8_t *where = NULL;
        keep(o, buf_grow(o->out, has_items + (key != NULL ? len + 3 : 0), &where));
        if (o->fault != NULL)
                return;
        if (has_items)
                *where++ = ',';
        if (key == NULL)
                return;
        assert(json_plain_run(span_make(key, len)) == len);
        where[0] = where[len + 1] = '"';
        memcpy(where + 1, key, len); /* NOLINT(bugprone-not-null-terminated-result): a buf, not a string */
        where[len + 2] = ':';
}

static void open(struct json_out *o, const char *key, bool is_object)
{
        begin(o, key);
        assert(o->depth < JSON_OUT_DEPTH_MAX);
        o->levels[o->depth].is_object = is_object;
        o->levels[o->depth].has_items = false;
        o->levels[o->depth].last_key = NULL;
        o->depth++;
        raw(o, is_object ? "{" : "[");
}

void json_out_object(struct json_out *o, const char *key)
{
        open(o, key, /* is_object= */ true);
}

void json_out_array(struct json_out *o, const char *key)
{
        open(o, key, /* is_object= */ false);
}

void json_out_close(struct json_out *o)
{
        assert(o->depth > 0);
        o->depth--;
        raw(o, o->levels[o->depth].is_object ? "}" : "]");
}

void json_out_text(struct json_out *o, const char *key, const char *value)
{
        begin(o, key);
        if (o->fault == NULL)
                keep(o, json_write_clean(o->out, span_str(value)));
}

void json_out_int(struct json_out *o, const char *key, int64_t v)
{
        begin(o, key);
        if (o->fault == NULL)
                keep(o, json_write_int(o->out, v));
}

void json_out_bool(struct json_out *o, const char *key, bool v)
{
        begin(o, key);
        raw(o, v ? "true" : "false");
}

void json_out_hex(struct json_out *o, const char *key, struct span bytes)
{
        begin(o, key);
        raw(o, "\"");
        if (o->fault == NULL)
                keep(o, hex_encode(bytes, o->out));
        raw(o, "\"");
}

void json_out_tree(struct json_out *o, const char *key, const struct json *j)
{
        begin(o, key);
        if (o->fault == NULL)
                keep(o, json_write(j, o->out));
}

void json_out_comma(struct json_out *o)
{
        assert(o->depth == 0);
        raw(o, ",");
}

struct fault *json_out_end(struct json_out *o)
{
        assert(o->depth == 0);
        return TAKE(o->fault);
}
