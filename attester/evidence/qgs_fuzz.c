/* What a host's quote generation service answers. */
#include "attester/evidence/qgs.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span quote = SPAN_NONE;
        AUTO(fault) struct fault *f = qgs_response_read(span_make(data, size), &quote);
        assert((f == NULL) == (quote.len > 0));
        assert(f != NULL || (quote.len <= QGS_QUOTE_MAX && quote.data + quote.len == data + size));
        return 0;
}
