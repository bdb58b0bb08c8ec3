/* One bit of every byte of a report: no such report is taken, whatever the bit says. */
#include "issuer/verifier/snp/report.h"
#include "tests/fakes/amd_world.h"

static bool is_in_range(size_t at, size_t from, size_t to)
{
        return at >= from && at < to;
}

/* Verifying takes a millisecond: bytes of one field and of one treatment are tried every few; all others, each. */
static bool is_tried(uint32_t version, size_t at)
{
        bool is_plain = is_in_range(at, AMD_REPORT_DATA, AMD_REPORTED_TCB) || is_in_range(at, 0x10, AMD_VMPL);
        return version == SNP_VERSION_3 || !is_plain || at % 8 == 0;
}

static void no_bit_goes_unnoticed(void **state UNUSED)
{
        static const struct {
                uint32_t version;
                enum snp_product product;
        } rows[] = {{2, SNP_MILAN}, {3, SNP_GENOA}, {5, SNP_TURIN}};

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(amd_world) struct amd_world w;
                enum fault_code code;
                amd_world_init(&w, rows[i].product, false, rows[i].version);
                w.report_data_len = 0; /* not what notices */
                amd_world_write(&w);
                assert_string_equal(amd_world_verdict(&w, &code), "");
                for (size_t at = 0; at < SNP_REPORT_LEN; at++) {
                        uint8_t bit = (uint8_t) (1u << at % 8);
                        if (!is_tried(rows[i].version, at))
                                continue;
                        w.report[at] ^= bit;
                        const char *verdict = amd_world_verdict(&w, &code);
                        if (code != FAULT_DENIED && code != FAULT_INVALID)
                                fail_msg("version %u, byte %zu: %s", rows[i].version, at, verdict);
                        if (at >= AMD_SIGNATURE && strncmp(verdict, "snp.signature", 13) != 0)
                                fail_msg("version %u, byte %zu of the signature: %s", rows[i].version, at, verdict);
                        w.report[at] ^= bit;
                }
                assert_string_equal(amd_world_verdict(&w, &code), "");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(no_bit_goes_unnoticed)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
