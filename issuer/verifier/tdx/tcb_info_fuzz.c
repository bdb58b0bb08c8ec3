/* What Intel publishes, in both forms: TCB info, enclave identity, and the slice out of an answer. */
#include "issuer/verifier/tdx/slice.h"
#include "issuer/verifier/tdx/tcb_info.h"
#include "lib/wire/json.h"
#include "tests/fakes/fuzz.h"

/* A slice of a text that is JSON is JSON. */
static void check_slice(struct span text)
{
        AUTO(json) struct json *whole = NULL;
        AUTO(json) struct json *part = NULL;
        struct span slice;
        AUTO(fault) struct fault *f = json_member_slice(text, "tcbInfo", &slice);
        if (f != NULL)
                return;
        AUTO(fault) struct fault *not_json = json_parse(text, &whole);
        if (not_json != NULL)
                return;
        AUTO(fault) struct fault *bad = json_parse(slice, &part);
        if (bad != NULL || json_get(whole, "tcbInfo") == NULL)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span text = span_make(data, size);
        AUTO(tcb_info) struct tcb_info info = {0};
        AUTO(qe_identity) struct qe_identity identity = {0};

        check_slice(text);
        AUTO(fault) struct fault *f = tcb_info_read(text, &info);
        if (f == NULL && info.level_count == 0)
                __builtin_trap();
        AUTO(fault) struct fault *g = qe_identity_read(text, &identity);
        if (g == NULL && isv_level_of(&identity.levels, UINT16_MAX) == NULL)
                __builtin_trap();
        return 0;
}
