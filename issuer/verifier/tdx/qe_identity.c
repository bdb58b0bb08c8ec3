/* The enclave identity of the TD quoting enclave. */
#include "issuer/verifier/tdx/tcb_info.h"

#include "issuer/verifier/tdx/tcb_json.h"

#define ID_MAX 32

static struct fault *check_id(const struct json *o)
{
        struct span id = SPAN_NONE;
        int64_t version = 0;

        TRY(json_need_text(o, "id", ID_MAX, &id));
        TRY(json_need_int(o, "version", 0, UINT32_MAX, &version));
        if (!span_eq_str(id, "TD_QE") || (version != 2 && version != 3))
                return fault(FAULT_DENIED, "tdx.qe_identity_id", "identity of %.*s, version %d; wanted TD_QE, 2 or 3",
                             (int) id.len, (const char *) id.data, (int) version);
        return NULL;
}

static struct fault *read_identity(struct span text, struct qe_identity *q)
{
        AUTO(json) struct json *o = NULL;
        uint32_t prod_id = 0;

        TRY(json_parse(text, &o));
        TRY(check_id(o));
        TRY(tcb_json_head(o, &q->issue_date, &q->next_update, &q->evaluation_number));
        TRY(tcb_json_hex(o, "miscselect", q->miscselect, sizeof(q->miscselect)));
        TRY(tcb_json_hex(o, "miscselectMask", q->miscselect_mask, sizeof(q->miscselect_mask)));
        TRY(tcb_json_hex(o, "attributes", q->attributes, sizeof(q->attributes)));
        TRY(tcb_json_hex(o, "attributesMask", q->attributes_mask, sizeof(q->attributes_mask)));
        TRY(tcb_json_hex(o, "mrsigner", q->mrsigner, sizeof(q->mrsigner)));
        TRY(tcb_json_u32(o, "isvprodid", UINT16_MAX, &prod_id));
        q->isv_prod_id = (uint16_t) prod_id;
        return tcb_json_isv_levels(o, &q->levels);
}

struct fault *qe_identity_read(struct span json, struct qe_identity *ret)
{
        struct fault *f = read_identity(json, ret);
        return fault_code(f) == FAULT_DENIED ? f : fault_rename(f, FAULT_INVALID, "tdx.qe_identity");
}

void qe_identity_clear(struct qe_identity *q)
{
        isv_levels_clear(&q->levels);
}
