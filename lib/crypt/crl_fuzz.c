/* A list that is taken answers every question, keeps its bytes, and is of nobody whom we know. */
#include "lib/crypt/crl.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(crl) struct crl *c = NULL, *again = NULL;

        AUTO(fault) struct fault *f = crl_read(span_make(data, size), &c);
        must((f == NULL) == (c != NULL));
        if (c == NULL)
                return 0;
        must(crl_der(c).len > 0 && crl_issuer_der(c).len >= 2);
        (void) crl_lists(c, SPAN("\x01")); /* asked for its own sake */
        (void) crl_lists(c, SPAN_NONE);
        AUTO(fault) struct fault *back = crl_read(crl_der(c), &again);
        must(back == NULL && span_eq(crl_der(c), crl_der(again)));
        must(wall_unix_s(crl_next_update(c)) == wall_unix_s(crl_next_update(again)));
        return 0;
}
