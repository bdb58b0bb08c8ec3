/* What a maker of TEEs, or a bundle, says: a path of a sort, a newline, the body. What is read says when it ends, and when it is due. */
#include "issuer/endorse/sort.h"
#include "tests/fakes/fuzz.h"

#define PATH_MAX_LEN 400
static const struct wall now = {1750000000000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
        size_t path_len = newline == NULL ? 0 : (size_t) (newline - data);
        if (path_len == 0 || path_len > PATH_MAX_LEN || span_has_nul(span_make(data, path_len)))
                return 0;
        AUTO_STRING char *path = span_to_string(span_make(data, path_len));
        struct span body = span_make(newline + 1, size - path_len - 1);

        AUTO(endorsement) struct endorsement *e = NULL;
        AUTO(fault) struct fault *f = sort_read(path, body, SPAN_NONE, now, &e);
        if (f == NULL)
                must(sort_due(e, now, /* random= */ 7) >= 0);
        return 0;
}
