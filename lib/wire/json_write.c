/* Writing: keys by UTF-16 code units, escapes in lower case (RFC 8785). */
#include "lib/wire/json.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/wire/json_node.h"

#define SORTED_BY_HAND_MAX 24

struct entry {
        const char *key; /* NULL: an item of an array */
        const struct json *value;
};
/* One array or object that has been opened and not yet closed. */
struct frame {
        bool is_object;
        size_t at, count, first; /* first: of its entries in the writer's */
};
struct writer {
        struct buf *out;
        bool pretty;
        size_t depth;
        struct frame frames[JSON_WRITE_DEPTH_MAX];
        size_t used, room; /* entries of all frames, a stack */
        struct entry *entries;
};

/* The order of UTF-16 code units from UTF-8 bytes: it differs from the order of bytes in one place. Code points past
 * U+FFFF (first byte 0xF0 and up) are surrogates there, so they come before U+E000 to U+FFFF (first byte 0xEE or 0xEF).
 * */
static int utf16_rank(uint8_t byte)
{
        if (byte >= 0xF0)
                return byte - 2;
        return byte >= 0xEE ? byte + 0x10 : byte;
}

static int compare_entries(const void *left, const void *right)
{
        const uint8_t *a = (const uint8_t *) ((const struct entry *) left)->key;
        const uint8_t *b = (const uint8_t *) ((const struct entry *) right)->key;
        while (*a != 0 && *a == *b) {
                a++;
                b++;
        }
        return utf16_rank(*a) - utf16_rank(*b);
}

static struct fault *write_plain(struct buf *out, struct span text)
{
        uint8_t *where = NULL;
        TRY(buf_grow(out, text.len + 2, &where));
        where[0] = where[text.len + 1] = '"';
        if (text.len > 0)
                memcpy(where + 1, text.data, text.len);
        return NULL;
}

static struct fault *write_text(struct buf *out, struct span text)
{
        if (json_plain_run(text) == text.len) /* nearly all are */
                return write_plain(out, text);
        TRY(buf_append_byte(out, '"'));
        size_t from = 0;
        for (size_t at = 0; at < text.len; at++) {
                uint8_t c = text.data[at];
                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                static const char short_forms[] = "btn?fr"; /* U+0008 to U+000D; U+000B has none */
                TRY(buf_append(out, span_slice(text, from, at - from)));
                if (c == '"' || c == '\\')
                        TRY(buf_printf(out, "\\%c", c));
                else if (c >= 8 && c <= 13 && c != 11)
                        TRY(buf_printf(out, "\\%c", short_forms[c - 8]));
                else
                        TRY(buf_printf(out, "\\u%04x", c));
                from = at + 1;
        }
        TRY(buf_append(out, span_slice(text, from, text.len - from)));
        return buf_append_byte(out, '"');
}

struct fault *json_write_clean(struct buf *out, struct span text)
{
        if (json_plain_run(text) == text.len)
                return write_plain(out, text);
        AUTO(json) struct json *clean = json_new_clean(text);
        return write_text(out, json_text(clean));
}

struct fault *json_write_int(struct buf *out, int64_t v)
{
        char digits[20]; /* 19 and a sign */
        size_t at = sizeof digits;
        uint64_t left = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
        do
                digits[--at] = (char) ('0' + left % 10);
        while ((left /= 10) > 0);
        if (v < 0)
                digits[--at] = '-';
        return buf_append(out, span_make(digits + at, sizeof digits - at));
}

static struct fault *write_scalar(struct buf *out, const struct json *j)
{
        if (j->is_written)
                return buf_append(out, span_make(j->text.data, j->text.len));
        switch (json_kind(j)) {
        case JSON_TEXT:
                return write_text(out, json_text(j));
        case JSON_INT:
                return json_write_int(out, json_int(j));
        case JSON_BOOL:
                return buf_append_str(out, json_bool(j) ? "true" : "false");
        case JSON_NULL_KIND:
        case JSON_ARRAY:
        case JSON_OBJECT:
                break;
        }
        return buf_append_str(out, "null");
}

