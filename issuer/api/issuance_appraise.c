/* The evidence, against a transcript that this server rebuilt from what it saw itself. */
#include "issuer/api/evidence.h"
#include "issuer/api/issuance.h"
#include "issuer/api/passport.h"

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
        if (s->in.result != NULL)
                return passport_believe(s);
        if (s->api->appraises_nothing)
                return fault(FAULT_DENIED, "role.absent",
                             "this process is no verifier: it takes attestation results, not evidence");
        struct evidence_set set;
        TRY(evidence_choose(&s->in.evidence, &set));
        if (set.tpm != NULL)
                TRY(find_ak(s, set.tpm));
        const struct evidence_call call = {.api = s->api,
                                           .q = s->q,
                                           .in = &s->in,
                                           .purpose = s->purpose,
                                           .nonce = buf_span(&s->request.nonce),
                                           .set = &set,
                                           .rules = s->rules,
                                           .ak = s->ak,
                                           .now = s->now};
        return evidence_appraise(&call, &s->result);
}
