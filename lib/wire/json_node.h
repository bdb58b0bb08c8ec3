/* json_node: what a value is made of, for the json files alone.
 *
 * A value that was parsed and everything below it lie in one block: the items of an array or object side by side, texts and keys
 * behind them. A value that we build has a block of its own and points to its items; a parsed object that somebody adds to changes
 * over to that. Each block knows its length, so that it is wiped before it is given back: documents may hold tokens. */
#pragma once

#include "lib/wire/json.h"

struct json {
        uint8_t kind;     /* enum json_kind */
        bool is_spread;   /* its items are `refs`, and that array is its own */
        bool is_written;  /* `text` is the value as it is written; the kind is null */
        bool has_own_key; /* the key is a block of its own */
        uint32_t count;   /* of items */
        size_t block_len; /* of the block that begins here; 0: inside of another's */
        const char *key;  /* as a member of an object, else NULL */
        union {
                int64_t number; /* also of a bool: 0 or 1 */
                struct {
                        const char *data; /* with a NUL behind it */
                        size_t len;
                } text;
                struct json *items; /* not is_spread */
                struct {
                        struct json **refs;
                        size_t room;
                };
        };
};

static inline struct json *json_item(const struct json *j, size_t i)
{
        return j->is_spread ? j->refs[i] : &j->items[i];
}

/* How many of the first bytes are ASCII that stands for itself in a JSON string: no control, '"', '\\' and nothing past 0x7f. */
size_t json_plain_run(struct span text);

struct json *json_block_new(size_t len); /* its head is zeroed, the rest is not */

/* A text with what is no text replaced (json_set_span). */
struct json *json_new_clean(struct span text);
/* A string or number as it is written; a string cleaned before. */
struct fault *json_write_clean(struct buf *out, struct span text) MUST_USE;
struct fault *json_write_int(struct buf *out, int64_t v) MUST_USE;
