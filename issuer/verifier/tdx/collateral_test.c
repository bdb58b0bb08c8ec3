/* Signers, lists and dates of what Intel publishes, one thing wrong each. */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

#define NOW INTEL_CASE_NOW_S

/* ---- signers, lists ---- */

#define CHANGE(name) static void name(struct intel_case *c)

CHANGE(tcb_info_by_other)
{
        c->p.tcb_info_key = INTEL_KEY_OTHER;
}
CHANGE(tcb_info_by_root)
{
        c->p.tcb_info_key = INTEL_KEY_ROOT;
}
CHANGE(identity_by_other)
{
        c->p.qe_identity_key = INTEL_KEY_OTHER;
}
CHANGE(signer_of_another_name)
{
        c->p.certs[INTEL_SIGNER].name = "Intel SGX TCB Signing 2";
}
CHANGE(signer_is_pck_ca)
{
        c->p.certs[INTEL_SIGNER] = c->p.certs[INTEL_CA];
        c->p.tcb_info_key = c->p.qe_identity_key = INTEL_KEY_CA;
}
CHANGE(signer_is_ca)
{
        c->p.certs[INTEL_SIGNER].is_ca = true;
}
CHANGE(signer_by_pck_ca)
{
        c->p.certs[INTEL_SIGNER].issuer = c->p.certs[INTEL_CA].name;
        c->p.certs[INTEL_SIGNER].issuer_key = INTEL_KEY_CA;
}
CHANGE(signer_by_other)
{
        c->p.certs[INTEL_SIGNER].issuer_key = INTEL_KEY_OTHER;
}
CHANGE(signer_with_critical)
{
        c->p.certs[INTEL_SIGNER].critical_oid = "1.2.3.4";
}
CHANGE(root_crl_by_other)
{
        c->p.root_crl.issuer_key = INTEL_KEY_OTHER;
}
CHANGE(root_crl_of_another_name)
{
        c->p.root_crl.issuer = "Intel SGX PCK Platform CA";
}
CHANGE(pck_crl_by_other)
{
        c->p.pck_crl.issuer_key = INTEL_KEY_OTHER;
}
CHANGE(pck_crl_by_root)
{
        c->p.pck_crl.issuer = "Intel SGX Root CA";
        c->p.pck_crl.issuer_key = INTEL_KEY_ROOT;
}
CHANGE(pck_crl_of_the_other_ca)
{
        c->p.pck_crl.issuer = "Intel SGX PCK Processor CA";
        c->p.certs[INTEL_CRL_CA].name = "Intel SGX PCK Processor CA";
}
CHANGE(crl_ca_by_other)
{
        c->p.certs[INTEL_CRL_CA].issuer_key = INTEL_KEY_OTHER;
}
CHANGE(crl_ca_is_none)
{
        c->p.certs[INTEL_CRL_CA].is_ca = false;
}
CHANGE(crl_ca_may_not_sign_lists)
{
        c->p.certs[INTEL_CRL_CA].key_usage = "critical,keyCertSign";
}
CHANGE(crl_ca_has_a_new_key)
{
        c->p.certs[INTEL_CRL_CA].key = INTEL_KEY_OTHER;
        c->p.certs[INTEL_CRL_CA].serial++;
        c->p.pck_crl.issuer_key = INTEL_KEY_OTHER;
}
CHANGE(crl_ca_has_a_new_key_and_is_revoked)
{
        crl_ca_has_a_new_key(c);
        c->p.root_crl.revoked = c->p.certs[INTEL_CRL_CA].serial;
}
CHANGE(without_crl_chain)
{
        c->left_out = "pck_crl_issuer_chain.pem";
}
CHANGE(pck_revoked)
{
        c->p.pck_crl.revoked = c->p.certs[INTEL_PCK].serial;
}
CHANGE(another_pck_revoked)
{
        c->p.pck_crl.revoked = c->p.certs[INTEL_PCK].serial + 1;
}
CHANGE(pck_ca_revoked)
{
        c->p.root_crl.revoked = c->p.certs[INTEL_CA].serial;
}
CHANGE(tcb_signer_revoked)
{
        c->p.root_crl.revoked = c->p.certs[INTEL_SIGNER].serial;
}
CHANGE(pck_on_the_roots_list)
{
        c->p.root_crl.revoked = c->p.certs[INTEL_PCK].serial; /* another issuer's serial number */
}

