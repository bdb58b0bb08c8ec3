/* The first byte picks the document. What is accepted is written canonically, and that text is read and written as
 * itself. */
#include "lib/model/release.h"

#include "tests/fakes/fuzz.h"

#define FIXED_POINT(type)                                                                                              \
        static void type##_fixed_point(struct span text)                                                               \
        {                                                                                                              \
                AUTO(type) struct type first = {0}, second = {0};                                                      \
                AUTO(buf) struct buf once = BUF(1u << 22), twice = BUF(1u << 22);                                      \
                AUTO(fault) struct fault *refused = type##_read(text, &first);                                         \
                if (refused != NULL) {                                                                                 \
                        must(span_is_zero(SPAN_OF(first)));                                                            \
                        return;                                                                                        \
                }                                                                                                      \
                AUTO(fault) struct fault *write_first = type##_write(&first, &once);                                   \
                AUTO(fault) struct fault *read_second = type##_read(buf_span(&once), &second);                         \
                must(write_first == NULL && read_second == NULL);                                                      \
                AUTO(fault) struct fault *write_second = type##_write(&second, &twice);                                \
                must(write_second == NULL && span_eq(buf_span(&once), buf_span(&twice)));                              \
        }
FIXED_POINT(release_request)
FIXED_POINT(release_reply)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        struct span text = span_make(data + 1, size - 1);
        if (data[0] % 2 == 0)
                release_request_fixed_point(text);
        else
                release_reply_fixed_point(text);
        return 0;
}
