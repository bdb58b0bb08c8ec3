/* json_out: canonical JSON written straight into a buf, for what is written often and never looked at as a tree.
 *
 * The caller gives members in the order of json_write (sorted; asserted) and keys of plain ASCII. Values are as json_set_* makes them: bytes
 * that are no UTF-8, and NUL, become U+FFFD. The first fault ("TOO_LARGE") stays and the rest is passed over, as in der.h:
 *
 *     struct json_out o = {.out = &text};
 *     json_out_object(&o, NULL);
 *     json_out_int(&o, "v", 1);
 *     json_out_close(&o);
 *     TRY(json_out_end(&o)); */
#pragma once

#include "lib/wire/json.h"

#define JSON_OUT_DEPTH_MAX 8

struct json_out {
        struct buf *out;
        struct fault *fault; /* json_out_end gives it away */
        size_t depth;
        struct {
                bool is_object, has_items;
                const char *last_key;
        } levels[JSON_OUT_DEPTH_MAX];
};
/* `key`: NULL for the whole, and for an item of an array. */
void json_out_object(struct json_out *o, const char *key);
void json_out_array(struct json_out *o, const char *key);
void json_out_close(struct json_out *o);
void json_out_text(struct json_out *o, const char *key, const char *value);
void json_out_int(struct json_out *o, const char *key, int64_t v);
void json_out_bool(struct json_out *o, const char *key, bool v);
void json_out_hex(struct json_out *o, const char *key, struct span bytes);
void json_out_tree(struct json_out *o, const char *key, const struct json *j);
/* Between two values at the outermost level: the text is then no value but items of an array. */
void json_out_comma(struct json_out *o);
struct fault *json_out_end(struct json_out *o) MUST_USE;
