/* What a security module answers: the host stands between it and us. */
#include "attester/evidence/nsm.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span document = SPAN_NONE;
        AUTO(fault) struct fault *f = nsm_response_read(span_make(data, size), &document);
        assert((f == NULL) == (document.len > 0));
        assert(f != NULL || (document.data > data && document.data + document.len <= data + size));
        return 0;
}
