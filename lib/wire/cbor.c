#include "lib/wire/cbor.h"

#define INDEFINITE 31
#define BREAK      0xff

static const char *const names[] = {
        [CBOR_UINT] = "a number", [CBOR_NINT] = "a negative number", [CBOR_BYTES] = "bytes",
        [CBOR_TEXT] = "text",     [CBOR_ARRAY] = "an array",         [CBOR_MAP] = "a map",
        [CBOR_TAG] = "a tag",     [CBOR_SIMPLE] = "a simple value",
};

struct head {
        enum cbor_major major;
        uint64_t value;
        bool is_indefinite;
};

static struct fault *bad(const struct reader *r, const char *what)
{
        return fault(FAULT_INVALID, "CBOR", "CBOR: %s at byte %zu", what, r->at);
}

static struct fault *truncated(const struct reader *r, struct fault *f)
{
        fault_free(f);
        return bad(r, "it ends inside an item");
}

/* RFC 8949 §3: the major type and its argument. */
static struct fault *read_head(struct reader *r, struct head *ret)
{
        uint8_t first = 0, v8 = 0;
        uint16_t v16 = 0;
        uint32_t v32 = 0;
        uint64_t v64 = 0;
        struct fault *f = reader_u8(r, &first);
        if (f != NULL)
                return truncated(r, f);
        unsigned info = first & 31u;
        *ret = (struct head){.major = (enum cbor_major)(first >> 5), .value = info};
        if (info < 24)
                return NULL;
        if (info == INDEFINITE) {
                ret->is_indefinite = true;
                return NULL;
        }
        if (info > 27)
                return bad(r, "an argument of a reserved size");
        f = info == 24   ? reader_u8(r, &v8)
            : info == 25 ? reader_u16be(r, &v16)
            : info == 26 ? reader_u32be(r, &v32)
                         : reader_u64be(r, &v64);
        if (f != NULL)
                return truncated(r, f);
        ret->value = info == 24 ? v8 : info == 25 ? v16 : info == 26 ? v32 : v64;
        return NULL;
}

static struct fault *read_as(struct reader *r, enum cbor_major wanted, struct head *ret)
{
        struct reader before = *r;
        TRY(read_head(r, ret));
        if (ret->major == wanted)
                return NULL;
        return fault(FAULT_INVALID, "CBOR", "CBOR: %s where %s is wanted, at byte %zu", names[ret->major],
                     names[wanted], before.at);
}

static struct fault *read_definite(struct reader *r, enum cbor_major wanted, uint64_t *ret)
{
        struct head h;
        TRY(read_as(r, wanted, &h));
        if (h.is_indefinite)
                return bad(r, "an indefinite length");
        *ret = h.value;
        return NULL;
}

struct fault *cbor_peek(const struct reader *r, enum cbor_major *ret)
{
        struct reader copy = *r;
        struct head h;
        TRY(read_head(&copy, &h));
        *ret = h.major;
        return NULL;
}

struct fault *cbor_uint(struct reader *r, uint64_t *ret)
{
        return read_definite(r, CBOR_UINT, ret);
}

struct fault *cbor_int(struct reader *r, int64_t *ret)
{
        enum cbor_major major;
        uint64_t value = 0;
        TRY(cbor_peek(r, &major));
        TRY(read_definite(r, major == CBOR_NINT ? CBOR_NINT : CBOR_UINT, &value));
        if (value > INT64_MAX)
                return bad(r, "a number out of range");
        *ret = major == CBOR_NINT ? -1 - (int64_t) value : (int64_t) value;
        return NULL;
}

static struct fault *read_string(struct reader *r, enum cbor_major major, struct span *ret)
{
        uint64_t len = 0;
        TRY(read_definite(r, major, &len));
        if (len > reader_left(r))
                return bad(r, "it ends inside a string");
        return reader_span(r, (size_t) len, ret);
}

struct fault *cbor_bytes(struct reader *r, struct span *ret)
{
        return read_string(r, CBOR_BYTES, ret);
}

struct fault *cbor_text(struct reader *r, struct span *ret)
{
        struct span text = SPAN_NONE;
        TRY(read_string(r, CBOR_TEXT, &text));
        if (!span_is_utf8(text) || span_has_nul(text))
                return bad(r, "text that isn't UTF-8, or has a NUL");
        *ret = text;
        return NULL;
}

static struct fault *read_list(struct reader *r, enum cbor_major major, struct cbor_list *ret)
{
        struct head h;
        TRY(read_as(r, major, &h));
        if (!h.is_indefinite && h.value > reader_left(r)) /* an item has a byte at least */
                return bad(r, "more items than bytes");
        *ret = (struct cbor_list){h.is_indefinite ? 0 : h.value, h.is_indefinite};
        return NULL;
}

struct fault *cbor_array(struct reader *r, struct cbor_list *ret)
{
        return read_list(r, CBOR_ARRAY, ret);
}

