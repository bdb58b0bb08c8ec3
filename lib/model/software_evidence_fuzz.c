/* What is read must be written so that it reads the same again; no signature of a stranger's crashes the verifier. */
#include "lib/model/software_evidence.h"

#include <assert.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(software_evidence) struct software_evidence e = software_evidence_new(), back = software_evidence_new();
        AUTO(buf) struct buf text = BUF(1u << 20), again = BUF(1u << 20);
        AUTO(fault) struct fault *f = software_evidence_read(span_make(data, size), &e);
        if (f != NULL)
                return 0;
        f = software_evidence_write(&e, &text);
        if (f == NULL)
                f = software_evidence_read(buf_span(&text), &back);
        if (f == NULL)
                f = software_evidence_write(&back, &again);
        assert(f == NULL && span_eq(buf_span(&text), buf_span(&again)));
        AUTO(fault) struct fault *refused = software_evidence_verify(&back, SPAN("t"));
        return 0;
}
