/* A service-account token before its signature is known to be good: choosing the cluster, splitting, decoding. Behind the signature the
 * claims are the cluster's own; the table of k8s_token_test.c has those. */
#include "issuer/verifier/k8s_token.h"

#include "lib/crypt/jwt.h"
#include "tests/fakes/fuzz.h"

/* RFC 7515, appendix A.3.1: a public key that nobody signs with. */
static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\","
                           "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct cluster cluster = {.name = (char *) "blue", .issuer = (char *) "https://blue.example.org"};
        if (cluster.keys == NULL) {
                AUTO(fault) struct fault *f = jwk_set_parse(SPAN(keys), &cluster.keys);
                if (f != NULL)
                        abort();
        }
        AUTO(k8s_token) struct k8s_token t = {0};
        AUTO(fault)
        struct fault *f = k8s_token_verify(span_make(data, size), &cluster, 1, "https://issuer.example.org",
                                           (struct wall){1795456800000}, &t);
        if (f == NULL)
                abort(); /* nobody has that key */
        return 0;
}
