/* Attestation results: inputs as tokens, and as claims that a trusted verifier has signed. */
#include "lib/model/ear_names.h"

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct ear_rules nobody = {.audience = "https://issuer.example"};
        AUTO(ear) struct ear token = {0}, e = {0};
        AUTO(json) struct json *j = NULL;

        AUTO(fault) struct fault *verifying = ear_verify(span_make(data, size), &nobody, &token);
        if (fault_code(verifying) != FAULT_UNAUTHENTICATED) /* nobody is trusted */
                abort();
        AUTO(fault) struct fault *parsing = json_parse(span_make(data, size), &j);
        if (parsing != NULL)
                return 0;
        AUTO(fault) struct fault *f = ear_read_claims(j, &e);
        if (f != NULL ? fault_code(f) != FAULT_UNAUTHENTICATED
                      : e.key_count == 0 || e.result.status < trust_vector_status(&e.result.vector) ||
                                e.result.status == EAR_NONE)
                abort();
        return 0;
}
