#include "issuer/verifier/tdx/tdx.h"

#include "issuer/verifier/eventlog/eventlog.h"
#include "issuer/verifier/tdx/tdx_parts.h"
#include "lib/base/parse.h"

/* Intel's quoting enclaves. */
static const uint8_t intel_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                         0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
#define SGX_DEBUG 0x02 /* ATTRIBUTES, byte 0 */

const char *const tdx_peer_parts[] = {"ccel", NULL};

/* One call made all these checks; its fault is named after the one that failed, and how far it got before is not told. */
static struct fault *record(struct attestation_result *r, const char *const *checks, struct fault *f)
{
        for (size_t i = 0; checks[i] != NULL; i++)
                if (f == NULL || strcmp(fault_token(f), checks[i]) == 0)
                        TRY(appraise_call(r, checks[i], ORIGIN_HW, f));
        return f; /* none of the list: a limit of ours */
}

/* ---- who signed ---- */

static struct fault *check_root(struct tdx_state *s)
{
        char got[2 * SHA256_LEN + 1];
        hex_string(SPAN_OF(s->platform->root_spki), got);
        struct fault *f = tdx_root_find(s->platform->root_spki, appraisal_part(s->in, "anchors"), &s->root);
        if (f != NULL)
                return appraise_call(s->result, "tdx.root", ORIGIN_VERIFIER, f);
        return appraise_hold(s->result, "tdx.root", s->root != TDX_ROOT_NONE, ORIGIN_VERIFIER,
                             "a root key that is pinned or configured", got);
}

static struct wall later(struct wall a, struct wall b)
{
        return a.unix_ms > b.unix_ms ? a : b;
}

static struct wall earlier(struct wall a, struct wall b)
{
        return a.unix_ms < b.unix_ms ? a : b;
}

static struct fault *check_platform(struct tdx_state *s)
{
        TRY(record(s->result, tdx_platform_checks, tdx_platform_prove(&s->quote, &s->platform)));
        TRY(check_root(s));

        const struct tdx_platform *p = s->platform;
        struct wall from = later(later(p->pck_cert.not_before, p->ca_cert.not_before), p->root_cert.not_before);
        struct wall until = earlier(earlier(p->pck_cert.not_after, p->ca_cert.not_after), p->root_cert.not_after);
        TRY(tdx_check_dates(s->result, "tdx.pck_not_yet_valid", "tdx.pck_expired", from, until, s->in->now));
        appraise_rests_on_digest(s->result, "pck_chain", p->chain_digest, until);

        bool is_debug = (s->quote.qe_report.attributes.data[0] & SGX_DEBUG) != 0;
        return appraise_hold(s->result, "tdx.qe_debug", !is_debug, ORIGIN_HW, "off", is_debug ? "on" : "off");
}

static struct fault *check_quote(struct tdx_state *s)
{
        TRY(appraise_call(s->result, "tdx.structure", ORIGIN_HW, tdx_quote_read(s->in->evidence, &s->quote)));
        TRY(appraise_bytes(s->result, "tdx.qe_vendor", ORIGIN_HW, SPAN_OF(intel_vendor), s->quote.qe_vendor));
        TRY(check_platform(s));
        struct fault *f =
                key_verify(s->platform->att_key, HASH_SHA256, SIGNATURE_RAW, s->quote.signed_bytes, s->quote.signature);
        return appraise_call(s->result, "tdx.signature", ORIGIN_HW, fault_recode(f, FAULT_DENIED));
}

/* ---- what Intel has published ---- */

static bool is_masked(struct span got, const uint8_t *mask, const uint8_t *wanted)
{
        for (size_t i = 0; i < got.len; i++)
                if ((got.data[i] & mask[i]) != wanted[i])
                        return false;
        return true;
}

static struct fault *check_qe_identity(struct tdx_state *s)
{
        const struct qe_identity *q = &s->collateral->qe_identity;
        const struct tdx_qe_report *r = &s->quote.qe_report;
        char wanted[2 * 16 + 1], got[2 * 16 + 1];