static struct fault *new_line(struct writer *w)
{
        if (!w->pretty)
                return NULL;
        TRY(buf_append_byte(w->out, '\n'));
        for (size_t i = 0; i < w->depth; i++)
                TRY(buf_append_str(w->out, "  "));
        return NULL;
}

/* Objects have few members, and those of ours come nearly in order. */
static void sort(struct entry *entries, size_t count)
{
        if (count > SORTED_BY_HAND_MAX) {
                qsort(entries, count, sizeof *entries, compare_entries);
                return;
        }
        for (size_t i = 1; i < count; i++) {
                struct entry moving = entries[i];
                size_t at = i;
                for (; at > 0 && compare_entries(&entries[at - 1], &moving) > 0; at--)
                        entries[at] = entries[at - 1];
                entries[at] = moving;
        }
}

static struct entry *take_entries(struct writer *w, size_t count)
{
        if (w->used + count > w->room) {
                w->room = 2 * (w->used + count);
                w->entries = alloc_resize(w->entries, w->room, sizeof *w->entries);
        }
        w->used += count;
        return w->entries + w->used - count;
}

static struct fault *open_frame(struct writer *w, const struct json *j)
{
        bool is_object = json_kind(j) == JSON_OBJECT;
        if (w->depth == JSON_WRITE_DEPTH_MAX)
                return fault(FAULT_INVALID, "TOO_DEEP", "JSON to be written has more than %d levels",
                             JSON_WRITE_DEPTH_MAX);
        TRY(buf_append_byte(w->out, is_object ? '{' : '['));

        struct frame *f = &w->frames[w->depth++];
        *f = (struct frame){.is_object = is_object, .count = json_count(j), .first = w->used};
        if (f->count == 0)
                return NULL; /* and there may be no block of entries at all */
        struct entry *entries = take_entries(w, f->count);
        size_t filled = 0;
        for (void *at = NULL; is_object && json_next(j, &at, &entries[filled].key, &entries[filled].value);)
                if (++filled == f->count)
                        break;
        for (; !is_object && filled < f->count; filled++)
                entries[filled] = (struct entry){.value = json_at(j, filled)};
        if (is_object && !w->pretty)
                sort(entries, f->count);
        return NULL;
}

static struct fault *close_frame(struct writer *w)
{
        struct frame *f = &w->frames[--w->depth];
        w->used = f->first;
        if (f->count > 0)
                TRY(new_line(w));
        return buf_append_byte(w->out, f->is_object ? '}' : ']');
}

static struct fault *write_value(struct writer *w, const struct json *j)
{
        if (json_kind(j) == JSON_OBJECT || json_kind(j) == JSON_ARRAY)
                return open_frame(w, j);
        return write_scalar(w->out, j);
}

static struct fault *write_all(struct writer *w, const struct json *j)
{
        TRY(write_value(w, j));
        while (w->depth > 0) {
                struct frame *f = &w->frames[w->depth - 1];
                if (f->at == f->count) {
                        TRY(close_frame(w));
                        continue;
                }
                const struct entry e = w->entries[f->first + f->at++]; /* a copy: the stack moves when it grows */
                if (f->at > 1)
                        TRY(buf_append_byte(w->out, ','));
                TRY(new_line(w));
                if (e.key != NULL) {
                        TRY(write_text(w->out, span_str(e.key)));
                        TRY(buf_append_str(w->out, w->pretty ? ": " : ":"));
                }
                TRY(write_value(w, e.value));
        }
        return NULL;
}

static struct fault *write_json(const struct json *j, bool pretty, struct buf *out)
{
        struct writer *w = NEW(struct writer);
        w->out = out;
        w->pretty = pretty;
        size_t before = out->len;
        struct fault *f = write_all(w, j);
        free(w->entries);
        free(w);
        if (f != NULL)
                buf_truncate(out, before);
        return f;
}

struct fault *json_write(const struct json *j, struct buf *out)
{
        return write_json(j, /* pretty= */ false, out);
}

struct fault *json_write_pretty(const struct json *j, struct buf *out)
{
        return write_json(j, /* pretty= */ true, out);
}
