#include "issuer/verifier/azure/azure.h"

#include <stdio.h>

#include "issuer/verifier/azure/tdreport.h"
#include "issuer/verifier/snp/snp.h"
#include "issuer/verifier/tdx/tdx.h"
#include "issuer/verifier/tpm/tpm.h"
#include "lib/model/hcl.h"
#include "lib/model/names.h"

#define REPORT_DATA_LEN  64
#define EXTRA_PREFIX_MIN 32 /* so much of the user data in a quote's extra data ties it to them */
#define NUMBER_TEXT_LEN  24

const char *const az_snp_peer_parts[] = {"quote", "sig", "pcrs", "vcek", "chain", "eventlog", NULL};
const char *const az_tdx_peer_parts[] = {"quote", "sig", "pcrs", "td-quote", "eventlog", NULL};

struct state {
        const struct appraisal *in;
        struct attestation_result *result;
        struct hcl_report report;
        struct hcl_runtime runtime;
        uint8_t report_data[REPORT_DATA_LEN]; /* what the hardware's must be */
};

/* ---- the report ---- */

static struct fault *hold_number(struct attestation_result *r, const char *name, uint32_t wanted, uint32_t got)
{
        char wanted_text[NUMBER_TEXT_LEN], got_text[NUMBER_TEXT_LEN];
        (void) snprintf(wanted_text, sizeof(wanted_text), "%u", wanted); /* fits */
        (void) snprintf(got_text, sizeof(got_text), "%u", got);          /* fits */
        return appraise_hold(r, name, wanted == got, ORIGIN_SELF, wanted_text, got_text);
}

static struct fault *read_report(struct state *s, enum hcl_report_type wanted)
{
        struct attestation_result *r = s->result;
        TRY(appraise_call(r, "az.structure", ORIGIN_SELF, hcl_read(s->in->evidence, &s->report)));
        TRY(hold_number(r, "az.report_type", wanted, s->report.report_type));
        TRY(hold_number(r, "az.hash_type", HCL_HASH_SHA256, s->report.hash_type));
        TRY(appraise_call(r, "az.runtime_data", ORIGIN_SELF, hcl_runtime_read(s->report.runtime_data, &s->runtime)));
        sha256(s->report.runtime_data, s->report_data);
        return NULL;
}

static struct fault *need_parts(const struct state *s, const char *const *names)
{
        for (size_t i = 0; names[i] != NULL; i++)
                if (appraisal_part(s->in, names[i]).len == 0)
                        return appraise_call(
                                s->result, "evidence.parts", ORIGIN_SELF,
                                fault(FAULT_INVALID, "evidence.parts", "the part %s is missing", names[i]));
        return NULL;
}

/* ---- first hop: the hardware ---- */

static void begin_inner(const struct state *s, const char *kind, struct span evidence, struct appraisal *ret)
{
        *ret = *s->in;
        ret->kind = kind;
        ret->evidence = evidence;
        ret->report_data = SPAN_OF(s->report_data);
        ret->nonce = SPAN_NONE;
        ret->transcript = SPAN_NONE;
        /* a log beside this evidence is the virtual TPM's, not the TD's */
        ret->part_count = 0;
        for (size_t i = 0; i < s->in->part_count; i++)
                if (strcmp(s->in->parts[i].name, "ccel") != 0)
                        ret->parts[ret->part_count++] = s->in->parts[i];
}

static void add_submodule(struct attestation_result *r, const char *name, enum ear_status status,
                          const struct trust_vector *vector)
{
        r->submodules[r->submodule_count++] = (struct submodule){name, status, *vector};
}

static struct fault *appraise_hardware(struct state *s, const char *kind, struct span evidence,
                                       struct fault *(*appraise)(const struct appraisal *,
                                                                 struct attestation_result *) )
{
        struct appraisal inner;
        begin_inner(s, kind, evidence, &inner);
        TRY(appraise(&inner, s->result));
        enum ear_status status = s->result->status > s->result->worst ? s->result->status : s->result->worst;
        add_submodule(s->result, kind, status, &s->result->vector);
        return NULL;
}

/* ---- second hop: the virtual TPM ---- */

/* The quote's extra data are the beginning of the user data, and nothing follows in these. */
static bool is_tied(struct span extra_data, struct span user_data)
{
        return extra_data.len >= EXTRA_PREFIX_MIN && span_starts_with(user_data, extra_data) &&
               span_is_zero(span_slice(user_data, extra_data.len, user_data.len - extra_data.len));
}

static struct fault *check_user_data(const struct state *s, struct span user_data, struct span extra_data)
{
        TRY(appraise_bytes(s->result, "az.user_data", ORIGIN_HW, s->in->report_data, user_data));
        if (!is_tied(extra_data, user_data))
                appraise_not_checked(s->result, "az.quote_freshness");
        return NULL;
}

static struct fault *check_freshness(const struct state *s, struct tpm_check *c)
{
        struct span nonce = s->in->nonce, extra_data = c->quote.extra_data;
        struct span user_data = s->runtime.has_user_data ? SPAN_OF(s->runtime.user_data) : SPAN_NONE;
        if (nonce.len == 0 && s->in->transcript.len == 0 && s->in->report_data.len > 0)
                return check_user_data(s, user_data, extra_data);
        /* who has one nonce for both hops knows it in its longer form */
        if (nonce.len == HCL_USER_DATA && span_eq_secret(nonce, user_data) && is_tied(extra_data, user_data))
                return appraise_hold(s->result, "az.user_data", true, ORIGIN_HW, NULL, NULL);
        return tpm_check_freshness(c);
}

