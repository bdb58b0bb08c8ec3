/* The first byte picks the document. What is accepted is written canonically, and that text is read and written as
 * itself. */
#include "lib/model/request.h"

#include "lib/wire/cmw.h"
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
FIXED_POINT(issue_request)
FIXED_POINT(enrol_request)
FIXED_POINT(activate_request)

static void envelope(struct span text)
{
        AUTO(buf) struct buf r = BUF(0), again = BUF(0), out = BUF(1u << 22);
        AUTO(cmw) struct cmw evidence = {0}, more = {0};
        AUTO(fault) struct fault *refused = envelope_read(text, &r, &evidence);
        if (refused != NULL)
                return;
        AUTO(fault) struct fault *written = envelope_write(buf_span(&r), evidence.count > 0 ? &evidence : NULL, &out);
        AUTO(fault) struct fault *read = envelope_read(buf_span(&out), &again, &more);
        must(written == NULL && read == NULL && span_eq(buf_span(&r), buf_span(&again)) &&
             evidence.count == more.count);
        issue_request_fixed_point(buf_span(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const documents[])(struct span) = {issue_request_fixed_point, enrol_request_fixed_point,
                                                         activate_request_fixed_point, envelope};
        if (size > 0)
                documents[data[0] % COUNT_OF(documents)](span_make(data + 1, size - 1));
        return 0;
}
