/* Quotes under roots of our own: sizes and types, keys, certificates, dates: one thing wrong each, everything else signed as it should be. */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

static const enum intel_cert_role two[] = {INTEL_PCK, INTEL_CA}, four[] = {INTEL_PCK, INTEL_CA, INTEL_ROOT, INTEL_PCK},
                                  turned[] = {INTEL_CA, INTEL_PCK, INTEL_ROOT},
                                  twice[] = {INTEL_PCK, INTEL_PCK, INTEL_ROOT},
                                  by_signer[] = {INTEL_PCK, INTEL_SIGNER, INTEL_ROOT};

#define CHANGE(name) static void name(struct intel_case *c)
#define CHAIN(roles)                                                                                                   \
        do {                                                                                                           \
                c->p.chain = (roles);                                                                                  \
                c->p.chain_count = COUNT_OF(roles);                                                                    \
        } while (0)

CHANGE(body_is_sgx)
{
        c->p.body_type = 1;
}
CHANGE(body_type_4)
{
        c->p.body_type = 4;
}
CHANGE(body_size_of_10)
{
        c->p.body_size = INTEL_BODY_10_LEN;
}
CHANGE(body_type_of_10)
{
        c->p.body_type = 2;
}
CHANGE(body_shorter)
{
        c->p.body_len--;
}
CHANGE(signature_data_shorter)
{
        c->p.signature_size_off = -1;
}
CHANGE(signature_data_longer)
{
        c->p.signature_size_off = 1;
}
CHANGE(signature_data_into_the_padding)
{
        c->p.signature_size_off = 1;
        c->p.trailing = 70;
}
CHANGE(outer_shorter)
{
        c->p.outer_size_off = -1;
}
CHANGE(outer_longer)
{
        c->p.outer_size_off = 1;
}
CHANGE(inner_shorter)
{
        c->p.inner_size_off = -1;
}
CHANGE(inner_longer)
{
        c->p.inner_size_off = 1;
}
CHANGE(inner_huge)
{
        c->p.inner_size_off = 0x7fffffff;
}
CHANGE(auth_longer)
{
        c->p.auth_size_off = 1;
}
CHANGE(auth_shorter)
{
        c->p.auth_size_off = -1;
}
CHANGE(padded)
{
        c->p.trailing = 3065;
}
CHANGE(too_long)
{
        c->p.trailing = 64 * 1024;
}
CHANGE(outer_is_chain)
{
        c->p.outer_type = 5;
}
CHANGE(outer_is_manifest)
{
        c->p.outer_type = 7;
}
CHANGE(inner_is_ppid)
{
        c->p.inner_type = 1;
}
CHANGE(inner_is_encrypted_2048)
{
        c->p.inner_type = 2;
}
CHANGE(inner_is_encrypted_3072)
{
        c->p.inner_type = 3;
}
CHANGE(inner_is_leaf)
{
        c->p.inner_type = 4;
}
CHANGE(inner_is_report)
{
        c->p.inner_type = 6;
}
CHANGE(quote_by_other)
{
        c->p.quote_key = INTEL_KEY_OTHER;
}
CHANGE(quote_by_pck)
{
        c->p.quote_key = INTEL_KEY_PCK;
}
CHANGE(qe_by_other)
{
        c->p.qe_report_key = INTEL_KEY_OTHER;
}
CHANGE(qe_by_ca)
{
        c->p.qe_report_key = INTEL_KEY_CA;
}
CHANGE(qe_vouches_for_another)
{
        c->p.qe_report_data_is_given = true;
        memset(c->p.qe_report + 320, 0x11, 32);
}
CHANGE(no_nul_at_the_end)
{
        c->p.chain_ends_in_nul = false;
}
CHANGE(blanks_behind)
{
        c->p.after_chain = "\r\n \n";
}
CHANGE(text_behind)
{
        c->p.after_chain = "Intel";
}
CHANGE(chain_of_two)
{
        CHAIN(two);
}
CHANGE(second_leaf)
{
        CHAIN(four);
}
CHANGE(chain_turned)
{
        CHAIN(turned);
}
CHANGE(leaf_twice)
{
        CHAIN(twice);
}
CHANGE(signer_for_ca)
{
        CHAIN(by_signer);
}
CHANGE(pck_is_ca)
{
        c->p.certs[INTEL_PCK].is_ca = true;
}
CHANGE(pck_of_another_name)
{
        c->p.certs[INTEL_PCK].name = "Intel SGX PCK Certificate 2";
}
CHANGE(pck_may_not_sign)
{
        c->p.certs[INTEL_PCK].key_usage = "critical,keyAgreement";
}
CHANGE(pck_by_root)
{
        c->p.certs[INTEL_PCK].issuer = "Intel SGX Root CA";
        c->p.certs[INTEL_PCK].issuer_key = INTEL_KEY_ROOT;
}
CHANGE(pck_by_other_key)
{
        c->p.certs[INTEL_PCK].issuer_key = INTEL_KEY_OTHER;
}
CHANGE(pck_by_sha384)
{
        c->p.certs[INTEL_PCK].signs_with_sha384 = true;
}
CHANGE(pck_of_another_issuer_name)
{
        c->p.certs[INTEL_PCK].issuer = "Intel SGX PCK Processor CA";
}
CHANGE(pck_with_critical)
{
        c->p.certs[INTEL_PCK].critical_oid = "1.2.3.4";
}
CHANGE(ca_with_critical)
{
        c->p.certs[INTEL_CA].critical_oid = "1.2.3.4";
}
CHANGE(ca_is_none)
{
        c->p.certs[INTEL_CA].is_ca = false;
}
CHANGE(ca_may_not_sign)
{
        c->p.certs[INTEL_CA].key_usage = "critical,digitalSignature";
}
CHANGE(ca_of_another_name)
{
        c->p.certs[INTEL_CA].name = "Intel SGX PCK Server CA";
        c->p.certs[INTEL_PCK].issuer = "Intel SGX PCK Server CA";
}
CHANGE(ca_by_other_key)
{
        c->p.certs[INTEL_CA].issuer_key = INTEL_KEY_OTHER;
}
CHANGE(root_by_other_key)
{
        c->p.certs[INTEL_ROOT].issuer_key = INTEL_KEY_OTHER;
}
CHANGE(root_of_another_name)
{
        c->p.certs[INTEL_ROOT].name = c->p.certs[INTEL_ROOT].issuer = c->p.certs[INTEL_CA].issuer =
                "Intel SGX Root CA 2";
}
CHANGE(nobodys_root)
{
        c->without_anchors = true;
}
CHANGE(pck_field_missing)
{
        c->p.pck.leave_out = 4;
}
CHANGE(pck_field_twice)
{
        c->p.pck.twice = 2;
}
CHANGE(pck_svn_too_low)
{
        c->p.pck.components[7] = 2;
}
CHANGE(pce_svn_too_low)
{
        c->p.pck.pcesvn = 4;
}
CHANGE(other_fmspc)
{
        c->p.pck.fmspc[5] = 1;
}
CHANGE(other_pceid)
{
        c->p.pck.pceid[0] = 1;
}

