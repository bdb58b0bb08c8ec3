/* What the report says about the TD. Intel TDX Module ABI, TD_PARAMS: ATTRIBUTES and XFAM. */
#include "issuer/verifier/tdx/tdx_parts.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_LEN 24

static void number_text(uint64_t v, char ret[NUMBER_TEXT_LEN])
{
        (void) snprintf(ret, NUMBER_TEXT_LEN, "0x%" PRIx64, v); /* fits */
}

static struct fault *check_module(const struct tdx_body *b, struct attestation_result *r)
{
        char got[NUMBER_TEXT_LEN];
        number_text(b->seam_attributes, got);
        TRY(appraise_hold(r, "tdx.seam_attributes", b->seam_attributes == 0, ORIGIN_HW, "0x0", got));
        return appraise_hold(r, "tdx.mrsigner_seam", span_is_zero(b->mrsigner_seam), ORIGIN_HW,
                             "zero: a module of Intel's", span_is_zero(b->mrsigner_seam) ? "zero" : "another signer");
}

static struct fault *check_bits(const struct tdx_body *b, struct attestation_result *r)
{
        char attributes[NUMBER_TEXT_LEN], xfam[NUMBER_TEXT_LEN];
        number_text(b->attributes, attributes);
        number_text(b->xfam, xfam);
        TRY(appraise_hold(r, "tdx.attributes", (b->attributes & TD_TUD_RESERVED) == 0, ORIGIN_HW, "bits 7:1 clear",
                          attributes));
        bool xfam_is_possible = (b->xfam & XFAM_FIXED1) == XFAM_FIXED1 && (b->xfam & ~XFAM_FIXED0) == 0;
        return appraise_hold(r, "tdx.xfam", xfam_is_possible, ORIGIN_HW, "bits 1:0 set, none outside 0x6dbe7", xfam);
}

static void weigh(const struct tdx_body *b, struct attestation_result *r)
{
        bool is_debug = (b->attributes & TD_DEBUG) != 0, is_migratable = (b->attributes & TD_MIGRATABLE) != 0;
        bool has_service = !span_is_zero(b->mr_servicetd);

        appraise_concern(r, "tdx.debug", !is_debug, ORIGIN_HW, "off", is_debug ? "on" : "off", EAR_CONTRAINDICATED);
        appraise_concern(r, "tdx.migratable", !is_migratable, ORIGIN_HW, "off", is_migratable ? "on" : "off",
                         EAR_CONTRAINDICATED);
        appraise_concern(r, "tdx.servicetd", !has_service, ORIGIN_HW, "none bound",
                         has_service ? "a service TD" : "none bound", EAR_CONTRAINDICATED);
}

struct fault *tdx_check_td(struct tdx_state *s)
{
        const struct tdx_body *b = &s->quote.body;

        TRY(check_module(b, s->result));
        TRY(check_bits(b, s->result));
        TRY(appraise_report_data(s->in, s->result, "tdx.report_data", b->report_data));
        weigh(b, s->result);
        return NULL;
}
