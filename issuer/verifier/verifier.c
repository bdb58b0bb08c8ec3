#include "issuer/verifier/verifier.h"

#include "issuer/verifier/appraise.h"
#include "lib/model/names.h"
#include "lib/model/tpm_evidence.h"

static const struct appraiser table[] = {
        {EVIDENCE_TPM, CMW_TPM_QUOTE, appraise_tpm},
        {EVIDENCE_SOFTWARE, CMW_SOFTWARE, appraise_software},
};

const struct appraiser *verifier_find(const char *media_type)
{
        for (size_t i = 0; i < COUNT_OF(table); i++)
                if (strcmp(table[i].media_type, media_type) == 0)
                        return &table[i];
        return NULL;
}

struct fault *verifier_ak_name(const struct cmw_item *evidence, struct buf *ret_name)
{
        if (strcmp(evidence->type, CMW_TPM_QUOTE) != 0)
                return NULL;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        AUTO(fault) struct fault *f = tpm_evidence_read(buf_span(&evidence->value), &e);
        if (f == NULL)
                f = tpm_name(buf_span(&e.ak_public), ret_name);
        return f == NULL ? NULL : fault(FAULT_INVALID, "evidence.format", "%s", fault_text(f));
}

static void set_common_facts(struct attestation_result *r)
{
        facts_set_text(&r->facts, "evidence.kind", ORIGIN_VERIFIER, span_str(r->kind));
        facts_set_flag(&r->facts, "evidence.insecure-development", ORIGIN_VERIFIER, r->insecure_development);
        facts_set_text(&r->facts, "verifier.status", ORIGIN_VERIFIER, span_str(ear_status_name(r->status)));
}

/* What a refusal says in AR4SI's terms: the evidence is not accepted as a genuine instance's. */
static void contraindicate(struct attestation_result *r)
{
        facts_clear(&r->facts);
        r->status = EAR_CONTRAINDICATED;
        r->vector = (struct trust_vector){.instance_identity = TRUST_UNRECOGNISED_INSTANCE};
        r->has_clock = false;
}

struct fault *verifier_appraise(const struct appraisal *in, struct attestation_result *ret)
{
        const struct appraiser *a = verifier_find(in->evidence->type);
        ret->checks = check_new("evidence", false);
        sha256(buf_span(&in->evidence->value), ret->evidence_digest);
        ret->kind = a != NULL ? a->kind : "unknown";

        struct fault *f = appraise_hold(ret, "evidence.kind", a != NULL, ORIGIN_VERIFIER, "a kind that is known here",
                                        in->evidence->type);
        if (f == NULL)
                f = a->appraise(in, ret);
        if (f != NULL) {
                contraindicate(ret);
                return f;
        }
        ret->checks->ok = true;
        set_common_facts(ret);
        return NULL;
}

void attestation_result_clear(struct attestation_result *r)
{
        facts_clear(&r->facts);
        check_free(r->checks);
        *r = (struct attestation_result){0};
}
