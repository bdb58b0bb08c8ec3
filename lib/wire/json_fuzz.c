/* What is accepted is written canonically, and the canonical text is a fixed point: it is read and written as itself.
 * */
#include "lib/wire/json.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(json) struct json *first = NULL, *second = NULL;
        AUTO(buf) struct buf once = BUF(1u << 24), twice = BUF(1u << 24), pretty = BUF(1u << 24);
        AUTO(fault) struct fault *refused = json_parse(span_make(data, size), &first);
        must((refused == NULL) == (first != NULL));
        if (first == NULL)
                return 0;

        AUTO(fault) struct fault *write_first = json_write(first, &once);
        AUTO(fault) struct fault *read_second = json_parse(buf_span(&once), &second);
        must(write_first == NULL && read_second == NULL);
        AUTO(fault) struct fault *write_second = json_write(second, &twice);
        must(write_second == NULL && span_eq(buf_span(&once), buf_span(&twice)));
        AUTO(fault) struct fault *write_pretty = json_write_pretty(first, &pretty);
        must(write_pretty == NULL);
        return 0;
}
