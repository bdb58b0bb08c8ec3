/* pbcheck: protobuf wire bytes checked against their descriptor before protobuf-c unpacks them.
 *
 * protobuf-c truncates strings at NUL, accepts invalid UTF-8, and turns small inputs into large allocations. This
 * walker refuses what must not reach it: FAULT_INVALID "PB_NUL", "PB_UTF8", "PB_WIRE" (bad varint, wire type, length,
 * group), FAULT_EXHAUSTED "PB_FIELDS", "PB_DEPTH". Unknown fields are allowed (proto3) but count against the budget. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "lib/base/span.h"

struct pbcheck_limits {
        size_t fields; /* all fields at all depths */
        size_t depth;
};
#define PBCHECK_LIMITS ((struct pbcheck_limits){4096, 8})

struct fault *pbcheck(const ProtobufCMessageDescriptor *type, struct span bytes,
                      const struct pbcheck_limits *limits) MUST_USE;
/* Checks, then unpacks. Free with protobuf_c_message_free_unpacked(msg, NULL). */
struct fault *pb_unpack(const ProtobufCMessageDescriptor *type, struct span bytes, const struct pbcheck_limits *limits,
                        ProtobufCMessage **ret) MUST_USE;
struct fault *pb_pack(const ProtobufCMessage *message, struct buf *out) MUST_USE;
