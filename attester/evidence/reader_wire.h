/* reader_wire: proto/reader.proto to our structs and back, strictly, for both ends of the evidence reader's socket. Pure. */
#pragma once

#include "attester/evidence/source.h"

#define READER_FRAME_MAX       (1u << 20)
#define READER_DEADLINE_MAX_MS ((int64_t) 600000)

enum read_what { READ_EVIDENCE, READ_ENROLMENT, READ_ACTIVATION };
struct read_call {
        uint64_t id;
        int64_t deadline_ms; /* 1 to READER_DEADLINE_MAX_MS */
        char kind[NAME_MAX_LEN + 1];
        enum read_what what;
        struct binding binding; /* READ_EVIDENCE; once read, nonce and audience are in `bytes` */
        struct buf bytes;
        struct buf credential_blob, encrypted_secret; /* READ_ACTIVATION */
};
/* FAULT_INVALID "READER_CALL" for anything that isn't one, whole and within its limits. */
struct fault *read_call_read(struct span frame, struct read_call *ret) MUST_USE;
struct fault *read_call_write(const struct read_call *c, struct buf *out) MUST_USE;
void read_call_clear(struct read_call *c);
DEFINE_AUTO_VALUE(read_call)

struct read_answer {
        uint64_t id;
        struct fault *failed; /* NULL: what was asked for is filled */
        struct cmw evidence;  /* one item */
        struct enrolment_material enrolment;
        struct secret *secret;
};
/* FAULT_INTERNAL "READER_ANSWER" for anything that isn't an answer. A secret passes through both buffers: wipe them. */
struct fault *read_answer_read(struct span frame, struct read_answer *ret) MUST_USE;
struct fault *read_answer_write(const struct read_answer *a, struct buf *out) MUST_USE;
void read_answer_clear(struct read_answer *a);
DEFINE_AUTO_VALUE(read_answer)
