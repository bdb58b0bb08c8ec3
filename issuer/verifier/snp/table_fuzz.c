/* What a table says lies within it. */
#include "issuer/verifier/snp/table.h"

#include <stdlib.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct snp_table t;

        AUTO(fault) struct fault *f = snp_table_read(span_make(data, size), &t);
        if (f != NULL)
                return 0;
        for (size_t i = 0; i < SNP_ENTRY_COUNT; i++) {
                struct span e = t.entries[i];
                if (e.len > 0 && (e.data < data || e.len > (size_t) (data + size - e.data)))
                        abort();
        }
        return 0;
}