#define ROW(change, token)                                                                                             \
        {                                                                                                              \
#change, change, token                                                                                 \
        }
static const struct {
        const char *name;
        void (*change)(struct intel_case *c);
        const char *token;
} changes[] = {
        ROW(tcb_info_by_other, "tdx.tcb_info_signature"),
        ROW(tcb_info_by_root, "tdx.tcb_info_signature"),
        ROW(identity_by_other, "tdx.qe_identity_signature"),
        ROW(signer_of_another_name, "tdx.tcb_signer"),
        ROW(signer_is_pck_ca, "tdx.tcb_signer"),
        ROW(signer_is_ca, "tdx.tcb_signer"),
        ROW(signer_by_pck_ca, "tdx.tcb_signer"),
        ROW(signer_by_other, "tdx.tcb_signer"),
        ROW(signer_with_critical, "tdx.tcb_signer"),
        ROW(root_crl_by_other, "tdx.root_crl"),
        ROW(root_crl_of_another_name, "tdx.root_crl"),
        ROW(pck_crl_by_other, "tdx.pck_crl"),
        ROW(pck_crl_by_root, "tdx.pck_crl"),
        ROW(pck_crl_of_the_other_ca, "tdx.pck_crl_issuer"),
        ROW(crl_ca_by_other, "tdx.pck_crl_issuer"),
        ROW(crl_ca_is_none, "tdx.pck_crl_issuer"),
        ROW(crl_ca_may_not_sign_lists, "tdx.pck_crl"),
        ROW(crl_ca_has_a_new_key, NULL),
        ROW(crl_ca_has_a_new_key_and_is_revoked, "tdx.ca_revoked"),
        ROW(without_crl_chain, NULL),
        ROW(pck_revoked, "tdx.pck_revoked"),
        ROW(another_pck_revoked, NULL),
        ROW(pck_ca_revoked, "tdx.ca_revoked"),
        ROW(tcb_signer_revoked, "tdx.signer_revoked"),
        ROW(pck_on_the_roots_list, NULL),
};

static void each_signature_is_looked_at(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(changes); i++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 5);
                changes[i].change(&c);
                intel_case_expect(&c, intel_case_appraise(&c), changes[i].token, changes[i].name);
        }
}

/* ---- dates ---- */

#define FROM_IN_JSON  "2026-11-22T18:00:00Z"
#define UNTIL_IN_JSON "2026-12-22T18:00:00Z"
enum dated { ROOT_CRL, PCK_CRL, CRL_CA, TCB_SIGNER, TCB_INFO, QE_IDENTITY };

static void set_dates(struct intel_platform *p, enum dated which, int64_t from, int64_t until)
{
        struct intel_crl *crl = which == ROOT_CRL ? &p->root_crl : &p->pck_crl;
        struct intel_cert *cert = &p->certs[which == CRL_CA ? INTEL_CRL_CA : INTEL_SIGNER];
        char **json = which == TCB_INFO ? &p->tcb_info : &p->qe_identity;
        char from_text[WALL_TEXT_LEN + 1], until_text[WALL_TEXT_LEN + 1];

        if (which == ROOT_CRL || which == PCK_CRL) {
                crl->from = from;
                crl->until = until;
        } else if (which == CRL_CA || which == TCB_SIGNER) {
                cert->from = from;
                cert->until = until;
        } else {
                wall_format(wall_from_unix_s(from), from_text);
                wall_format(wall_from_unix_s(until), until_text);
                intel_edit(json, FROM_IN_JSON, from_text);
                intel_edit(json, UNTIL_IN_JSON, until_text);
        }
}