struct fault *cbor_map(struct reader *r, struct cbor_list *ret)
{
        return read_list(r, CBOR_MAP, ret);
}

static bool at_break(const struct reader *r)
{
        struct span rest = reader_rest(r);
        return rest.len > 0 && rest.data[0] == BREAK;
}

bool cbor_more(struct reader *r, struct cbor_list *list, struct fault **ret)
{
        *ret = NULL;
        if (!list->is_indefinite) {
                if (list->left == 0)
                        return false;
                list->left--;
                return true;
        }
        if (!at_break(r)) {
                if (reader_left(r) > 0)
                        return true;
                *ret = bad(r, "it ends inside a list");
                return false;
        }
        *ret = reader_skip(r, 1);
        return false;
}

struct fault *cbor_tag(struct reader *r, uint64_t *ret)
{
        return read_definite(r, CBOR_TAG, ret);
}

struct fault *cbor_take_null(struct reader *r, bool *ret)
{
        struct reader copy = *r;
        struct head h;
        TRY(read_head(&copy, &h));
        *ret = h.major == CBOR_SIMPLE && !h.is_indefinite && h.value == CBOR_NULL;
        if (*ret)
                *r = copy;
        return NULL;
}

/* What has to follow one head: strings are passed over, lists say how many items (of a map twice as many). */
struct level {
        struct cbor_list list;
        bool is_map, is_odd; /* of indefinite ones: a key without its value is no item */
};
static struct fault *skip_head(struct reader *r, struct level *ret_inside)
{
        struct head h;
        TRY(read_head(r, &h));
        *ret_inside = (struct level){0};
        switch (h.major) {
        case CBOR_UINT:
        case CBOR_NINT:
                return h.is_indefinite ? bad(r, "a number without a size") : NULL;
        case CBOR_SIMPLE:
                return h.is_indefinite ? bad(r, "a break outside a list") : NULL;
        case CBOR_BYTES:
        case CBOR_TEXT:
                if (h.is_indefinite || h.value > reader_left(r))
                        return bad(r, "a string that is indefinite or too long");
                return reader_skip(r, (size_t) h.value);
        case CBOR_TAG:
                if (h.is_indefinite)
                        return bad(r, "a tag without a number");
                ret_inside->list.left = 1;
                return NULL;
        case CBOR_ARRAY:
        case CBOR_MAP:
                break;
        }
        if (!h.is_indefinite && h.value > reader_left(r))
                return bad(r, "more items than bytes");
        ret_inside->is_map = h.major == CBOR_MAP;
        ret_inside->list.is_indefinite = h.is_indefinite;
        ret_inside->list.left = h.is_indefinite ? 0 : h.major == CBOR_MAP ? 2 * h.value : h.value;
        return NULL;
}

struct fault *cbor_skip(struct reader *r, struct span *ret)
{
        size_t start = r->at, depth = 1;
        struct level open[CBOR_DEPTH_MAX + 1] = {{.list.left = 1}};
        while (depth > 0) {
                struct level *level = &open[depth - 1];
                struct fault *f = NULL;
                if (!cbor_more(r, &level->list, &f)) {
                        if (f != NULL)
                                return f;
                        if (level->is_map && level->is_odd)
                                return bad(r, "a key without a value");
                        depth--;
                        continue;
                }
                struct level inside;
                level->is_odd = !level->is_odd;
                TRY(skip_head(r, &inside));
                if (inside.list.left == 0 && !inside.list.is_indefinite)
                        continue;
                if (depth > CBOR_DEPTH_MAX)
                        return bad(r, "too deep");
                open[depth++] = inside;
        }
        *ret = span_slice(r->input, start, r->at - start);
        return NULL;
}

struct fault *cbor_write_head(struct buf *out, enum cbor_major major, uint64_t value)
{
        uint8_t first = (uint8_t) ((unsigned) major << 5);
        if (value < 24)
                return buf_append_byte(out, (uint8_t) (first | value));
        if (value <= UINT8_MAX) {
                TRY(buf_append_byte(out, first | 24));
                return buf_append_byte(out, (uint8_t) value);
        }
        if (value <= UINT32_MAX) {
                if (value <= UINT16_MAX) {
                        TRY(buf_append_byte(out, first | 25));
                        return buf_append_u16be(out, (uint16_t) value);
                }
                TRY(buf_append_byte(out, first | 26));
                return buf_append_u32be(out, (uint32_t) value);
        }
        TRY(buf_append_byte(out, first | 27));
        return buf_append_u64be(out, value);
}

struct fault *cbor_write_bytes(struct buf *out, struct span bytes)
{
        TRY(cbor_write_head(out, CBOR_BYTES, bytes.len));
        return buf_append(out, bytes);
}

struct fault *cbor_write_text(struct buf *out, const char *text)
{
        TRY(cbor_write_head(out, CBOR_TEXT, strlen(text)));
        return buf_append_str(out, text);
}
