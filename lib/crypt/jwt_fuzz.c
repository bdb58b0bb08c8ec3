/* Tokens against a fixed key, and key sets. The key is that of RFC 7515, appendix A.3, whose example is in the corpus. */
#include "lib/crypt/jwt.h"

#include "tests/fakes/fuzz.h"

#define KEYS                                                                                                           \
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","          \
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct jwk_set *keys;
        struct span input = span_make(data, size);
        AUTO(json) struct json *claims = NULL;
        AUTO(jwk_set) struct jwk_set *set = NULL;

        if (keys == NULL) {
                AUTO(fault) struct fault *f = jwk_set_parse(SPAN(KEYS), &keys);
                must(f == NULL);
        }
        AUTO(fault) struct fault *verifying = jwt_verify(input, keys, NULL, &claims);
        must(verifying == NULL ? json_kind(claims) == JSON_OBJECT : fault_code(verifying) == FAULT_UNAUTHENTICATED);
        AUTO(fault) struct fault *parsing = jwk_set_parse(input, &set);
        must(parsing != NULL || jwk_set_count(set) <= size);
        return 0;
}
