/* What is accepted is written, and that text is read and written as itself; its roots have a PEM form. */
#include "lib/model/bundle.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(bundle) struct bundle first = {0}, second = {0};
        AUTO(buf) struct buf once = BUF(1u << 24), twice = BUF(1u << 24), pem = BUF(1u << 24);
        AUTO(fault) struct fault *refused = bundle_read(span_make(data, size), &first);
        must(refused == NULL || (first.root_count == 0 && strcmp(fault_token(refused), "BAD_BUNDLE") == 0));
        if (refused != NULL)
                return 0;
        AUTO(fault) struct fault *write_first = bundle_write(&first, &once);
        AUTO(fault) struct fault *read_second = bundle_read(buf_span(&once), &second);
        must(write_first == NULL && read_second == NULL);
        AUTO(fault) struct fault *write_second = bundle_write(&second, &twice);
        AUTO(fault) struct fault *as_pem = bundle_roots_pem(&first, &pem);
        must(write_second == NULL && as_pem == NULL && span_eq(buf_span(&once), buf_span(&twice)));
        return 0;
}
