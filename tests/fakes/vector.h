/* vector: recorded files below tests/vectors, read whole. Tests run in the root of the repository. */
#pragma once

#include "tests/fakes/expect.h"

#include "lib/base/file.h"

#define VECTOR_MAX ((size_t) 256 * 1024)

/* AUTO(buf) struct buf quote = vector_read("tpm/keylime-sim/quote.attest"); */
static inline struct buf vector_read(const char *name)
{
        struct buf out = BUF(VECTOR_MAX);
        AUTO_STRING char *path = alloc_printf("tests/vectors/%s", name);

        expect_ok(file_read(path, &out));
        return out;
}
