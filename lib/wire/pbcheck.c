#include "lib/wire/pbcheck.h"

#include <assert.h>

#include "lib/base/reader.h"

#define LEVELS_MAX       32 /* more than any limit a caller asks for */
#define TAG_BYTES_MAX    5  /* field number of 29 bits, wire type of 3 (protobuf encoding) */
#define VARINT_BYTES_MAX 10
#define FIELD_NUMBER_MAX ((1u << 29) - 1)

enum wire_type {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_BYTES = 2,
        WIRE_GROUP = 3,
        WIRE_GROUP_END = 4,
        WIRE_FIXED32 = 5
};

/* A message that is being walked; its submessages are pushed above it. */
struct level {
        const ProtobufCMessageDescriptor *type;
        struct reader r;
};
struct walk {
        size_t fields_left;
        size_t depth_max;
        size_t depth;
        struct level levels[LEVELS_MAX];
};

static struct fault *bad_wire(const struct level *l, const char *what)
{
        return fault(FAULT_INVALID, "PB_WIRE", "%s: %s at byte %zu", l->type->name, what, l->r.at);
}

static struct fault *spend(struct walk *w, size_t fields)
{
        if (fields > w->fields_left)
                return fault(FAULT_EXHAUSTED, "PB_FIELDS", "the message has too many fields");
        w->fields_left -= fields;
        return NULL;
}

/* At most `bytes_max` bytes and 64 bits; false otherwise. */
static bool read_varint(struct reader *r, size_t bytes_max, uint64_t *ret)
{
        struct span rest = reader_rest(r);
        uint64_t value = 0;
        for (size_t i = 0; i < rest.len && i < bytes_max; i++) {
                uint8_t byte = rest.data[i];
                if (i == VARINT_BYTES_MAX - 1 && byte > 1)
                        return false;
                value |= (uint64_t) (byte & 0x7f) << (7 * i);
                if (byte < 0x80) {
                        r->at += i + 1;
                        *ret = value;
                        return true;
                }
        }
        return false;
}

static enum wire_type scalar_wire_type(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_SFIXED32:
        case PROTOBUF_C_TYPE_FIXED32:
        case PROTOBUF_C_TYPE_FLOAT:
                return WIRE_FIXED32;
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return WIRE_FIXED64;
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_MESSAGE:
                return WIRE_BYTES;
        default:
                return WIRE_VARINT;
        }
}

/* Every element of a packed field is a field for the budget. */
static struct fault *check_packed(struct walk *w, const struct level *l, enum wire_type element, struct span bytes)
{
        if (element != WIRE_VARINT) {
                size_t width = element == WIRE_FIXED32 ? 4 : 8;
                if (bytes.len % width != 0)
                        return bad_wire(l, "packed field of odd length");
                return spend(w, bytes.len / width);
        }
        for (struct reader r = READER(bytes); reader_left(&r) > 0;) {
                uint64_t value = 0;
                if (!read_varint(&r, VARINT_BYTES_MAX, &value))
                        return bad_wire(l, "bad number in a packed field");
                TRY(spend(w, 1));
        }
        return NULL;
}

static struct fault *check_string(const ProtobufCFieldDescriptor *field, struct span bytes)
{
        if (span_has_nul(bytes))
                return fault(FAULT_INVALID, "PB_NUL", "field %s contains NUL", field->name);
        if (!span_is_utf8(bytes))
                return fault(FAULT_INVALID, "PB_UTF8", "field %s is not UTF-8", field->name);
        return NULL;
}

static struct fault *push(struct walk *w, const ProtobufCMessageDescriptor *type, struct span bytes)
{
        if (w->depth >= w->depth_max)
                return fault(FAULT_EXHAUSTED, "PB_DEPTH", "the message has more than %zu levels", w->depth_max);
        w->levels[w->depth++] = (struct level){type, READER(bytes)};
        return NULL;
}

static struct fault *check_value(struct walk *w, const struct level *l, const ProtobufCFieldDescriptor *field,
                                 enum wire_type wire, struct span bytes)
{
        if (field == NULL)
                return NULL;
        enum wire_type wanted = scalar_wire_type(field->type);
        if (wire != wanted) {
                bool packed = wire == WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED;
                return packed ? check_packed(w, l, wanted, bytes) : bad_wire(l, "wrong wire type");
        }
        if (field->type == PROTOBUF_C_TYPE_STRING)
                return check_string(field, bytes);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                return push(w, field->descriptor, bytes);
        return NULL;
}

/* One field of the topmost level. */
static struct fault *check_field(struct walk *w)
{
        struct level *l = &w->levels[w->depth - 1];
        TRY(spend(w, 1));

        uint64_t tag = 0, ignored = 0;
        if (!read_varint(&l->r, TAG_BYTES_MAX, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
                return bad_wire(l, "bad field number");
        struct span bytes = SPAN_NONE;
        uint64_t len = 0;
        struct fault *f = NULL;
        switch (tag & 7) {
        case WIRE_VARINT:
                if (!read_varint(&l->r, VARINT_BYTES_MAX, &ignored))
                        return bad_wire(l, "bad number");
                break;
        case WIRE_FIXED64:
                f = reader_skip(&l->r, 8);
                break;
        case WIRE_FIXED32:
                f = reader_skip(&l->r, 4);
                break;
        case WIRE_BYTES:
                if (!read_varint(&l->r, VARINT_BYTES_MAX, &len) || len > reader_left(&l->r))
                        return bad_wire(l, "bad length");
                f = reader_span(&l->r, (size_t) len, &bytes);
                break;
        default: /* groups, and two types that never were */
                return bad_wire(l, "bad wire type");
        }
        if (f != NULL) {
                fault_free(f);
                return bad_wire(l, "cut field");
        }
        return check_value(w, l, protobuf_c_message_descriptor_get_field(l->type, (unsigned) (tag >> 3)),
                           (enum wire_type)(tag & 7), bytes);
}

struct fault *pbcheck(const ProtobufCMessageDescriptor *type, struct span bytes, const struct pbcheck_limits *limits)
{
        assert(limits->depth > 0 && limits->depth <= LEVELS_MAX);
        struct walk w = {.fields_left = limits->fields, .depth_max = limits->depth};

        TRY(push(&w, type, bytes));
        while (w.depth > 0) {
                if (reader_left(&w.levels[w.depth - 1].r) == 0)
                        w.depth--;
                else
                        TRY(check_field(&w));
        }
        return NULL;
}

struct fault *pb_unpack(const ProtobufCMessageDescriptor *type, struct span bytes, const struct pbcheck_limits *limits,
                        ProtobufCMessage **ret)
{
        TRY(pbcheck(type, bytes, limits));
        static const uint8_t nothing;
        ProtobufCMessage *message =
                protobuf_c_message_unpack(type, NULL, bytes.len, bytes.len == 0 ? &nothing : bytes.data);
        if (message == NULL)
                return fault(FAULT_INVALID, "PB_WIRE", "%s: not a message of this type", type->name);
        *ret = message;
        return NULL;
}

struct fault *pb_pack(const ProtobufCMessage *message, struct buf *out)
{
        uint8_t *where = NULL;
        TRY(buf_grow(out, protobuf_c_message_get_packed_size(message), &where));
        protobuf_c_message_pack(message, where);
        return NULL;
}
