/* Parsing: one pass to count the values, one to read them, into one block (json_node.h).
 *
 * The values of a container wait at the low end of the block until it closes; then they move to the high end, side by side, and
 * the container itself waits in their place. Both ends together never hold more values than were counted. */
#include <assert.h>
#include <stdlib.h>

#include "lib/base/secret.h"
#include "lib/base/utf8.h"
#include "lib/wire/json_node.h"

#define COMPARED_BY_HAND_MAX 24 /* members; above this duplicates are found by sorting */

struct parser {
        struct span text;
        size_t at;
        size_t depth;
        struct json *nodes; /* the block */
        size_t waiting;     /* values at the low end */
        size_t finished;    /* where the high end begins */
        char *texts;        /* the next free byte */
};

static struct fault *bad(const struct parser *p, const char *what)
{
        return fault(FAULT_INVALID, "BAD_JSON", "JSON: %s at byte %zu", what, p->at);
}

/* ---- looking at the text ----------------------------------------------------------------------------------------- */

#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* Eight at a time (Mycroft's test for a zero byte); which of the eight it was, the plain loop finds. */
static bool has_special(const uint8_t bytes[8])
{
        uint64_t v;
        memcpy(&v, bytes, sizeof v);
        uint64_t quote = v ^ EACH('"'), backslash = v ^ EACH('\\');
        uint64_t hits =
                v | ((v - EACH(0x20)) & ~v) | ((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash);
        return (hits & EACH(0x80)) != 0;
}

static bool is_special(uint8_t c)
{
        return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

size_t json_plain_run(struct span text)
{
        size_t at = 0;
        while (text.len - at >= 8 && !has_special(text.data + at))
                at += 8;
        if (at > 0 && at < text.len && text.len - at < 8 && !has_special(text.data + text.len - 8))
                return text.len; /* the last eight, some of them again */
        while (at < text.len && !is_special(text.data[at]))
                at++;
        return at;
}

static struct span rest(const struct parser *p)
{
        return span_slice(p->text, p->at, p->text.len - p->at);
}

/* 0 at the end: no token begins with it. */
static uint8_t peek(const struct parser *p)
{
        return p->at < p->text.len ? p->text.data[p->at] : 0;
}

static uint8_t skip_blanks(struct parser *p)
{
        while (peek(p) == ' ' || peek(p) == '\n' || peek(p) == '\r' || peek(p) == '\t')
                p->at++;
        return peek(p);
}

/* An upper bound of the values in the text: each but the first follows a bracket or a comma. */
static size_t count_values(struct span text)
{
        struct parser p = {.text = text};
        size_t values = 1;
        bool in_string = false;
        for (; p.at < text.len; p.at++) {
                if (in_string)
                        p.at += json_plain_run(rest(&p));
                if (p.at == text.len)
                        break;
                uint8_t c = text.data[p.at];
                if (in_string && c == '\\')
                        p.at++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '[' || c == '{' || c == ','))
                        values++;
        }
        return values;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static struct fault *read_hex(struct parser *p, uint32_t *ret)
{
        uint32_t value = 0;
        for (int i = 0; i < 4; i++, p->at++) {
                uint8_t c = peek(p), letter = (uint8_t) (c | 0x20);
                if (c >= '0' && c <= '9')
                        value = value << 4 | (uint32_t) (c - '0');
                else if (letter >= 'a' && letter <= 'f')
                        value = value << 4 | (uint32_t) (letter - 'a' + 10);
                else
                        return bad(p, "no hex digit in an escape");
        }
        *ret = value;
        return NULL;
}

static void put_point(struct parser *p, uint32_t point)
{
        if (point < 0x80) {
                *p->texts++ = (char) point;
                return;
        }
        int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        static const uint8_t heads[] = {0, 0xC0, 0xE0, 0xF0};
        *p->texts++ = (char) (heads[more] | point >> (6 * more));
        while (more-- > 0)
                *p->texts++ = (char) (0x80 | (point >> (6 * more) & 0x3F));
}

/* After "\u". Four hex digits, or two times four for what lies past U+FFFF. */
static struct fault *read_unicode(struct parser *p)
{
        uint32_t point = 0, low = 0;
        TRY(read_hex(p, &point));
        if (point == 0)
                return bad(p, "NUL in a string");
        if (point >= 0xDC00 && point <= 0xDFFF)
                return bad(p, "half a surrogate pair");
        if (point >= 0xD800 && point <= 0xDBFF) {
                if (!span_starts_with(rest(p), SPAN("\\u")))
                        return bad(p, "half a surrogate pair");
                p->at += 2;
                TRY(read_hex(p, &low));
                if (low < 0xDC00 || low > 0xDFFF)
                        return bad(p, "half a surrogate pair");
                point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00));
        }
        put_point(p, point);
        return NULL;
}

