/* What is read must be written so that it reads the same again. */
#include "lib/model/tpm_evidence.h"

#include <assert.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new(), back = tpm_evidence_new();
        AUTO(buf) struct buf text = BUF(1u << 20), again = BUF(1u << 20);
        AUTO(fault) struct fault *f = tpm_evidence_read(span_make(data, size), &e);
        if (f != NULL)
                return 0;
        f = tpm_evidence_write(&e, &text);
        if (f == NULL)
                f = tpm_evidence_read(buf_span(&text), &back);
        if (f == NULL)
                f = tpm_evidence_write(&back, &again);
        assert(f == NULL && span_eq(buf_span(&text), buf_span(&again)));
        return 0;
}