        hex_string(SPAN_OF(q->miscselect), wanted);
        hex_string(r->miscselect, got);
        TRY(appraise_hold(s->result, "tdx.qe_miscselect", is_masked(r->miscselect, q->miscselect_mask, q->miscselect),
                          ORIGIN_HW, wanted, got));
        hex_string(SPAN_OF(q->attributes), wanted);
        hex_string(r->attributes, got);
        TRY(appraise_hold(s->result, "tdx.qe_attributes", is_masked(r->attributes, q->attributes_mask, q->attributes),
                          ORIGIN_HW, wanted, got));
        TRY(appraise_bytes(s->result, "tdx.qe_mrsigner", ORIGIN_HW, SPAN_OF(q->mrsigner), r->mrsigner));
        return appraise_hold(s->result, "tdx.qe_prod_id", r->isv_prod_id == q->isv_prod_id, ORIGIN_HW,
                             "the published ISVPRODID", r->isv_prod_id == q->isv_prod_id ? NULL : "another");
}

static struct fault *check_collateral(struct tdx_state *s)
{
        struct attestation_result *r = s->result;

        TRY(appraise_call(r, "tdx.collateral", ORIGIN_VERIFIER, tdx_collateral_complete(s->in)));
        TRY(record(r, tdx_collateral_checks, tdx_collateral_prove(s->in, s->platform, &s->collateral)));
        TRY(tdx_collateral_dates(s->in, s->collateral, r));
        TRY(tdx_collateral_revoked(s->collateral, s->platform, r));
        TRY(appraise_bytes(r, "tdx.fmspc", ORIGIN_HW, SPAN_OF(s->collateral->tcb_info.fmspc),
                           SPAN_OF(s->platform->pck.fmspc)));
        return appraise_bytes(r, "tdx.pceid", ORIGIN_HW, SPAN_OF(s->collateral->tcb_info.pceid),
                              SPAN_OF(s->platform->pck.pceid));
}

static struct fault *check_levels(struct tdx_state *s)
{
        const struct levels_input in = {
                .tcb_info = &s->collateral->tcb_info,
                .qe_identity = &s->collateral->qe_identity,
                .pck = &s->platform->pck,
                .body = &s->quote.body,
                .qe_report = &s->quote.qe_report,
        };
        TRY(record(s->result, tdx_levels_checks, tdx_levels_find(&in, &s->levels)));
        enum tcb_status status = s->levels.merged;
        appraise_concern(s->result, "tdx.tcb_status", status == TCB_UP_TO_DATE, ORIGIN_VERIFIER,
                         tcb_status_name(TCB_UP_TO_DATE), tcb_status_name(status),
                         status == TCB_REVOKED ? EAR_CONTRAINDICATED : EAR_WARNING);
        return NULL;
}

/* ---- the boot log ---- */

/* Needs no collateral: a log that does not lead to the RTMRs is wrong whatever Intel has published. */
static struct fault *check_ccel(const struct tdx_state *s)
{
        uint8_t rtmr[RTMR_COUNT][SHA384_LEN];
        struct span log = appraisal_part(s->in, "ccel");
        if (log.len == 0)
                return NULL;
        for (size_t i = 0; i < RTMR_COUNT; i++)
                memcpy(rtmr[i], s->quote.body.rtmr[i].data, SHA384_LEN);
        return eventlog_ccel(log, rtmr, s->result);
}

/* ---- all of it ---- */

static void conclude(const struct tdx_state *s)
{
        struct attestation_result *r = s->result;
        bool is_debug = (s->quote.body.attributes & TD_DEBUG) != 0;
        enum tcb_status status = s->levels.merged;

        tdx_set_facts(s);
        /* whether the measurements are those that they should be is the policy's question: no claim about executables here */
        r->vector.hardware = status == TCB_UP_TO_DATE ? TRUST_GENUINE_HARDWARE
                             : status == TCB_REVOKED  ? TRUST_HARDWARE_FORBIDDEN
                                                      : TRUST_HARDWARE_VULNERABLE;
        r->vector.runtime_opaque = is_debug ? TRUST_VISIBLE_MEMORY : TRUST_ENCRYPTED_MEMORY;
        r->status = EAR_AFFIRMING;
}

static struct fault *appraise(struct tdx_state *s)
{
        TRY(check_quote(s));
        TRY(tdx_check_td(s));
        TRY(check_ccel(s));
        TRY(check_collateral(s));
        TRY(check_qe_identity(s));
        TRY(check_levels(s));
        conclude(s);
        return NULL;
}

struct fault *appraise_tdx(const struct appraisal *in, struct attestation_result *result)
{
        struct tdx_state s = {.in = in, .result = result};
        struct fault *f = appraise(&s);
        tdx_levels_clear(&s.levels);
        tdx_collateral_release(s.collateral);
        tdx_platform_release(s.platform);
        return f;
}

void tdx_forget(void)
{
        tdx_platform_forget();
        tdx_collateral_forget();
        tdx_root_forget();
}
