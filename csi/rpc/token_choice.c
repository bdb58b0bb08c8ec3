#include "csi/rpc/token_choice.h"

#include "lib/model/names.h"
#include "lib/wire/json.h"

struct fault *token_choose(struct span text, const char *audience, struct secret **ret_token)
{
        AUTO(json) struct json *tokens = NULL;
        struct fault *unreadable = json_parse(text, &tokens);
        if (unreadable != NULL || json_kind(tokens) != JSON_OBJECT) {
                fault_free(unreadable); /* its text may quote the token */
                return fault(FAULT_INVALID, "TOKEN_JSON", "kubelet's service-account tokens are not a JSON object");
        }

        const struct json *entry = json_get(tokens, audience);
        if (entry == NULL)
                return fault(
                        FAULT_PRECONDITION, "TOKEN_AUDIENCE",
                        "kubelet sent service-account tokens, but none for audience %s: tokenRequests of the CSIDriver "
                        "object must name it",
                        audience);
        struct span token = SPAN_NONE;
        TRY(json_need_text(entry, "token", TOKEN_MAX, &token));
        if (token.len == 0)
                return fault(FAULT_INVALID, "TOKEN_JSON", "the service-account token for audience %s is empty",
                             audience);
        *ret_token = secret_copy(token);
        return NULL;
}
