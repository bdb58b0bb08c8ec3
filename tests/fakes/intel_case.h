/* intel_case: one appraisal of a fake platform (intel_pki.h), for unit tests.
 *
 *     struct intel_case c;
 *     intel_case_init(&c, 5);
 *     c.p.body[INTEL_BODY_ATTRIBUTES] |= 1;
 *     f = intel_case_appraise(&c);           makes and signs everything first
 *     intel_case_clear(&c);
 */
#pragma once

#include "issuer/verifier/verifier.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/intel_pki.h"

#define INTEL_CASE_NOW_S 1795456800LL /* 2026-11-23T18:00:00Z */

struct intel_case {
        struct intel_platform p;
        struct intel_set set;
        struct attestation_result r;
        struct appraisal in;
        int64_t now_s, grace_s;
        struct span report_data;
        bool as_responses;    /* collateral as the service answers it */
        bool without_anchors; /* the root is nobody's */
        const char *left_out; /* a part; NULL: none */
};

static inline struct intel_pki *intel_case_pki(void)
{
        static struct intel_pki pki;
        if (pki.keys[0] == NULL)
                intel_pki_init(&pki, "intel_case");
        return &pki;
}

static inline void intel_case_init(struct intel_case *c, unsigned version)
{
        *c = (struct intel_case){.now_s = INTEL_CASE_NOW_S};
        intel_platform_init(&c->p, version, INTEL_CASE_NOW_S);
}

static inline void intel_case_part(struct intel_case *c, const char *name, struct span bytes)
{
        if (c->left_out == NULL || strcmp(c->left_out, name) != 0)
                expect_ok(appraisal_add_part(&c->in, name, bytes));
}

/* What `set` holds, as parts. */
static inline void intel_case_parts(struct intel_case *c)
{
        const struct intel_set *s = &c->set;
        c->in = (struct appraisal){.kind = EVIDENCE_TDX,
                                   .evidence = buf_span(&s->quote),
                                   .report_data = c->report_data,
                                   .now = wall_from_unix_s(c->now_s),
                                   .collateral_grace_s = c->grace_s};
        if (c->as_responses) {
                intel_case_part(c, "tcb_info.response.json", buf_span(&s->tcb_info_response));
                intel_case_part(c, "qe_identity.response.json", buf_span(&s->qe_identity_response));
        } else {
                intel_case_part(c, "tcb_info.json", span_str(c->p.tcb_info));
                intel_case_part(c, "tcb_info.sig", buf_span(&s->tcb_info_sig));
                intel_case_part(c, "qe_identity.json", span_str(c->p.qe_identity));
                intel_case_part(c, "qe_identity.sig", buf_span(&s->qe_identity_sig));
        }
        intel_case_part(c, "tcb_signing_chain.pem", buf_span(&s->tcb_chain));
        intel_case_part(c, "pck_crl.der", buf_span(&s->pck_crl));
        intel_case_part(c, "pck_crl_issuer_chain.pem", buf_span(&s->pck_crl_chain));
        intel_case_part(c, "root_crl.der", buf_span(&s->root_crl));
        if (!c->without_anchors)
                intel_case_part(c, "anchors", buf_span(&s->root_pem));
}

static inline struct fault *intel_case_appraise(struct intel_case *c)
{
        intel_set_clear(&c->set);
        intel_set_make(intel_case_pki(), &c->p, &c->set);
        intel_case_parts(c);
        attestation_result_clear(&c->r);
        return verifier_appraise(&c->in, &c->r);
}

static inline const char *intel_case_text(const struct intel_case *c, const char *fact)
{
        const struct fact *f = facts_find(&c->r.facts, fact);
        assert_non_null(f);
        return (const char *) f->value.data;
}

static inline void intel_case_clear(struct intel_case *c)
{
        intel_platform_clear(&c->p);
        intel_set_clear(&c->set);
        attestation_result_clear(&c->r);
}
DEFINE_AUTO_VALUE(intel_case)

/* The refusal is `token`, NULL: it holds; and where it is refused, no fact is left. */
static inline void intel_case_expect(struct intel_case *c, struct fault *f, const char *token, const char *row)
{
        const char *got = f == NULL ? NULL : fault_token(f);
        if (token == NULL ? got != NULL : got == NULL || strcmp(got, token) != 0)
                fail_msg("%s: wanted %s, got %s (%s)", row, token == NULL ? "it to hold" : token,
                         got == NULL ? "it held" : got, got == NULL ? "" : fault_text(f));
        if (f != NULL) {
                assert_int_equal(c->r.facts.count, 0);
                assert_non_null(check_first_failure(c->r.checks));
        }
        fault_free(f);
}
