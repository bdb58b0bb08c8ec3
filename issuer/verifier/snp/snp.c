#include "issuer/verifier/snp/snp.h"

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/snp/checks.h"
#include "issuer/verifier/snp/revocation.h"

#define TRUST_ENCRYPTED_MEMORY 2 /* AR4SI §2.3.4, runtime-opaque */

const char *const snp_peer_parts[] = {SNP_PART_VCEK, SNP_PART_VLEK, SNP_PART_CHAIN, SNP_PART_AUXBLOB, NULL};

/* A fault of a check that isn't among the result's yet. */
static struct fault *record(struct attestation_result *result, const char *name, struct fault *f)
{
        return appraise_call(result, name, ORIGIN_HW, f);
}

static void rest_on(const struct snp_chain *c, struct attestation_result *result)
{
        const struct cert *leaf = c->leaf.cert;

        appraise_rests_on(result, c->leaf.is_vlek ? "snp.vlek" : "snp.vcek", cert_der(leaf), cert_not_after(leaf));
        appraise_rests_on(result, c->leaf.is_vlek ? "snp.asvk" : "snp.ask", cert_der(c->issuer),
                          cert_not_after(c->issuer));
        appraise_rests_on(result, "snp.ark", cert_der(c->root), cert_not_after(c->root));
}

static struct fault *check_revocation(const struct appraisal *in, const struct snp_chain *c,
                                      struct attestation_result *result)
{
        static const struct wall no_end = {0};
        struct snp_revocation found = {.state = SNP_CRL_ABSENT};

        struct fault *f = snp_revocation_check(in, c, &found);
        if (f != NULL)
                return record(result, "snp.crl", f);
        if (found.state == SNP_CRL_ABSENT) {
                appraise_not_checked(result, "snp.crl");
        } else {
                bool is_current = found.state == SNP_CRL_CHECKED;
                char end[WALL_TEXT_LEN + 1];
                wall_format(found.next_update, end);
                TRY(record(result, "snp.crl", NULL));
                TRY(record(result, "snp.revoked", NULL));
                appraise_concern(result, "snp.crl_stale", is_current, ORIGIN_HW, "a revocation list that hasn't ended",
                                 end, EAR_WARNING);
                /* what a policy admits after its end can't be what ends a credential */
                appraise_rests_on(result, "snp.crl", found.list, is_current ? found.next_update : no_end);
        }
        facts_set_text(&result->facts, "snp.crl", ORIGIN_VERIFIER, span_str(snp_crl_state_name(found.state)));
        return NULL;
}

struct fault *appraise_snp(const struct appraisal *in, struct attestation_result *result)
{
        struct snp_report report;
        struct snp_sources sources;
        AUTO(snp_chain) struct snp_chain *chain = NULL;

        TRY(record(result, "snp.structure", snp_report_read(in->evidence, &report)));
        TRY(snp_check_shape(&report, result));

        TRY(record(result, "snp.parts", snp_sources_collect(in, &sources)));
        TRY(record(result, "snp.chain", snp_chain_prove(&sources, &report, in->now, &chain)));
        rest_on(chain, result);
        TRY(check_revocation(in, chain, result));
        TRY(snp_check_signer(&report, chain, result));

        TRY(appraise_report_data(in, result, "snp.report_data", SPAN_OF(report.report_data)));
        TRY(snp_check_content(&report, result));
        snp_set_facts(&report, chain, result);

        bool is_debug = (report.policy & SNP_POLICY_DEBUG) != 0;
        result->status = EAR_AFFIRMING;
        result->vector.hardware = TRUST_GENUINE_HARDWARE;
        result->vector.runtime_opaque = is_debug ? TRUST_VISIBLE_MEMORY : TRUST_ENCRYPTED_MEMORY;
        return NULL;
}
