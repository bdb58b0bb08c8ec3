/* What is accepted is written and read again as the same items. */
#include "lib/wire/cmw.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(json) struct json *j = NULL;
        AUTO(fault) struct fault *bad_json = json_parse(span_make(data, size), &j);
        if (bad_json != NULL)
                return 0;
        AUTO(cmw) struct cmw c = {0}, again = {0};
        AUTO(fault) struct fault *refused = cmw_parse(j, &c);
        must((refused == NULL) == (c.count > 0));
        if (refused != NULL)
                return 0;

        AUTO(json) struct json *written = cmw_to_json(&c);
        AUTO(fault) struct fault *f = cmw_parse(written, &again);
        must(f == NULL && again.count == c.count);
        for (size_t i = 0; i < c.count; i++)
                must(span_eq(buf_span(&c.items[i].value), buf_span(&again.items[i].value)) &&
                     strcmp(c.items[i].type, again.items[i].type) == 0 &&
                     strcmp(c.items[i].label, again.items[i].label) == 0 &&
                     c.items[i].indicator == again.items[i].indicator);
        return 0;
}
