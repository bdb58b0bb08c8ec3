/* Intel's extension of a PCK certificate. */
#include "issuer/verifier/tdx/pck.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct pck_extension p;
        AUTO(fault) struct fault *f = pck_extension_read(span_make(data, size), &p);
        return 0;
}
