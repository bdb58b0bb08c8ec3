/* An accepted id is its scheme, a good trust domain and its path, all of characters that need no escape anywhere. */
#include "lib/model/spiffe_id.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span id = span_make(data, size);
        AUTO(fault) struct fault *refused = spiffe_id_check(id);
        if (refused != NULL)
                return 0;
        struct span path = spiffe_id_path(id);
        must(path.len > 1 && path.data[0] == '/' && path.data[path.len - 1] != '/');
        struct span domain = span_slice(id, 9, id.len - 9 - path.len);
        AUTO(fault) struct fault *bad_domain = trust_domain_check(domain);
        must(bad_domain == NULL && spiffe_id_is_in(id, domain));
        must(!span_has_nul(id) && memchr(id.data, '%', id.len) == NULL && memmem(id.data, id.len, "/../", 4) == NULL);
        return 0;
}
