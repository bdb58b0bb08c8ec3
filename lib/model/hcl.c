#include "lib/model/hcl.h"

#include "lib/base/reader.h"

#define SIGNATURE        SPAN("HCLA")
#define REQUEST_DATA_LEN 20

static struct fault *read_header(struct reader *r)
{
        struct span signature = SPAN_NONE;
        uint32_t version = 0, size = 0, request_type = 0, status = 0;
        TRY(reader_span(r, 4, &signature));
        if (!span_eq(signature, SIGNATURE))
                return fault(FAULT_INVALID, "az.structure", "not a report of the host compatibility layer");
        TRY(reader_u32le(r, &version));
        TRY(reader_u32le(r, &size));
        TRY(reader_u32le(r, &request_type));
        TRY(reader_u32le(r, &status));
        return reader_skip(r, 12); /* reserved */
}

/* IGVM_REQUEST_DATA */
static struct fault *read_request_data(struct reader *r, struct hcl_report *h, uint32_t *ret_len)
{
        uint32_t size = 0, version = 0, len = 0;
        TRY(reader_u32le(r, &size));
        TRY(reader_u32le(r, &version));
        TRY(reader_u32le(r, &h->report_type));
        TRY(reader_u32le(r, &h->hash_type));
        TRY(reader_u32le(r, &len));
        if (len == 0 || len > HCL_REPORT_MAX || size != REQUEST_DATA_LEN + len)
                return fault(FAULT_INVALID, "az.structure", "request data of %u bytes with %u of runtime data", size,
                             len);
        *ret_len = len;
        return NULL;
}

static struct fault *read_report(struct span bytes, struct hcl_report *h)
{
        struct reader r = READER(bytes);
        uint32_t len = 0;
        TRY(read_header(&r));
        TRY(reader_span(&r, HCL_SLOT_LEN, &h->slot));
        TRY(read_request_data(&r, h, &len));
        return reader_span(&r, len, &h->runtime_data); /* what follows is padding */
}

struct fault *hcl_read(struct span bytes, struct hcl_report *ret)
{
        struct hcl_report h = {0};
        if (bytes.len > HCL_REPORT_MAX)
                return fault(FAULT_INVALID, "az.structure", "a report of %zu bytes", bytes.len);
        TRY(fault_rename(read_report(bytes, &h), FAULT_INVALID, "az.structure"));
        *ret = h;
        return NULL;
}
