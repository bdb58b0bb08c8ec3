/* What reads as a transcript writes back as the same bytes: one transcript has one reading. */
#include "lib/crypt/binding.h"

#include <stdlib.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct binding b;
        AUTO(buf) struct buf back = BUF(BINDING_T_MAX);

        AUTO(fault) struct fault *reading = binding_read(span_make(data, size), &b);
        if (reading != NULL)
                return 0;
        AUTO(fault) struct fault *writing = binding_write(&b, &back);
        if (writing != NULL || !span_eq(buf_span(&back), span_make(data, size)))
                abort();
        return 0;
}