static struct fault *read_escape(struct parser *p)
{
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        p->at++; /* the backslash */
        uint8_t c = peek(p);
        if (c == 'u') {
                p->at++;
                return read_unicode(p);
        }
        const char *name = c != 0 ? strchr(names, c) : NULL;
        if (name == NULL)
                return bad(p, "no such escape");
        *p->texts++ = values[name - names];
        p->at++;
        return NULL;
}

static struct fault *read_special(struct parser *p)
{
        uint32_t point = 0;
        if (p->at == p->text.len)
                return bad(p, "end of text inside a string");
        if (peek(p) == '\\')
                return read_escape(p);
        if (peek(p) == 0)
                return bad(p, "NUL in a string");
        if (peek(p) < 0x20)
                return bad(p, "control character in a string");
        size_t taken = utf8_decode(p->text.data + p->at, p->text.len - p->at, &point);
        if (taken == 0)
                return bad(p, "invalid UTF-8");
        memcpy(p->texts, p->text.data + p->at, taken);
        p->texts += taken;
        p->at += taken;
        return NULL;
}

/* Behind the opening quote. The text is never longer than what stands for it, so there is room, and for its NUL as well. */
static struct fault *read_string(struct parser *p, const char **ret, size_t *ret_len)
{
        char *from = p->texts;
        for (;;) {
                struct span plain = rest(p);
                plain.len = json_plain_run(plain);
                if (plain.len > 0)
                        memcpy(p->texts, plain.data, plain.len);
                p->texts += plain.len;
                p->at += plain.len;
                if (peek(p) == '"')
                        break;
                TRY(read_special(p));
        }
        p->at++;
        *ret = from;
        *ret_len = (size_t) (p->texts - from);
        *p->texts++ = '\0';
        return NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool is_digit(uint8_t c)
{
        return c >= '0' && c <= '9';
}

static struct fault *read_number(struct parser *p, struct json *j)
{
        bool is_negative = peek(p) == '-';
        uint64_t value = 0, most = is_negative ? (uint64_t) INT64_MAX + 1 : INT64_MAX;
        p->at += is_negative;
        size_t from = p->at;
        for (; is_digit(peek(p)); p->at++) {
                uint64_t digit = (uint64_t) (peek(p) - '0');
                if (value > (most - digit) / 10)
                        return bad(p, "number out of range");
                value = value * 10 + digit;
        }
        if (p->at == from)
                return bad(p, "syntax error");
        if (p->text.data[from] == '0' && p->at > from + 1)
                return bad(p, "leading zero");
        if (peek(p) == '.' || peek(p) == 'e' || peek(p) == 'E')
                return bad(p, "a real number");
        j->kind = JSON_INT;
        j->number = (int64_t) (is_negative ? 0 - value : value);
        return NULL;
}

static struct fault *read_word(struct parser *p, struct json *j)
{
        static const struct {
                struct span word;
                enum json_kind kind;
                int64_t number;
        } words[] = {
                {SPAN("true"), JSON_BOOL, 1},
                {SPAN("false"), JSON_BOOL, 0},
                {SPAN("null"), JSON_NULL_KIND, 0},
        };
        for (size_t i = 0; i < COUNT_OF(words); i++)
                if (span_starts_with(rest(p), words[i].word)) {
                        p->at += words[i].word.len;
                        j->kind = (uint8_t) words[i].kind;
                        j->number = words[i].number;
                        return NULL;
                }
        return bad(p, p->at == p->text.len ? "end of text inside a value" : "syntax error");
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool has_duplicate_sorted(const struct json *items, size_t count)
{
        const char **keys = alloc_zero(count, sizeof *keys);
        bool found = false;
        for (size_t i = 0; i < count; i++)
                keys[i] = items[i].key;
        qsort(keys, count, sizeof *keys, compare_keys);
        for (size_t i = 1; i < count && !found; i++)
                found = strcmp(keys[i - 1], keys[i]) == 0;
        free(keys);
        return found;
}

static bool has_duplicate(const struct json *items, size_t count)
{
        if (count > COMPARED_BY_HAND_MAX)
                return has_duplicate_sorted(items, count);
        for (size_t i = 1; i < count; i++)
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(items[i].key, items[earlier].key) == 0)
                                return true;
        return false;
}

static struct fault *read_value(struct parser *p, const char *key);

/* Key and colon of a member. */
static struct fault *read_key(struct parser *p, const char **ret)
{
        size_t len = 0;
        if (skip_blanks(p) != '"')
                return bad(p, "no key");
        p->at++;
        TRY(read_string(p, ret, &len));
        if (skip_blanks(p) != ':')
                return bad(p, "no colon after a key");
        p->at++;
        return NULL;
}

/* Behind the opening bracket. */
static struct fault *read_items(struct parser *p, uint8_t end)
{
        if (skip_blanks(p) == end)
                return NULL;
        for (;;) {
                const char *key = NULL;
                if (end == '}')
                        TRY(read_key(p, &key));
                TRY(read_value(p, key));
                uint8_t c = skip_blanks(p);
                if (c == end)
                        return NULL;
                if (c != ',')
                        return bad(p, p->at == p->text.len ? "end of text inside a value" : "syntax error");
                p->at++;
        }
}

/* Its items wait from `first` on; they move to the high end. */
static struct fault *read_container(struct parser *p, struct json *j)
{
        bool is_object = peek(p) == '{';
        size_t first = p->waiting;
        if (++p->depth > JSON_DEPTH_MAX)
                return bad(p, "too many levels");
        p->at++;
        TRY(read_items(p, is_object ? '}' : ']'));
        p->at++;
        p->depth--;

