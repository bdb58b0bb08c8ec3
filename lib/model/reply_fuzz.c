/* The first byte picks the document. What is accepted is written canonically, and that text is read and written as
 * itself. */
#include "lib/model/reply.h"

#include "tests/fakes/fuzz.h"

#define FIXED_POINT(type)                                                                                              \
        static void type##_fixed_point(struct span text)                                                               \
        {                                                                                                              \
                AUTO(type) struct type first = {0}, second = {0};                                                      \
                AUTO(buf) struct buf once = BUF(1u << 24), twice = BUF(1u << 24);                                      \
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
FIXED_POINT(challenge)
FIXED_POINT(issue_reply)
FIXED_POINT(enrol_reply)
FIXED_POINT(activate_reply)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const documents[])(struct span) = {challenge_fixed_point, issue_reply_fixed_point,
                                                         enrol_reply_fixed_point, activate_reply_fixed_point};
        if (size > 0)
                documents[data[0] % COUNT_OF(documents)](span_make(data + 1, size - 1));
        return 0;
}
