#include "issuer/api/evidence.h"

#include "lib/crypt/binding.h"
#include "lib/model/names.h"

/* ---- which item is what ---- */

static const struct cmw_item *find_label(const struct cmw *evidence, const char *label)
{
        for (size_t i = 0; i < evidence->count; i++)
                if (strcmp(evidence->items[i].label, label) == 0)
                        return &evidence->items[i];
        return NULL;
}

/* Those that have no TPM's quote of their own. */
static bool may_have_quote_beside(const struct cmw_item *primary)
{
        static const char *const types[] = {CMW_SEV_SNP, CMW_TDX, CMW_CCA};
        for (size_t i = 0; i < COUNT_OF(types); i++)
                if (strcmp(primary->type, types[i]) == 0)
                        return true;
        return false;
}

struct fault *evidence_choose(const struct cmw *evidence, struct evidence_set *ret)
{
        *ret = (struct evidence_set){0};
        if (evidence->count == 0)
                return fault(FAULT_INVALID, "evidence.missing", "the request has no evidence");
        ret->primary = evidence->count == 1 ? &evidence->items[0] : find_label(evidence, CMW_PRIMARY_LABEL);
        ret->tpm = cmw_find(evidence, CMW_TPM_QUOTE);
        bool is_pair =
                evidence->count == 2 && ret->primary != NULL && ret->tpm != NULL && may_have_quote_beside(ret->primary);
        if (evidence->count > 1 && !is_pair)
                return fault(FAULT_INVALID, "evidence.count",
                             "%zu items of evidence; one is taken, or a CPU's labelled \"%s\" and a TPM's quote",
                             evidence->count, CMW_PRIMARY_LABEL);
        ret->appraiser = verifier_find(ret->primary->type);
        if (ret->appraiser == NULL)
                return fault(FAULT_DENIED, "evidence.kind", "evidence of type %s is not appraised here",
                             ret->primary->type);
        return NULL;
}

/* ---- one item ---- */

struct item_appraisal {
        struct evidence_parts parts;
        struct buf transcript;
        uint8_t report_data[SHA512_LEN], nonce[SHA256_LEN];
        struct appraisal in; /* borrows from the above */
};
static void item_appraisal_clear(struct item_appraisal *a)
{
        evidence_parts_clear(&a->parts);
        buf_clear(&a->transcript);
}
DEFINE_AUTO_VALUE(item_appraisal)

static struct fault *begin(const struct evidence_call *c, const struct cmw_item *item, const struct binding *b,
                           struct item_appraisal *ret)
{
        const struct appraiser *a = verifier_find(item->type); /* evidence_choose: there is one */
        ret->parts = evidence_parts_new();
        ret->transcript = BUF(BINDING_T_MAX);
        TRY(verifier_unpack(a, item, &ret->parts));
        verifier_begin(a, &ret->parts, &ret->in);
        TRY(binding_write(b, &ret->transcript));
        binding_report_data(buf_span(&ret->transcript), ret->report_data);
        binding_extra_data(buf_span(&ret->transcript), ret->nonce);
        ret->in.transcript = buf_span(&ret->transcript);
        ret->in.report_data = SPAN_OF(ret->report_data);
        ret->in.nonce = SPAN_OF(ret->nonce);
        ret->in.ak = c->ak;
        ret->in.now = c->now;
        ret->in.collateral_grace_s = policy_collateral_grace_s(c->rules->policy);
        ret->in.insecure_development = c->api->insecure_development;
        return anchors_lend(ruleset_anchors(c->rules, ret->in.kind), &ret->in);
}

struct fault *evidence_appraise(const struct evidence_call *c, struct attestation_result *ret)
{
        AUTO(item_appraisal) struct item_appraisal primary = {0}, quote = {0};
        struct binding b = intake_binding(c->api, c->q, c->purpose, c->nonce, c->in);
        bool has_second = c->set->tpm != NULL && c->set->tpm != c->set->primary;
        if (has_second) {
                TRY(begin(c, c->set->tpm, &b, &quote));
                b.secondary[b.secondary_count++].kind = SECONDARY_TPM;
                sha256(buf_span(&c->set->tpm->value), b.secondary[0].digest);
        }
        TRY(begin(c, c->set->primary, &b, &primary));
        AUTO(endorsed) struct endorsed endorsed = {0};
        if (c->api->endorse != NULL)
                TRY(endorse_gather(c->api->endorse, &primary.in, &endorsed));
        struct fault *refused = verifier_appraise_with(&primary.in, has_second ? &quote.in : NULL, ret);
        if (c->api->endorse != NULL && refused == NULL)
                endorse_believe(c->api->endorse, &endorsed);
        if (c->api->endorse != NULL && refused != NULL)
                endorse_doubt(c->api->endorse, &endorsed);
        return refused;
}
