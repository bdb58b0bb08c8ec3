#include "issuer/verifier/cca/token.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct cca_token t = {0};
        struct cca_platform p;
        struct cca_realm r;
        AUTO(key) struct key *k = NULL;
        struct span whole = span_make(data, size);
        AUTO(fault) struct fault *outer = cca_token_read(whole, &t);
        AUTO(fault) struct fault *platform = cca_platform_read(outer == NULL ? t.platform.payload : whole, &p);
        AUTO(fault) struct fault *realm = cca_realm_read(outer == NULL ? t.realm.payload : whole, &r);
        AUTO(fault) struct fault *key = cose_key_read(whole, &k);
        return 0;
}
