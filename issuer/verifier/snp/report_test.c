/* What a report says, behind a signature that is right: every rule has its row. */
#include "issuer/verifier/snp/report.h"

#include "issuer/verifier/snp/chain.h"
#include "tests/fakes/amd_world.h"

struct row {
        const char *name;
        const char *verdict; /* the check that refuses, or the concern; "": accepted */
        void (*change)(struct amd_world *w);
        enum fault_code code; /* 0: no refusal */
        bool is_vlek;
};

static void put_u32(struct amd_world *w, size_t at, uint32_t v)
{
        amd_put_u32(w->report + at, v);
}

static void put_u64(struct amd_world *w, size_t at, uint64_t v)
{
        amd_put_u64(w->report + at, v);
}

/* One statement a row: what is changed before the report is signed. */
#define CHANGE(name, ...)                                                                                              \
        static void name(struct amd_world *w)                                                                          \
        {                                                                                                              \
                __VA_ARGS__;                                                                                           \
        }
CHANGE(nothing, (void) w)
CHANGE(short_by_one, w->report_len--)
CHANGE(empty, w->report_len = 0)
CHANGE(version_0, put_u32(w, AMD_VERSION, 0))
CHANGE(version_1, put_u32(w, AMD_VERSION, 1))
CHANGE(version_4, put_u32(w, AMD_VERSION, 4))
CHANGE(version_6, put_u32(w, AMD_VERSION, 6))
CHANGE(version_max, put_u32(w, AMD_VERSION, UINT32_MAX))
CHANGE(algorithm_0, put_u32(w, AMD_SIGNATURE_ALGORITHM, 0))
CHANGE(algorithm_2, put_u32(w, AMD_SIGNATURE_ALGORITHM, 2))
CHANGE(algorithm_high, put_u32(w, AMD_SIGNATURE_ALGORITHM, 0x10001))
CHANGE(flag_5, put_u32(w, AMD_FLAGS, 1u << 5))
CHANGE(flag_31, put_u32(w, AMD_FLAGS, 1u << 31))
CHANGE(author_key, put_u32(w, AMD_FLAGS, SNP_FLAG_AUTHOR_KEY))
CHANGE(key_2, put_u32(w, AMD_FLAGS, 2u << 2))
CHANGE(key_6, put_u32(w, AMD_FLAGS, 6u << 2))
CHANGE(key_none, put_u32(w, AMD_FLAGS, 7u << 2))
CHANGE(key_masked, put_u32(w, AMD_FLAGS, SNP_FLAG_MASK_CHIP_KEY))
CHANGE(key_masked_vlek, put_u32(w, AMD_FLAGS, SNP_FLAG_MASK_CHIP_KEY | 1u << 2))
CHANGE(family_17, w->report[AMD_CPU_FAMILY] = 0x17)
CHANGE(family_0, w->report[AMD_CPU_FAMILY] = 0)
CHANGE(model_20, w->report[AMD_CPU_MODEL] = 0x20)
CHANGE(model_genoa, w->report[AMD_CPU_MODEL] = 0x10)
CHANGE(model_bergamo, w->report[AMD_CPU_MODEL] = 0xa0)
CHANGE(model_turin, (w->report[AMD_CPU_FAMILY] = 0x1a, w->report[AMD_CPU_MODEL] = 0x02))
CHANGE(model_beyond_turin, (w->report[AMD_CPU_FAMILY] = 0x1a, w->report[AMD_CPU_MODEL] = 0x12))
CHANGE(model_last_of_milan, w->report[AMD_CPU_MODEL] = 0x0f)
CHANGE(chip_other, w->report[AMD_CHIP_ID + 63] ^= 1)
CHANGE(chip_first, w->report[AMD_CHIP_ID] ^= 0x80)
CHANGE(chip_masked, memset(w->report + AMD_CHIP_ID, 0, SNP_CHIP_ID_LEN))
CHANGE(chip_some, w->report[AMD_CHIP_ID + 5] = 1)
CHANGE(data_first, w->report[AMD_REPORT_DATA] ^= 1)
CHANGE(data_last, w->report[AMD_REPORT_DATA + 63] ^= 0x80)
CHANGE(data_short, w->report_data_len = 63)
CHANGE(data_unasked, w->report_data_len = 0)
CHANGE(vmpl_1, put_u32(w, AMD_VMPL, 1))
CHANGE(vmpl_2, put_u32(w, AMD_VMPL, 2))
CHANGE(vmpl_3, put_u32(w, AMD_VMPL, 3))
CHANGE(vmpl_4, put_u32(w, AMD_VMPL, 4))
CHANGE(vmpl_host, put_u32(w, AMD_VMPL, UINT32_MAX))
CHANGE(policy_0, put_u64(w, AMD_POLICY, 0))
CHANGE(policy_without_17, put_u64(w, AMD_POLICY, SNP_POLICY_SMT))
CHANGE(policy_26, put_u64(w, AMD_POLICY, SNP_POLICY_ONE | (uint64_t) 1 << 26))
CHANGE(policy_63, put_u64(w, AMD_POLICY, SNP_POLICY_ONE | (uint64_t) 1 << 63))
CHANGE(policy_debug, put_u64(w, AMD_POLICY, SNP_POLICY_ONE | SNP_POLICY_DEBUG))
CHANGE(policy_migrate, put_u64(w, AMD_POLICY, SNP_POLICY_ONE | SNP_POLICY_MIGRATE_MA))
CHANGE(policy_all_known,
       put_u64(w, AMD_POLICY, 0x03ffffff & ~(uint64_t) SNP_POLICY_DEBUG & ~(uint64_t) SNP_POLICY_MIGRATE_MA))
