/* What http_head_parse accepts keeps its promises: known characters in the path, bounded pieces, and nothing on a fault. */
#include "lib/net/http_head.h"

#include <assert.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(http_head) struct http_head head = {0};
        AUTO(fault) struct fault *failed = NULL;

        if (size > HTTP_HEAD_MAX)
                return 0;
        failed = http_head_parse(span_make(data, size), &head);
        if (failed != NULL) {
                assert(head.path.data == NULL && head.query.data == NULL && head.if_none_match.data == NULL);
                return 0;
        }
        assert(head.path.len > 0 && head.path.data[0] == '/');
        for (size_t i = 0; i < head.path.len; i++)
                assert(head.path.data[i] >= 0x20 && head.path.data[i] != 0x7f);
        assert(!span_has_nul(buf_span(&head.query)) && !span_has_nul(buf_span(&head.if_none_match)));
        return 0;
}
