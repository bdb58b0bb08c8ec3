/* Reads arbitrary input with a program of reads taken from its own first half; checks what reader.h promises of every
 * fault: the reader has not moved and never leaves its input. */
#include "lib/base/reader.h"

#include <stdlib.h>

#include "tests/fakes/fuzz.h"

static struct fault *one_read(struct reader *r, uint8_t op)
{
        uint8_t bytes[16];
        struct span span;
        size_t len = op >> 4;
        switch (op & 15) {
        case 0:
                return reader_u8(r, bytes);
        case 1:
                return reader_u16be(r, &(uint16_t){0});
        case 2:
                return reader_u32be(r, &(uint32_t){0});
        case 3:
                return reader_u64be(r, &(uint64_t){0});
        case 4:
                return reader_u16le(r, &(uint16_t){0});
        case 5:
                return reader_u32le(r, &(uint32_t){0});
        case 6:
                return reader_u64le(r, &(uint64_t){0});
        case 7:
                return reader_bytes(r, bytes, len);
        case 8:
                return reader_span(r, len, &span);
        case 9:
                return reader_skip(r, len);
        case 10:
                return reader_sized16be(r, len, &span);
        case 11:
                return reader_sized32be(r, len, &span);
        case 12:
                return reader_sized16be(r, SIZE_MAX, &span);
        case 13:
                return reader_sized32be(r, SIZE_MAX, &span);
        case 14:
                return reader_span(r, SIZE_MAX - len, &span);
        default:
                return reader_end(r);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r = READER(span_make(data, size));
        for (size_t i = 0; i < size; i++) {
                size_t before = r.at;
                AUTO(fault) struct fault *f = one_read(&r, data[i]);
                if (r.at > size || r.at < before || (f != NULL && r.at != before))
                        abort();
                if (reader_left(&r) + r.at != size || reader_rest(&r).len != reader_left(&r))
                        abort();
        }
        return 0;
}
