#include "issuer/verifier/nitro/document.h"

#include "lib/crypt/cose.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct cose_sign1 c = {0};
        struct nitro_document d;
        AUTO(fault) struct fault *outer = cose_sign1_read(span_make(data, size), &c);
        AUTO(fault)
        struct fault *inner =
                nitro_document_read(outer == NULL ? c.payload : span_make(data, size), &d); /* reached either way */
        return 0;
}
