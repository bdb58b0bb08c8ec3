/* A public key that is taken has the encoding that it came in. */
#include "lib/crypt/key.h"

#include <stdlib.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span input = span_make(data, size);
        AUTO(key) struct key *k = NULL, *pem = NULL;

        AUTO(fault) struct fault *reading = key_from_spki(input, &k);
        if (reading == NULL && !span_eq(key_spki(k), input))
                abort();
        AUTO(fault) struct fault *reading_pem = key_from_pem_public(input, &pem);
        if (reading_pem == NULL && key_is_private(pem))
                abort();
        if (k == NULL)
                return 0;
        AUTO(fault)
        struct fault *verifying =
                key_verify(k, HASH_SHA256, key_kind(k) == KEY_RSA ? SIGNATURE_RSAPSS : SIGNATURE_RAW, input, input);
        if (verifying == NULL)
                abort();
        return 0;
}
