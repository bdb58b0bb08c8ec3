#include "lib/model/evidence_parts.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = {"auxblob", "ccel", "quote", NULL};
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(fault) struct fault *f = evidence_parts_read(span_make(data, size), names, &e);
        if (f != NULL)
                return 0;
        AUTO(buf) struct buf text = BUF((size_t) 16 << 20);
        f = evidence_parts_write(&e, &text);
        return 0;
}
