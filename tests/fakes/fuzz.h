/* fuzz: what fuzz targets share. */
#pragma once

#include <stdlib.h>

#include "lib/base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
        if (!holds)
                abort();
}

/* The next part of an input that is several: what a length of two bytes says, or all that is left. */
static inline struct span next_part(struct span *rest)
{
        if (rest->len < 2)
                return SPAN_NONE;
        size_t len = (size_t) (rest->data[0] << 8 | rest->data[1]);
        if (len > rest->len - 2)
                len = rest->len - 2;
        struct span part = span_slice(*rest, 2, len);
        *rest = span_slice(*rest, 2 + len, rest->len - 2 - len);
        return part;
}
