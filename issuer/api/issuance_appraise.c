/* The evidence, against a transcript that this server rebuilt from what it saw itself. */
#include "issuer/api/issuance.h"

/* "tpm.ak_unknown" is the attester's cue to enrol. A key that was enrolled without a node, when no cluster was configured yet, is
 * unknown as well once there is one: no pod's token could be held against it. */
static struct fault *find_ak(struct issuance *s, const struct cmw_item *item)
{
        AUTO(buf) struct buf name = BUF(256);
        TRY(verifier_ak_name(item, &name));
        struct fault *none = store_find_ak(s->api->store, buf_span(&name), &s->ak);
        if (none != NULL && fault_code(none) != FAULT_NOT_FOUND)
                return none;
        fault_free(none);
        bool is_known = s->ak != NULL && (s->rules->cluster_count == 0 || s->ak->node != NULL);
        if (!is_known)
                return fault(FAULT_DENIED, "tpm.ak_unknown", "the attestation key is not enrolled here%s",
                             s->ak != NULL ? " for a node" : "");
        if (!ruleset_has_ek_root(s->rules, s->ak->ek_root))
                return fault(
                        FAULT_DENIED, "ek.root",
                        "the root by which the endorsement key (issuer %s) was found genuine is not in tpm.ek-roots",
                        s->ak->ek_issuer != NULL ? s->ak->ek_issuer : "unknown");
        return NULL;
}

struct fault *issuance_appraise(struct issuance *s)
{
        const struct cmw_item *item = NULL;
        const struct appraiser *appraiser = NULL;
        TRY(intake_evidence(&s->in, &item, &appraiser));
        if (strcmp(appraiser->kind, EVIDENCE_TPM) == 0)
                TRY(find_ak(s, item));

        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        TRY(intake_transcript(s->api, s->q, BINDING_ISSUE, buf_span(&s->request.nonce), &s->in, &transcript));
        const struct appraisal appraisal = {
                .kind = appraiser->kind,
                .evidence = buf_span(&item->value),
                .transcript = buf_span(&transcript),
                .ak = s->ak,
                .now = s->now,
                .insecure_development = s->api->insecure_development,
        };
        return verifier_appraise(&appraisal, &s->result);
}
