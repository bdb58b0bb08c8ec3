#include "issuer/verifier/tdx/signed_json.h"

#include "issuer/verifier/tdx/slice.h"
#include "lib/base/parse.h"

const struct signed_json_names signed_tcb_info = {"tcb_info.json", "tcb_info.sig", "tcb_info.response.json", "tcbInfo"};
const struct signed_json_names signed_qe_identity = {"qe_identity.json", "qe_identity.sig", "qe_identity.response.json",
                                                     "enclaveIdentity"};

bool signed_json_is_there(const struct appraisal *in, const struct signed_json_names *n)
{
        return (appraisal_part(in, n->document).len > 0 && appraisal_part(in, n->signature).len > 0) ||
               appraisal_part(in, n->response).len > 0;
}

struct span signed_json_used(const struct appraisal *in, const struct signed_json_names *n)
{
        struct span whole = appraisal_part(in, n->response), document = appraisal_part(in, n->document);
        return document.len > 0 && appraisal_part(in, n->signature).len > 0 ? document : whole;
}

/* Raw, or hex with a newline of an editor's. */
static struct fault *read_signature(struct span s, uint8_t ret[SIGNED_JSON_SIGNATURE_LEN])
{
        AUTO(buf) struct buf bytes = BUF(2 * SIGNED_JSON_SIGNATURE_LEN);

        if (s.len == SIGNED_JSON_SIGNATURE_LEN) {
                memcpy(ret, s.data, s.len);
                return NULL;
        }
        while (s.len > 0 && (s.data[s.len - 1] == '\n' || s.data[s.len - 1] == '\r'))
                s.len--;
        if (s.len == 2 * (size_t) SIGNED_JSON_SIGNATURE_LEN)
                TRY(hex_decode(s, &bytes));
        if (bytes.len != SIGNED_JSON_SIGNATURE_LEN)
                return fault(FAULT_INVALID, "BAD_SIGNATURE", "neither 64 bytes nor their hex");
        memcpy(ret, bytes.data, bytes.len);
        return NULL;
}

struct fault *signed_json_read(const struct appraisal *in, const struct signed_json_names *n, struct span *ret_document,
                               uint8_t ret_signature[SIGNED_JSON_SIGNATURE_LEN])
{
        struct span document = appraisal_part(in, n->document), signature = appraisal_part(in, n->signature);
        AUTO(json) struct json *response = NULL;
        struct span hex = SPAN_NONE;

        if (document.len > 0 && signature.len > 0) {
                *ret_document = document;
                return read_signature(signature, ret_signature);
        }
        document = appraisal_part(in, n->response);
        TRY(json_parse(document, &response));
        TRY(json_need_text(response, "signature", 2 * SIGNED_JSON_SIGNATURE_LEN, &hex));
        TRY(read_signature(hex.len == 2 * (size_t) SIGNED_JSON_SIGNATURE_LEN ? hex : SPAN_NONE, ret_signature));
        return json_member_slice(document, n->member, ret_document);
}
