/* Nonces come from anybody. */
#include "issuer/api/nonce.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(secret) struct secret *master = secret_new(MASTER_LEN);
        int64_t expires = 0;
        fault_free(nonce_check(master, "https://issuer.example", (struct wall){1795456800000}, span_make(data, size),
                               &expires));
        return 0;
}
