/* Skipping and stepping agree on where items end. */
#include "lib/wire/cbor.h"

#include <stdlib.h>

#include "tests/fakes/fuzz.h"

static struct fault *step(struct reader *r)
{
        enum cbor_major major;
        uint64_t number;
        int64_t signed_number;
        struct span s;
        struct cbor_list list;
        TRY(cbor_peek(r, &major));
        switch (major) {
        case CBOR_UINT:
                return cbor_uint(r, &number);
        case CBOR_NINT:
                return cbor_int(r, &signed_number);
        case CBOR_BYTES:
                return cbor_bytes(r, &s);
        case CBOR_TEXT:
                return cbor_text(r, &s);
        case CBOR_ARRAY:
        case CBOR_MAP: {
                struct fault *f = NULL;
                TRY(major == CBOR_ARRAY ? cbor_array(r, &list) : cbor_map(r, &list));
                while (cbor_more(r, &list, &f)) {
                        TRY(cbor_skip(r, &s));
                        if (major == CBOR_MAP)
                                TRY(cbor_skip(r, &s));
                }
                return f;
        }
        case CBOR_TAG:
                TRY(cbor_tag(r, &number));
                return cbor_skip(r, &s);
        case CBOR_SIMPLE:
                break;
        }
        return cbor_skip(r, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader skipping = READER(span_make(data, size)), stepping = skipping;
        while (reader_left(&skipping) > 0) {
                struct span item;
                AUTO(fault) struct fault *skipped = cbor_skip(&skipping, &item);
                AUTO(fault) struct fault *stepped = step(&stepping);
                if (skipped != NULL)
                        return 0;
                if (stepped != NULL)
                        return 0; /* text that is no UTF-8, a number out of range: skipping doesn't look */
                if (stepping.at != skipping.at)
                        abort();
        }
        return 0;
}
