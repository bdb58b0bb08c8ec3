#include "attester/evidence/tpm_pcrs.h"

#include "tests/fakes/expect.h"

static void takes(void **state)
{
        (void) state;
        TPML_PCR_SELECTION s;
        expect_ok(tpm_pcrs_parse(SPAN("sha256:0,1,7,23+sha384:8+sha512:16"), &s));
        assert_int_equal(s.count, 3);
        assert_int_equal(s.pcrSelections[0].hash, TPM2_ALG_SHA256);
        assert_int_equal(s.pcrSelections[0].sizeofSelect, 3);
        assert_int_equal(tpm_pcrs_bits(&s.pcrSelections[0]), 0x800083);
        assert_int_equal(s.pcrSelections[1].hash, TPM2_ALG_SHA384);
        assert_int_equal(tpm_pcrs_bits(&s.pcrSelections[1]), 0x100);
        assert_int_equal(s.pcrSelections[2].hash, TPM2_ALG_SHA512);
        assert_int_equal(tpm_pcrs_bits(&s.pcrSelections[2]), 0x10000);
}

static void refuses(void **state)
{
        (void) state;
        static const char *const rows[] = {
                "",           "sha256",     "sha256:",    ":0",         "sha1:0",          "sm3:0",
                "sha256:24",  "sha256:-1",  "sha256:00",  "sha256:0,",  "sha256:,0",       "sha256:0,0",
                "sha256: 0",  "sha256:0 ",  "SHA256:0",   "sha256:0+",  "+sha256:0",       "sha256:0+sha256:1",
                "sha256:0:1", "sha256:0;1", "sha256:0x1", "sha256:all", "sha256:0+sha384", "sha256:0++sha384:0",
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                TPML_PCR_SELECTION s = {.count = 77};
                expect_fault_row(tpm_pcrs_parse(span_str(rows[i]), &s), FAULT_INVALID, "evidence.pcrs", rows[i]);
                assert_int_equal(s.count, 77);
        }
}

static void knows_the_banks(void **state)
{
        (void) state;
        enum hash_alg bank;
        assert_true(tpm_bank_of(TPM2_ALG_SHA1, &bank) && bank == HASH_SHA1);
        assert_true(tpm_bank_of(TPM2_ALG_SHA512, &bank) && bank == HASH_SHA512);
        assert_false(tpm_bank_of(TPM2_ALG_SM3_256, &bank));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes),
                cmocka_unit_test(refuses),
                cmocka_unit_test(knows_the_banks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
