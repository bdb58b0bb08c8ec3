#include "issuer/verifier/azure/tdreport.h"

#include "issuer/verifier/tdx/quote.h"
#include "lib/base/reader.h"
#include "lib/model/hcl.h"

#define TDX_REPORT_TYPE 0x81 /* REPORTTYPE.TYPE */

struct field {
        const char *name;
        size_t at;
        struct span wanted;
};

static struct span little_endian(uint64_t v, uint8_t where[8])
{
        for (unsigned i = 0; i < 8; i++)
                where[i] = (uint8_t) (v >> (8 * i));
        return span_make(where, 8);
}

static const char *first_difference(struct span tdreport, const struct tdx_body *b)
{
        uint8_t seam[8], attributes[8], xfam[8];
        const struct field fields[] = {
                /* REPORTMACSTRUCT */
                {"report data", 128, b->report_data},
                /* TEE_TCB_INFO at 256 */
                {"TEE TCB SVN", 264, b->tee_tcb_svn},
                {"MRSEAM", 280, b->mr_seam},
                {"MRSIGNERSEAM", 328, b->mrsigner_seam},
                {"SEAM attributes", 376, little_endian(b->seam_attributes, seam)},
                /* TDINFO at 512 */
                {"attributes", 512, little_endian(b->attributes, attributes)},
                {"XFAM", 520, little_endian(b->xfam, xfam)},
                {"MRTD", 528, b->mrtd},
                {"MRCONFIGID", 576, b->mrconfigid},
                {"MROWNER", 624, b->mrowner},
                {"MROWNERCONFIG", 672, b->mrownerconfig},
                {"RTMR 0", 720, b->rtmr[0]},
                {"RTMR 1", 768, b->rtmr[1]},
                {"RTMR 2", 816, b->rtmr[2]},
                {"RTMR 3", 864, b->rtmr[3]},
        };
        for (size_t i = 0; i < COUNT_OF(fields); i++)
                if (!span_eq(span_slice(tdreport, fields[i].at, fields[i].wanted.len), fields[i].wanted))
                        return fields[i].name;
        return NULL;
}

const char *tdreport_difference(struct span tdreport, struct span quote)
{
        struct tdx_quote q;
        if (tdreport.len < HCL_TDREPORT_LEN || tdreport.data[0] != TDX_REPORT_TYPE)
                return "not a TDREPORT of a TD";
        AUTO(fault) struct fault *f = tdx_quote_read(quote, &q);
        return f != NULL ? "not a TD quote" : first_difference(tdreport, &q.body);
}
