/* The first byte picks a status. Whatever the peer sends, a fault comes out whose text and token are fit to be shown,
 * and which goes through a document of ours unchanged. */
#include "lib/wire/problem.h"

#include "lib/base/utf8.h"
#include "tests/fakes/fuzz.h"

static void must_be_clean(struct span text)
{
        for (size_t at = 0; at < text.len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(text.data + at, text.len - at, &point);
                must(taken > 0 && !utf8_is_control(point));
                at += taken;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        AUTO(json) struct json *j = NULL;
        AUTO(fault) struct fault *bad_json = json_parse(span_make(data + 1, size - 1), &j);
        AUTO(fault) struct fault *f = problem_read(400 + data[0], bad_json == NULL ? j : NULL);
        must_be_clean(span_str(fault_text(f)));
        must_be_clean(span_str(fault_token(f)));
        must(strlen(fault_text(f)) <= FAULT_TEXT_MAX && fault_retry_after_ms(f) >= 0);

        AUTO(json) struct json *again = problem_write(f);
        AUTO(fault) struct fault *same = problem_read(problem_http_status(fault_code(f)), again);
        must(fault_code(same) == fault_code(f) && strcmp(fault_token(same), fault_token(f)) == 0 &&
             strcmp(fault_text(same), fault_text(f)) == 0);
        return 0;
}
