/* Identity tokens as they stand, and inputs as claims that were signed: what is read again is what would be built. */
#include "lib/model/wit.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct key *signing;
        AUTO(wit) struct wit token = {0}, claims = {0}, again = {0};
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(JWT_MAX), rebuilt = BUF(WIT_MAX);

        if (signing == NULL) {
                AUTO(fault) struct fault *f = key_generate(KEY_P256, &signing);
                must(f == NULL);
        }
        AUTO(fault) struct fault *peeking = wit_peek(span_make(data, size), &token);
        if (peeking == NULL ? token.key == NULL : fault_code(peeking) != FAULT_UNAUTHENTICATED)
                abort();

        AUTO(fault) struct fault *parsing = json_parse(span_make(data, size), &j);
        if (parsing != NULL || json_kind(j) != JSON_OBJECT)
                return 0;
        struct jwt_signer signer = jwt_signer_of(signing, "k");
        AUTO(fault) struct fault *f = jwt_sign_by(&signer, WIT_TYPE, j, WIT_MAX, &text);
        if (f == NULL)
                f = wit_peek(buf_span(&text), &claims);
        if (f == NULL)
                f = wit_build(&claims, &signer, &rebuilt);
        else
                return 0;
        AUTO(fault) struct fault *reading = f == NULL ? wit_peek(buf_span(&rebuilt), &again) : NULL;
        /* only its size may be in the way: claims are written in their longest form, times and names are as they were */
        if (f != NULL ? fault_code(f) != FAULT_EXHAUSTED
                      : reading != NULL || strcmp(again.subject, claims.subject) != 0 ||
                                again.expires_unix_s != claims.expires_unix_s)
                abort();
        return 0;
}