#define ROW(change, token)                                                                                             \
        {                                                                                                              \
#change, change, 0, token                                                                              \
        }
#define ROW_5(change, token)                                                                                           \
        {                                                                                                              \
#change, change, 5, token                                                                              \
        }
static const struct {
        const char *name;
        void (*change)(struct intel_case *c);
        unsigned only; /* this version; 0: both */
        const char *token;
} changes[] = {
        ROW_5(body_is_sgx, "tdx.body_type"),
        ROW_5(body_type_4, "tdx.body_type"),
        ROW_5(body_size_of_10, "tdx.structure"),
        ROW_5(body_type_of_10, "tdx.structure"),
        ROW(body_shorter, "tdx.structure"),
        ROW(signature_data_shorter, "tdx.structure"),
        ROW(signature_data_longer, "tdx.structure"),
        ROW(signature_data_into_the_padding, "tdx.structure"),
        ROW(outer_shorter, "tdx.structure"),
        ROW(outer_longer, "tdx.structure"),
        ROW(inner_shorter, "tdx.structure"),
        ROW(inner_longer, "tdx.structure"),
        ROW(inner_huge, "tdx.structure"),
        ROW(auth_longer, "tdx.cert_type"), /* what follows is read one byte off */
        ROW(auth_shorter, "tdx.cert_type"),
        ROW(padded, NULL),
        ROW(too_long, "tdx.structure"),
        ROW(outer_is_chain, "tdx.cert_type"),
        ROW(outer_is_manifest, "tdx.cert_type"),
        ROW(inner_is_ppid, "tdx.cert_type"),
        ROW(inner_is_encrypted_2048, "tdx.cert_type"),
        ROW(inner_is_encrypted_3072, "tdx.cert_type"),
        ROW(inner_is_leaf, "tdx.cert_type"),
        ROW(inner_is_report, "tdx.cert_type"),
        ROW(quote_by_other, "tdx.signature"),
        ROW(quote_by_pck, "tdx.signature"),
        ROW(qe_by_other, "tdx.qe_signature"),
        ROW(qe_by_ca, "tdx.qe_signature"),
        ROW(qe_vouches_for_another, "tdx.qe_report_data"),
        ROW(no_nul_at_the_end, NULL),
        ROW(blanks_behind, NULL),
        ROW(text_behind, "tdx.pck_chain"),
        ROW(chain_of_two, "tdx.pck_chain"),
        ROW(second_leaf, "tdx.pck_chain"),
        ROW(chain_turned, "tdx.pck_chain"),
        ROW(leaf_twice, "tdx.pck_ca"),
        ROW(signer_for_ca, "tdx.pck_ca"),
        ROW(pck_is_ca, "tdx.pck_chain"),
        ROW(pck_of_another_name, "tdx.pck_chain"),
        ROW(pck_may_not_sign, "tdx.pck_chain"),
        ROW(pck_by_root, "tdx.pck_signature"),
        ROW(pck_by_other_key, "tdx.pck_signature"),
        ROW(pck_by_sha384, "tdx.pck_signature"),
        ROW(pck_of_another_issuer_name, "tdx.pck_signature"),
        ROW(pck_with_critical, "tdx.pck_signature"),
        ROW(ca_with_critical, "tdx.pck_signature"),
        ROW(ca_is_none, "tdx.pck_ca"),
        ROW(ca_may_not_sign, "tdx.pck_ca"),
        ROW(ca_of_another_name, "tdx.pck_ca"),
        ROW(ca_by_other_key, "tdx.pck_signature"),
        ROW(root_by_other_key, "tdx.pck_signature"),
        ROW(root_of_another_name, "tdx.pck_chain"),
        ROW(nobodys_root, "tdx.root"),
        ROW(pck_field_missing, "tdx.pck"),
        ROW(pck_field_twice, "tdx.pck"),
        ROW(pck_svn_too_low, "tdx.tcb_level"),
        ROW(pce_svn_too_low, "tdx.tcb_level"),
        ROW(other_fmspc, "tdx.fmspc"),
        ROW(other_pceid, "tdx.pceid"),
};