        size_t count = p->waiting - first;
        if (is_object && has_duplicate(p->nodes + first, count))
                return bad(p, "duplicate key");
        p->finished -= count;
        memmove(p->nodes + p->finished, p->nodes + first, count * sizeof *p->nodes);
        p->waiting = first;
        j->kind = is_object ? JSON_OBJECT : JSON_ARRAY;
        j->count = (uint32_t) count;
        j->items = p->nodes + p->finished;
        return NULL;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static struct fault *read_value(struct parser *p, const char *key)
{
        struct json j = {.key = key};
        uint8_t c = skip_blanks(p);
        if (c == '{' || c == '[') {
                TRY(read_container(p, &j));
        } else if (c == '"') {
                j.kind = JSON_TEXT;
                p->at++;
                TRY(read_string(p, &j.text.data, &j.text.len));
        } else if (c == '-' || is_digit(c)) {
                TRY(read_number(p, &j));
        } else {
                TRY(read_word(p, &j));
        }
        assert(p->waiting < p->finished); /* they were counted */
        p->nodes[p->waiting++] = j;
        return NULL;
}

static struct fault *read_document(struct parser *p)
{
        TRY(read_value(p, NULL));
        (void) skip_blanks(p);
        return p->at == p->text.len ? NULL : bad(p, "something after the value");
}

struct fault *json_parse(struct span text, struct json **ret)
{
        size_t values = count_values(text);
        if (values > JSON_VALUES_MAX)
                return fault(FAULT_INVALID, "BAD_JSON", "JSON: more than %d values", JSON_VALUES_MAX);

        size_t len = values * sizeof(struct json) + text.len;
        struct json *block = json_block_new(len);
        struct parser p = {.text = text, .nodes = block, .finished = values, .texts = (char *) (block + values)};
        struct fault *f = read_document(&p);
        if (f != NULL) {
                wipe(block, len);
                free(block);
                return f;
        }
        block->block_len = len;
        *ret = block;
        return NULL;
}
