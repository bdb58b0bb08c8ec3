#include "lib/net/rpc_call.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stddef.h>

#include "lib/base/secret.h"
#include "lib/wire/pbcheck.h"

/* ---- an allocator that wipes what it frees: a request may hold tokens ---- */

#define SIZE_ROOM _Alignof(max_align_t) /* the block's size stands before it */

static void *wiping_alloc(void *self UNUSED, size_t size)
{
        uint8_t *block = malloc(SIZE_ROOM + size);

        if (block == NULL)
                return NULL;
        memcpy(block, &size, sizeof size);
        return block + SIZE_ROOM;
}

static void wiping_free(void *self UNUSED, void *pointer)
{
        uint8_t *block = pointer;
        size_t size;

        if (pointer == NULL)
                return;
        block -= SIZE_ROOM;
        memcpy(&size, block, sizeof size);
        wipe(block, SIZE_ROOM + size);
        free(block);
}

static ProtobufCAllocator wiping = {wiping_alloc, wiping_free, NULL};

/* ---- requests ---- */

/* Takes the bytes out of the core's slices and wipes them there: they lie in its read buffer, which is only freed. Nobody
 * else reads these ranges; neighbours in the same buffer are other ranges. */
static struct fault *payload_take(grpc_byte_buffer *payload, struct buf *out)
{
        grpc_byte_buffer_reader reader;
        struct fault *failed = NULL;
        grpc_slice *slice;

        if (!grpc_byte_buffer_reader_init(&reader, payload))
                return fault(FAULT_INVALID, "NO_MESSAGE", "the message can't be read");
        while (failed == NULL && grpc_byte_buffer_reader_peek(&reader, &slice)) {
                failed = buf_append(out, span_make(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)));
                wipe(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
        }
        grpc_byte_buffer_reader_destroy(&reader);
        return failed;
}

static struct fault *bytes_read(const ProtobufCMessageDescriptor *type, struct span bytes, ProtobufCMessage **ret)
{
        static const uint8_t nothing;
        ProtobufCMessage *message;

        TRY(pbcheck(type, bytes, &PBCHECK_LIMITS));
        message = protobuf_c_message_unpack(type, &wiping, bytes.len, bytes.len > 0 ? bytes.data : &nothing);
        if (message == NULL)
                return fault(FAULT_INVALID, "PB_WIRE", "%s: not a message of this type", type->name);
        *ret = message;
        return NULL;
}

struct fault *rpc_request_read(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *payload,
                               ProtobufCMessage **ret)
{
        struct buf bytes = BUF(RPC_MESSAGE_MAX);
        struct fault *failed;

        if (payload == NULL)
                return fault(FAULT_INVALID, "NO_MESSAGE", "the call has no message");
        if (payload->type != GRPC_BB_RAW || payload->data.raw.compression > GRPC_COMPRESS_NONE)
                return fault(FAULT_UNIMPLEMENTED, "COMPRESSED", "compressed messages are not taken");

        failed = payload_take(payload, &bytes);
        if (failed == NULL)
                failed = bytes_read(type, buf_span(&bytes), ret);
        buf_wipe(&bytes);
        return failed;
}

void rpc_request_free(ProtobufCMessage *request)
{
        if (request != NULL)
                protobuf_c_message_free_unpacked(request, &wiping);
}

/* ---- replies ---- */

grpc_byte_buffer *rpc_reply_write(const ProtobufCMessage *reply)
{
        grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(reply));
        grpc_byte_buffer *payload;

        protobuf_c_message_pack(reply, GRPC_SLICE_START_PTR(slice));
        payload = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        return payload;
}

ProtobufCMessage *rpc_reply_new(const ProtobufCMessageDescriptor *type)
{
        ProtobufCMessage *message = alloc_zero(1, type->sizeof_message);

        type->message_init(message);
        return message;
}

char *rpc_string(const char *text)
{
        return alloc_string(text);
}
