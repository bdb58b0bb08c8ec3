/* What is asked of collateral at every use: dates and revocation. */
#include "issuer/verifier/tdx/collateral.h"

#include <stdio.h>

#include "issuer/verifier/appraise.h"

struct fault *tdx_check_dates(struct attestation_result *r, const char *early, const char *late, struct wall from,
                              struct wall until, struct wall now)
{
        char from_text[WALL_TEXT_LEN + 1], until_text[WALL_TEXT_LEN + 1], now_text[WALL_TEXT_LEN + 1];
        wall_format(from, from_text);
        wall_format(until, until_text);
        wall_format(now, now_text);
        TRY(appraise_hold(r, early, wall_unix_s(from) <= wall_unix_s(now), ORIGIN_VERIFIER, from_text, now_text));
        return appraise_hold(r, late, wall_unix_s(now) <= wall_unix_s(until), ORIGIN_VERIFIER, until_text, now_text);
}

/* One thing that Intel publishes anew every few weeks. */
struct dated {
        const char *name, *early, *late;
        struct wall from, until;
        bool has_grace;        /* what is renewed in place; a certificate isn't */
        const uint8_t *digest; /* NULL: something else's has it */
};

static struct fault *check_dated(const struct appraisal *in, const struct dated *d, bool *is_in_grace,
                                 struct attestation_result *r)
{
        struct wall last = d->until;
        bool is_late = wall_unix_s(in->now) > wall_unix_s(last);

        if (is_late && d->has_grace && in->collateral_grace_s > 0) {
                last.unix_ms += in->collateral_grace_s * 1000;
                *is_in_grace = true;
        }
        TRY(tdx_check_dates(r, d->early, d->late, d->from, last, in->now));
        if (d->digest != NULL)
                appraise_rests_on_digest(r, d->name, d->digest, last);
        return NULL;
}

struct fault *tdx_collateral_dates(const struct appraisal *in, const struct tdx_collateral *c,
                                   struct attestation_result *r)
{
        const struct dated all[] = {
                {"root_crl.der", "tdx.root_crl_not_yet_valid", "tdx.root_crl_expired", crl_this_update(c->root_crl),
                 crl_next_update(c->root_crl), true, c->root_crl_digest},
                {"pck_crl_issuer_chain.pem", "tdx.pck_crl_issuer_not_yet_valid", "tdx.pck_crl_issuer_expired",
                 c->crl_issuer.not_before, c->crl_issuer.not_after, false, NULL},
                {"pck_crl.der", "tdx.pck_crl_not_yet_valid", "tdx.pck_crl_expired", crl_this_update(c->pck_crl),
                 crl_next_update(c->pck_crl), true, c->pck_crl_digest},
                {"tcb_signing_chain.pem", "tdx.tcb_signer_not_yet_valid", "tdx.tcb_signer_expired",
                 c->tcb_signer.not_before, c->tcb_signer.not_after, false, c->tcb_chain_digest},
                {"tcb_info", "tdx.tcb_info_not_yet_valid", "tdx.tcb_info_expired", c->tcb_info.issue_date,
                 c->tcb_info.next_update, true, c->tcb_info_digest},
                {"qe_identity_signing_chain.pem", "tdx.qe_identity_signer_not_yet_valid",
                 "tdx.qe_identity_signer_expired", c->qe_signer.not_before, c->qe_signer.not_after, false, NULL},
                {"qe_identity", "tdx.qe_identity_not_yet_valid", "tdx.qe_identity_expired", c->qe_identity.issue_date,
                 c->qe_identity.next_update, true, c->qe_identity_digest},
        };
        bool is_in_grace = false;
        for (size_t i = 0; i < COUNT_OF(all); i++)
                TRY(check_dated(in, &all[i], &is_in_grace, r));
        appraise_concern(r, "collateral.grace", !is_in_grace, ORIGIN_VERIFIER, "collateral that is in its dates",
                         is_in_grace ? "collateral past its end" : NULL, EAR_WARNING);
        facts_set_flag(&r->facts, "tdx.collateral-in-grace", ORIGIN_VERIFIER, is_in_grace);
        return NULL;
}

static bool lists(const struct crl *crl, const struct tdx_cert *c)
{
        return crl_lists(crl, span_make(c->serial, c->serial_len));
}

struct fault *tdx_collateral_revoked(const struct tdx_collateral *c, const struct tdx_platform *p,
                                     struct attestation_result *r)
{
        bool ca = lists(c->root_crl, &p->ca_cert) || lists(c->root_crl, &c->crl_issuer);
        bool signer = lists(c->root_crl, &c->tcb_signer) || lists(c->root_crl, &c->qe_signer);

        TRY(appraise_hold(r, "tdx.ca_revoked", !ca, ORIGIN_VERIFIER, "a PCK CA that isn't on the root's list",
                          ca ? "it is revoked" : NULL));
        TRY(appraise_hold(r, "tdx.signer_revoked", !signer, ORIGIN_VERIFIER,
                          "signers of TCB information that aren't on the root's list",
                          signer ? "one is revoked" : NULL));
        bool pck = lists(c->pck_crl, &p->pck_cert);
        return appraise_hold(r, "tdx.pck_revoked", !pck, ORIGIN_VERIFIER, "a PCK that isn't on its CA's list",
                             pck ? "it is revoked" : NULL);
}