static struct fault *check_vtpm(const struct state *s, struct tpm_check *c)
{
        TRY(key_from_spki(key_spki(s->runtime.ak), &c->ak.key));
        TRY(tpm_check_shape(c));
        TRY(check_freshness(s, c));
        TRY(tpm_check_signature(c));
        TRY(tpm_check_pcrs(c));
        return tpm_check_eventlog(c);
}

static struct fault *appraise_vtpm(const struct state *s)
{
        static const struct trust_vector vector = {.instance_identity = TRUST_RECOGNISED_INSTANCE};
        struct tpm_check c = {.in = s->in,
                              .result = s->result,
                              .attest = appraisal_part(s->in, "quote"),
                              .signature = appraisal_part(s->in, "sig"),
                              .needs_pcrs = true};
        struct fault *f = check_vtpm(s, &c);
        if (f == NULL) {
                tpm_set_quote_facts(&c);
                facts_set_text(&s->result->facts, "tpm.ak-trust", ORIGIN_VERIFIER, SPAN("hcl"));
                add_submodule(s->result, EVIDENCE_TPM, EAR_AFFIRMING, &vector);
        }
        tpm_check_clear(&c);
        return f;
}

/* ---- what it all says ---- */

static void set_flag(struct facts *f, const char *name, int value)
{
        if (value >= 0)
                facts_set_flag(f, name, ORIGIN_MEASURED, value == 1);
}

static void set_facts(const struct state *s)
{
        struct facts *f = &s->result->facts;
        const struct hcl_runtime *h = &s->runtime;
        set_flag(f, "az.secure-boot", h->secure_boot);
        set_flag(f, "az.console-enabled", h->console_enabled);
        set_flag(f, "az.tpm-enabled", h->tpm_enabled);
        set_flag(f, "az.tpm-persisted", h->tpm_persisted);
        if (h->vm_id != NULL)
                facts_set_text(f, "az.vm-id", ORIGIN_MEASURED, span_str(h->vm_id));
        if (h->root_thumbprint != NULL)
                facts_set_text(f, "az.root-certificate", ORIGIN_MEASURED, span_str(h->root_thumbprint));
        if (h->has_user_data)
                facts_set_bytes(f, "az.user-data", ORIGIN_MEASURED, SPAN_OF(h->user_data));
        facts_set_text(f, "az.vtpm", ORIGIN_VERIFIER, SPAN("paravisor"));
}

/* When the hardware's collateral is missing, the rest is looked at nevertheless: what is false about it is the better answer. */
static struct fault *both_hops(struct state *s, struct fault *hardware)
{
        if (hardware != NULL && fault_code(hardware) != FAULT_UNAVAILABLE)
                return hardware;
        struct trust_vector vector = s->result->vector;
        enum ear_status status = s->result->status;
        struct fault *vtpm = appraise_vtpm(s);
        if (vtpm != NULL || hardware != NULL) {
                if (vtpm != NULL)
                        fault_free(hardware);
                return vtpm != NULL ? vtpm : hardware;
        }
        set_facts(s);
        s->result->vector = vector;
        s->result->vector.instance_identity = TRUST_RECOGNISED_INSTANCE;
        s->result->status = status;
        return NULL;
}

static struct fault *appraise_snp_machine(struct state *s)
{
        static const char *const parts[] = {"quote", "sig", "pcrs", NULL};
        TRY(read_report(s, HCL_SNP));
        TRY(need_parts(s, parts));
        return both_hops(s, appraise_hardware(s, EVIDENCE_SEV_SNP, s->report.slot, appraise_snp));
}

static struct fault *appraise_td(struct state *s)
{
        static const char *const parts[] = {"quote", "sig", "pcrs", "td-quote", NULL};
        struct span quote = appraisal_part(s->in, "td-quote");
        TRY(read_report(s, HCL_TDX));
        TRY(need_parts(s, parts));
        const char *difference = tdreport_difference(s->report.slot, quote);
        TRY(appraise_hold(s->result, "az.tdreport", difference == NULL, ORIGIN_SELF, "the TDREPORT that was quoted",
                          difference));
        return both_hops(s, appraise_hardware(s, EVIDENCE_TDX, quote, appraise_tdx));
}

static struct fault *run(const struct appraisal *in, struct attestation_result *r,
                         struct fault *(*appraise)(struct state *s))
{
        struct state s = {.in = in, .result = r};
        struct fault *f = appraise(&s);
        hcl_runtime_clear(&s.runtime);
        return f;
}

struct fault *appraise_az_snp(const struct appraisal *in, struct attestation_result *r)
{
        return run(in, r, appraise_snp_machine);
}

struct fault *appraise_az_tdx(const struct appraisal *in, struct attestation_result *r)
{
        return run(in, r, appraise_td);
}

/* ---- what the makers' services are asked for ---- */

struct fault *needs_az_snp(const struct appraisal *in, struct needs *ret)
{
        struct state s = {.in = in};
        struct appraisal inner;
        AUTO(fault) struct fault *f = hcl_read(in->evidence, &s.report);
        if (f != NULL)
                return NULL; /* the appraisal will say so */
        begin_inner(&s, EVIDENCE_SEV_SNP, s.report.slot, &inner);
        return needs_snp(&inner, ret);
}

struct fault *needs_az_tdx(const struct appraisal *in, struct needs *ret)
{
        struct state s = {.in = in};
        struct appraisal inner;
        begin_inner(&s, EVIDENCE_TDX, appraisal_part(in, "td-quote"), &inner);
        return tdx_needs(&inner, ret);
}
