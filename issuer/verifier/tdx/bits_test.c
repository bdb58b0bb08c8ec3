/* One bit of a quote turned, every byte in its turn: nothing that counts can be changed, and what doesn't count is known. */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

/* Where it may hold all the same: the padding behind, and the NUL behind the chain, which a blank may stand for. */
static bool may_hold(const struct intel_case *c, size_t at, size_t nul_at)
{
        return at > nul_at || (at == nul_at && c->set.quote.data[at] == ' ');
}

/* The chain in PEM is the same text in both versions, and slow to prove: once is enough. */
static void turn_each_byte(unsigned version, size_t trailing, bool with_chain)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, version);
        c.p.trailing = trailing;
        expect_ok(intel_case_appraise(&c));
        size_t nul_at = c.set.quote.len - trailing - 1, chain_at = c.set.quote.len - trailing - c.set.pck_chain.len;

        for (size_t at = 0; at < c.set.quote.len; at++) {
                if (at == chain_at && !with_chain)
                        at = nul_at;
                uint8_t bit =
                        (uint8_t) (1u
                                   << (at %
                                       8)); /* all bits would take a minute; each is turned somewhere in each field */
                c.set.quote.data[at] ^= bit;
                attestation_result_clear(&c.r);
                AUTO(fault) struct fault *f = verifier_appraise(&c.in, &c.r);
                if (f == NULL && !may_hold(&c, at, nul_at))
                        fail_msg("byte %zu of %zu, bit %02x: it held", at, c.set.quote.len, bit);
                if (f != NULL && at > nul_at)
                        fail_msg("padding, byte %zu: %s", at, fault_text(f));
                c.set.quote.data[at] ^= bit;
        }
        attestation_result_clear(&c.r);
        expect_ok(verifier_appraise(&c.in, &c.r)); /* as it was, and nothing wrong is remembered */
}

static void each_byte_of_version_4_counts(void **state UNUSED)
{
        turn_each_byte(4, 70, /* with_chain= */ true);
}

static void each_byte_of_version_5_counts(void **state UNUSED)
{
        turn_each_byte(5, 1, /* with_chain= */ false);
}

static void what_is_signed_fails_by_its_signature(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 5);
        expect_ok(intel_case_appraise(&c));
        for (size_t at = 54; at < 54 + INTEL_BODY_15_LEN; at++) {
                c.set.quote.data[at] ^= 0x10;
                attestation_result_clear(&c.r);
                intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.signature", "a byte of the body");
                c.set.quote.data[at] ^= 0x10;
        }
}

static void each_length_is_too_short(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 4);
        expect_ok(intel_case_appraise(&c));
        for (size_t len = 0; len < c.set.quote.len; len++) {
                c.in.evidence = span_slice(buf_span(&c.set.quote), 0, len);
                attestation_result_clear(&c.r);
                intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.structure", "cut");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_byte_of_version_4_counts),
                cmocka_unit_test(each_byte_of_version_5_counts),
                cmocka_unit_test(what_is_signed_fails_by_its_signature),
                cmocka_unit_test(each_length_is_too_short),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