CHANGE(platform_unknown, put_u64(w, AMD_PLATFORM_INFO, UINT64_MAX))
CHANGE(reported_above, w->report[AMD_CURRENT_TCB + 6]--)
CHANGE(reported_above_in_one,
       (w->report[AMD_CURRENT_TCB + 7]++, w->report[AMD_CURRENT_TCB + 1]--, w->report[AMD_COMMITTED_TCB + 1]--))
CHANGE(reported_below, w->report[AMD_CURRENT_TCB + 7]++)
CHANGE(committed_above, w->report[AMD_COMMITTED_TCB + 7]++)
CHANGE(committed_below, w->report[AMD_COMMITTED_TCB + 7]--)
CHANGE(launch_below, w->report[AMD_LAUNCH_TCB + 7]--)
CHANGE(reported_other, w->report[AMD_REPORTED_TCB + 6]--)
CHANGE(spare_of_tcb, w->report[AMD_REPORTED_TCB + 3] = 1)
CHANGE(other_machine, w->machine.chip_id[0] ^= 1)

static const struct row rows[] = {
        {"as it is", "", nothing, 0, false},
        {"as it is, VLEK", "", nothing, 0, true},
        {"a byte short", "snp.structure", short_by_one, FAULT_INVALID, false},
        {"empty", "snp.structure", empty, FAULT_INVALID, false},
        {"version 0", "snp.version", version_0, FAULT_INVALID, false},
        {"version 1", "snp.version", version_1, FAULT_INVALID, false},
        {"version 4", "snp.version", version_4, FAULT_INVALID, false},
        {"version 6", "snp.version", version_6, FAULT_INVALID, false},
        {"version of all ones", "snp.version", version_max, FAULT_INVALID, false},
        {"algorithm 0", "snp.signature_algorithm", algorithm_0, FAULT_DENIED, false},
        {"algorithm 2", "snp.signature_algorithm", algorithm_2, FAULT_DENIED, false},
        {"algorithm, high bits", "snp.signature_algorithm", algorithm_high, FAULT_DENIED, false},
        {"reserved flag 5", "snp.flags", flag_5, FAULT_DENIED, false},
        {"reserved flag 31", "snp.flags", flag_31, FAULT_DENIED, false},
        {"author key", "", author_key, 0, false},
        {"signing key 2", "snp.signing_key", key_2, FAULT_DENIED, false},
        {"signing key 6", "snp.signing_key", key_6, FAULT_DENIED, false},
        {"signing key none", "snp.signing_key", key_none, FAULT_DENIED, false},
        {"chip's key masked", "snp.mask_chip_key", key_masked, FAULT_DENIED, false},
        {"chip's key masked, VLEK", "", key_masked_vlek, 0, true},
        {"VLEK said, VCEK given", "snp.certificate_kind", key_masked_vlek, FAULT_DENIED, false},
        {"VCEK said, VLEK given", "snp.certificate_kind", author_key, FAULT_DENIED, true},
        {"family 17h", "snp.product", family_17, FAULT_DENIED, false},
        {"no family", "snp.product", family_0, FAULT_DENIED, false},
        {"model of nothing", "snp.product", model_20, FAULT_DENIED, false},
        {"model of Genoa under Milan's keys", "snp.product", model_genoa, FAULT_DENIED, false},
        {"model of Bergamo under Milan's keys", "snp.product", model_bergamo, FAULT_DENIED, false},
        {"model of Turin under Milan's keys", "snp.product", model_turin, FAULT_DENIED, false},
        {"model past Turin", "snp.product", model_beyond_turin, FAULT_DENIED, false},
        {"last model of Milan", "", model_last_of_milan, 0, false},
        {"another chip", "snp.chip_id", chip_other, FAULT_DENIED, false},
        {"another chip, first byte", "snp.chip_id", chip_first, FAULT_DENIED, false},
        {"chip id masked", "snp.chip_id_masked", chip_masked, 0, false},
        {"chip id beside a VLEK", "snp.vlek_chip_id", chip_some, 0, true},
        {"report data, first byte", "snp.report_data", data_first, FAULT_DENIED, false},
        {"report data, last byte", "snp.report_data", data_last, FAULT_DENIED, false},
        {"report data of 63 bytes asked for", "snp.report_data", data_short, FAULT_DENIED, false},
        {"no report data asked for", "", data_unasked, 0, false},
        {"VMPL 1", "", vmpl_1, 0, false},
        {"VMPL 2", "snp.vmpl", vmpl_2, 0, false},
        {"VMPL 3", "snp.vmpl", vmpl_3, 0, false},
        {"VMPL 4", "snp.vmpl_range", vmpl_4, FAULT_DENIED, false},
        {"asked for by the host", "snp.vmpl_range", vmpl_host, FAULT_DENIED, false},
        {"policy 0", "snp.policy_bits", policy_0, FAULT_DENIED, false},
        {"policy without bit 17", "snp.policy_bits", policy_without_17, FAULT_DENIED, false},
        {"policy with bit 26", "snp.policy_bits", policy_26, FAULT_DENIED, false},
        {"policy with bit 63", "snp.policy_bits", policy_63, FAULT_DENIED, false},
        {"debug", "snp.debug", policy_debug, 0, false},
        {"migration agent", "snp.migration_agent", policy_migrate, 0, false},
        {"every other bit of the policy", "", policy_all_known, 0, false},
        {"platform bits that nobody knows", "", platform_unknown, 0, false},
        {"reported above current", "snp.reported_tcb", reported_above, FAULT_DENIED, false},
        {"above in one part, though below as a number", "snp.reported_tcb", reported_above_in_one, FAULT_DENIED, false},
        {"reported below current", "", reported_below, 0, false},
        {"committed above current", "snp.committed_tcb", committed_above, FAULT_DENIED, false},
        {"committed below current", "", committed_below, 0, false},
        {"launched below current", "", launch_below, 0, false},
        {"another TCB than the certificate's", "snp.certificate_tcb", reported_other, FAULT_DENIED, false},
        {"spare byte of the TCB", "snp.certificate_tcb", spare_of_tcb, FAULT_DENIED, false},
        {"signed by another machine", "snp.signature", other_machine, FAULT_DENIED, false},
};

