/* Sealed keys opened with a fixed key. What opens must have been sealed to that key: the corpus holds such ones. */
#include "lib/crypt/jwe.h"

#include "tests/fakes/fuzz.h"

/* Of this test alone: RFC 7518, appendix C, Bob. */
#define OWN                                                                                                            \
        "-----BEGIN EC PRIVATE KEY-----\n"                                                                             \
        "MDECAQEEIFRJg2aQ11yvKfDdAp3bMbPduKup0tUVxQEkZegX1KncoAoGCCqGSM49\n"                                           \
        "AwEH\n"                                                                                                       \
        "-----END EC PRIVATE KEY-----\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct key *own;
        static const struct jwe_parties parties = {SPAN("Alice"), SPAN("Bob")};
        AUTO(secret) struct secret *plain = NULL;

        if (own == NULL) {
                AUTO(fault) struct fault *f = key_from_pem_private(SPAN(OWN), &own);
                must(f == NULL);
        }
        AUTO(fault) struct fault *f = jwe_open(own, &parties, span_make(data, size), &plain);
        if (f == NULL ? secret_len(plain) == 0 || secret_len(plain) >= size : fault_code(f) != FAULT_UNAUTHENTICATED)
                abort();
        return 0;
}
