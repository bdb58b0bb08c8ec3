/* What TDX remembers is found by a short key and then compared whole: bytes that the key doesn't see are seen all the same. */
#include "issuer/verifier/tdx/tdx.h"

#include <stdio.h>

#include "tests/fakes/intel_case.h"

/* Good, remembered, and its parts laid out; `c->in` borrows from it. */
static void remember(struct intel_case *c)
{
        intel_case_init(c, 5);
        tdx_forget();
        intel_case_expect(c, intel_case_appraise(c), NULL, "good");
}

static const char *verdict(struct intel_case *c, char ret[64])
{
        attestation_result_clear(&c->r);
        AUTO(fault) struct fault *f = verifier_appraise(&c->in, &c->r);
        (void) snprintf(ret, 64, "%s", f == NULL ? "OK" : fault_token(f)); /* tokens are shorter */
        return ret;
}

/* The byte differs: `token`, whether the good one is remembered or nothing is; and the good one stays good. */
static void expect_seen(struct intel_case *c, uint8_t *at, const char *token, const char *name)
{
        char got[64];
        *at ^= 1;
        if (strcmp(verdict(c, got), token) != 0)
                fail_msg("%s, remembered: %s, wanted %s", name, got, token);
        tdx_forget();
        if (strcmp(verdict(c, got), token) != 0)
                fail_msg("%s, forgotten: %s, wanted %s", name, got, token);
        *at ^= 1;
        assert_string_equal(verdict(c, got), "OK");
}

static uint8_t *find(struct buf *in, struct span what)
{
        uint8_t *at = memmem(in->data, in->len, what.data, what.len);
        assert_non_null(at);
        return at;
}

/* The key sees the attestation key and the signature over the quoting enclave's report, neither of which changes here. */
static void a_platform_with_other_bytes_is_another(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        remember(&c);
        struct buf *quote = &c.set.quote;
        uint8_t *report = find(quote, span_make(c.p.qe_report, 64));
        uint8_t *auth = find(quote, SPAN_OF(c.p.qe_auth));
        uint8_t *chain = find(quote, SPAN("-----BEGIN CERTIFICATE-----"));
        expect_seen(&c, report, "tdx.qe_signature", "the quoting enclave's report");
        expect_seen(&c, auth, "tdx.qe_report_data", "its authentication data");
        expect_seen(&c, chain + 400, "tdx.pck_chain", "PCK certificate");
}

/* The key sees each part's length and its last 64 bytes. */
static void collateral_with_other_bytes_is_another(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        remember(&c);
        struct buf *pck_crl = &c.set.pck_crl, *root_crl = &c.set.root_crl;
        assert_true(strlen(c.p.tcb_info) > 128 && strlen(c.p.qe_identity) > 128);
        expect_seen(&c, (uint8_t *) strstr(c.p.tcb_info, "UpToDate"), "tdx.tcb_info_signature", "TCB info");
        expect_seen(&c, (uint8_t *) strstr(c.p.qe_identity, "UpToDate"), "tdx.qe_identity_signature", "identity");
        expect_seen(&c, pck_crl->data + pck_crl->len / 2, "tdx.pck_crl", "list of the CA");
        expect_seen(&c, root_crl->data + root_crl->len / 2, "tdx.root_crl", "list of the root");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_platform_with_other_bytes_is_another),
                cmocka_unit_test(collateral_with_other_bytes_is_another),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