static void each_link_is_looked_at(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(changes); i++)
                for (unsigned version = 4; version <= 5; version++) {
                        if (changes[i].only != 0 && changes[i].only != version)
                                continue;
                        AUTO(intel_case) struct intel_case c;
                        intel_case_init(&c, version);
                        changes[i].change(&c);
                        intel_case_expect(&c, intel_case_appraise(&c), changes[i].token, changes[i].name);
                }
}

/* A root with Intel's name under another key: what anybody can make. The platform was proven a moment ago under the very same bytes. */
static void what_was_proven_is_not_yet_trusted(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 4);
        expect_ok(intel_case_appraise(&c));
        c.without_anchors = true;
        intel_case_parts(&c);
        attestation_result_clear(&c.r);
        intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.root", "without anchors");
        expect_ok(appraisal_add_part(&c.in, "anchors", SPAN("no certificate")));
        attestation_result_clear(&c.r);
        intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.root", "broken anchors");
}

/* Each certificate of the PCK's chain, to the second. */
static void chain_is_in_its_dates(void **state UNUSED)
{
        for (unsigned role = INTEL_ROOT; role <= INTEL_PCK; role++) {
                const struct {
                        const char *name;
                        int64_t from, until;
                        const char *token;
                } rows[] = {
                        {"begins now", 0, 1000, NULL},
                        {"begins in a second", 1, 1000, "tdx.pck_not_yet_valid"},
                        {"ends now", -1000, 0, NULL},
                        {"ended a second ago", -1000, -1, "tdx.pck_expired"},
                };
                for (size_t i = 0; i < COUNT_OF(rows); i++) {
                        AUTO(intel_case) struct intel_case c;
                        intel_case_init(&c, 4);
                        c.p.certs[role].from = INTEL_CASE_NOW_S + rows[i].from;
                        c.p.certs[role].until = INTEL_CASE_NOW_S + rows[i].until;
                        intel_case_expect(&c, intel_case_appraise(&c), rows[i].token, rows[i].name);
                        attestation_result_clear(&c.r); /* remembered: says the same */
                        intel_case_expect(&c, verifier_appraise(&c.in, &c.r), rows[i].token, rows[i].name);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_link_is_looked_at),
                cmocka_unit_test(what_was_proven_is_not_yet_trusted),
                cmocka_unit_test(chain_is_in_its_dates),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