static const struct {
        const char *name;
        enum dated which;
        const char *early, *late;
        bool has_grace;
} dated[] = {
        {"root_crl", ROOT_CRL, "tdx.root_crl_not_yet_valid", "tdx.root_crl_expired", true},
        {"pck_crl", PCK_CRL, "tdx.pck_crl_not_yet_valid", "tdx.pck_crl_expired", true},
        {"crl_ca", CRL_CA, "tdx.pck_crl_issuer_not_yet_valid", "tdx.pck_crl_issuer_expired", false},
        {"signer", TCB_SIGNER, "tdx.tcb_signer_not_yet_valid", "tdx.tcb_signer_expired", false},
        {"tcb_info", TCB_INFO, "tdx.tcb_info_not_yet_valid", "tdx.tcb_info_expired", true},
        {"qe_identity", QE_IDENTITY, "tdx.qe_identity_not_yet_valid", "tdx.qe_identity_expired", true},
};

static void check_edge(size_t i, int64_t from, int64_t until, const char *token)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 4);
        set_dates(&c.p, dated[i].which, NOW + from, NOW + until);
        intel_case_expect(&c, intel_case_appraise(&c), token, dated[i].name);
        if (token == NULL && dated[i].which != CRL_CA)
                assert_int_equal(c.r.not_after_unix_s, NOW + until);
        attestation_result_clear(&c.r); /* remembered: says the same */
        intel_case_expect(&c, verifier_appraise(&c.in, &c.r), token, dated[i].name);
}

static void everything_is_in_its_dates(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(dated); i++) {
                check_edge(i, 0, 1000, NULL);
                check_edge(i, 1, 1000, dated[i].early);
                check_edge(i, -1000, 0, NULL);
                check_edge(i, -1000, -1, dated[i].late);
        }
}

/* The identity's signer may have a certificate of its own. */
static void each_document_has_its_signer(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        AUTO(buf) struct buf other = BUF(16384);
        intel_case_init(&c, 4);
        c.p.certs[INTEL_SIGNER].until = NOW - 1;
        expect_fault(intel_case_appraise(&c), FAULT_DENIED, "tdx.tcb_signer_expired");
        expect_ok(buf_append(&other, buf_span(&c.set.tcb_chain)));
        c.p.certs[INTEL_SIGNER].until = NOW;
        c.as_responses = true;
        expect_ok(intel_case_appraise(&c));
        expect_ok(appraisal_add_part(&c.in, "qe_identity_signing_chain.pem", buf_span(&other)));
        attestation_result_clear(&c.r);
        expect_fault(verifier_appraise(&c.in, &c.r), FAULT_DENIED, "tdx.qe_identity_signer_expired");
        c.in.parts[c.in.part_count - 1].bytes = SPAN("no certificate");
        attestation_result_clear(&c.r);
        expect_fault(verifier_appraise(&c.in, &c.r), FAULT_INVALID, "tdx.qe_identity_signer");
}

static void grace_is_a_concern(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(dated); i++)
                for (int64_t late = 99; late <= 101; late++) {
                        AUTO(intel_case) struct intel_case c;
                        bool is_taken = dated[i].has_grace && late <= 100;
                        intel_case_init(&c, 4);
                        c.grace_s = 100;
                        set_dates(&c.p, dated[i].which, NOW - 1000, NOW - late);
                        intel_case_expect(&c, intel_case_appraise(&c), is_taken ? NULL : dated[i].late, dated[i].name);
                        if (!is_taken)
                                continue;
                        assert_int_equal(c.r.concern_count, 1);
                        assert_string_equal(c.r.concerns[0], "collateral.grace");
                        assert_int_equal(c.r.status, EAR_WARNING);
                        assert_int_equal(c.r.not_after_unix_s, NOW - late + 100);
                        assert_int_equal(facts_find(&c.r.facts, "tdx.collateral-in-grace")->number, 1);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_signature_is_looked_at),
                cmocka_unit_test(everything_is_in_its_dates),
                cmocka_unit_test(each_document_has_its_signer),
                cmocka_unit_test(grace_is_a_concern),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