static void expect(struct amd_world *w, const char *name, const char *verdict, enum fault_code code)
{
        enum fault_code got_code;
        const char *got = amd_world_verdict(w, &got_code);

        if (strcmp(got, verdict) != 0 || got_code != code)
                fail_msg("%s: wanted \"%s\" (%s), got \"%s\" (%s)", name, verdict, fault_code_name(code), got,
                         fault_code_name(got_code));
}

static void every_rule_has_its_refusal(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(amd_world) struct amd_world w;
                amd_world_init(&w, SNP_MILAN, rows[i].is_vlek, SNP_VERSION_3);
                rows[i].change(&w);
                amd_world_write(&w);
                expect(&w, rows[i].name, rows[i].verdict, rows[i].code);
        }
}

static void every_product_and_version(void **state UNUSED)
{
        static const uint32_t versions[] = {2, 3, 5};
        for (unsigned i = 0; i < SNP_PRODUCT_COUNT * COUNT_OF(versions) * 2; i++) {
                AUTO(amd_world) struct amd_world w;
                enum snp_product product = (enum snp_product)(i / 2 % SNP_PRODUCT_COUNT);
                amd_world_init(&w, product, i % 2 == 1, versions[i / 2 / SNP_PRODUCT_COUNT]);
                amd_world_write(&w);
                expect(&w, snp_product_name(product), "", 0);
        }
}

