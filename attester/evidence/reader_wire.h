/* reader_wire: proto/reader.proto to our structs and back, strictly, for both ends of the evidence reader's socket. Pure. */
#pragma once

#include "attester/evidence/source.h"

#define READER_FRAME_MAX       (1u << 20)
#define READER_DEADLINE_MAX_MS ((int64_t) 600000)

#define READER_VERSION   1
#define READER_KINDS_MAX 4 /* of one reader */

enum read_what { READ_EVIDENCE, READ_ENROLMENT, READ_ACTIVATION, READ_HELLO };
struct read_call {
        uint64_t id;
        int64_t deadline_ms;         /* 1 to READER_DEADLINE_MAX_MS */
        char kind[NAME_MAX_LEN + 1]; /* READ_HELLO: none */
        enum read_what what;
        struct binding binding; /* READ_EVIDENCE; once read, nonce and audience are in `bytes` */
        struct buf bytes;
        struct buf credential_blob, encrypted_secret; /* READ_ACTIVATION */
        uint32_t version;                             /* READ_HELLO: of the caller */
};
/* FAULT_INVALID "READER_CALL" for anything that isn't one, whole and within its limits. */
struct fault *read_call_read(struct span frame, struct read_call *ret) MUST_USE;
struct fault *read_call_write(const struct read_call *c, struct buf *out) MUST_USE;
void read_call_clear(struct read_call *c);
DEFINE_AUTO_VALUE(read_call)

/* What a reader reads, the primary kind first. */
struct reader_kinds {
        uint32_t version; /* 0: there are none here */
        size_t count;
        char names[READER_KINDS_MAX][NAME_MAX_LEN + 1];
};
struct read_answer {
        uint64_t id;          /* 0: of a call that could not be read */
        struct fault *failed; /* NULL: what was asked for is filled */
        struct cmw evidence;  /* one item */
        struct enrolment_material enrolment;
        struct secret *secret;
        struct reader_kinds kinds;
};
/* FAULT_INTERNAL "READER_ANSWER" for anything that isn't an answer. A secret passes through both buffers: wipe them. */
struct fault *read_answer_read(struct span frame, struct read_answer *ret) MUST_USE;
struct fault *read_answer_write(const struct read_answer *a, struct buf *out) MUST_USE;
void read_answer_clear(struct read_answer *a);
DEFINE_AUTO_VALUE(read_answer)