/* Reserved bytes, each set behind a signature that is right. */
static void reserved_bytes_are_zero(void **state UNUSED)
{
        static const struct {
                uint32_t version;
                size_t from, to;
        } ranges[] = {{3, 0x04c, 0x050}, {2, 0x188, 0x1a0}, {3, 0x18b, 0x1a0}, {3, 0x1eb, 0x1ec},
                      {3, 0x1ef, 0x1f0}, {2, 0x1f8, 0x2a0}, {3, 0x1f8, 0x2a0}, {5, 0x208, 0x2a0}};
        AUTO(amd_world) struct amd_world w;

        for (size_t i = 0; i < COUNT_OF(ranges); i++) {
                for (size_t at = ranges[i].from; at < ranges[i].to; at++) {
                        uint8_t report[SNP_REPORT_LEN];
                        struct snp_report read;
                        struct amd_leaf machine = amd_vcek(SNP_MILAN, TEST_NOW);
                        amd_report(&machine, ranges[i].version, report);
                        expect_ok(snp_report_read(SPAN_OF(report), &read));
                        assert_true(read.reserved_is_zero);
                        report[at] = 1;
                        expect_ok(snp_report_read(SPAN_OF(report), &read));
                        assert_false(read.reserved_is_zero);
                }
        }
        amd_world_init(&w, SNP_TURIN, false, SNP_VERSION_5);
        w.report[0x29f] = 0x80;
        amd_world_write(&w);
        expect(&w, "last signed byte", "snp.reserved", FAULT_DENIED);
}

/* What no signature covers: the padding of its numbers and what is behind them. */
static void padding_is_zero(void **state UNUSED)
{
        AUTO(amd_world) struct amd_world w;

        amd_world_init(&w, SNP_MILAN, false, 2);
        amd_world_write(&w);
        for (size_t at = AMD_SIGNATURE; at < SNP_REPORT_LEN; at++) {
                bool is_number = at < AMD_SIGNATURE + 144 && (at - AMD_SIGNATURE) % 72 < 48;
                if (is_number)
                        continue;
                w.report[at] = 1;
                expect(&w, "padding", "snp.signature_padding", FAULT_DENIED);
                w.report[at] = 0;
        }
        expect(&w, "restored", "", 0);
}

/* Little-endian: the order of P-384's group, for numbers that are just too large. */
static const uint8_t order[48] = {0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48,
                                  0xb2, 0x0d, 0x1a, 0x58, 0xdf, 0x2d, 0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void numbers_of_the_signature_are_in_range(void **state UNUSED)
{
        for (size_t number = 0; number < 2; number++) {
                AUTO(amd_world) struct amd_world w;
                amd_world_init(&w, SNP_GENOA, false, SNP_VERSION_3);
                amd_world_write(&w);
                uint8_t *at = w.report + AMD_SIGNATURE + 72 * number;
                memset(at, 0, 48);
                expect(&w, "zero", "snp.signature", FAULT_DENIED);
                memcpy(at, order, 48);
                expect(&w, "the order", "snp.signature", FAULT_DENIED);
                memset(at, 0xff, 48);
                expect(&w, "all ones", "snp.signature", FAULT_DENIED);
        }
}

static void big_endian_is_no_signature(void **state UNUSED)
{
        AUTO(amd_world) struct amd_world w;

        amd_world_init(&w, SNP_MILAN, false, 2);
        amd_world_write(&w);
        for (size_t number = 0; number < 2; number++) {
                uint8_t *at = w.report + AMD_SIGNATURE + 72 * number;
                for (size_t i = 0; i < 24; i++) {
                        uint8_t swapped = at[i];
                        at[i] = at[47 - i];
                        at[47 - i] = swapped;
                }
        }
        expect(&w, "the other end first", "snp.signature", FAULT_DENIED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_rule_has_its_refusal),
                cmocka_unit_test(every_product_and_version),
                cmocka_unit_test(reserved_bytes_are_zero),
                cmocka_unit_test(padding_is_zero),
                cmocka_unit_test(numbers_of_the_signature_are_in_range),
                cmocka_unit_test(big_endian_is_no_signature),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
