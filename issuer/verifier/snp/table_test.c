#include "issuer/verifier/snp/table.h"

#include "tests/fakes/amd_pki.h"
#include "tests/fakes/vector.h"

#define OTHER SPAN("0123456789abcdef")

static void a_recorded_table(void **state UNUSED)
{
        AUTO(buf) struct buf bytes = vector_read("snp/genoa-v3-auxblob/auxblob.bin");
        struct snp_table t;

        expect_ok(snp_table_read(buf_span(&bytes), &t));
        assert_int_equal(t.entries[SNP_ENTRY_ARK].len, 0x8e5);
        assert_int_equal(t.entries[SNP_ENTRY_ASK].len, 0x915);
        assert_int_equal(t.entries[SNP_ENTRY_VCEK].len, 0x757);
        assert_int_equal(t.entries[SNP_ENTRY_VLEK].len, 0);
        assert_true(span_starts_with(t.entries[SNP_ENTRY_VCEK], SPAN("-----BEGIN CERTIFICATE-----")));
        for (size_t len = 0; len < 0x1900 && len < bytes.len; len += 97)
                expect_fault(snp_table_read(span_slice(buf_span(&bytes), 0, len), &t), FAULT_INVALID, "snp.auxblob");
}

static void build(struct buf *out)
{
        const struct amd_table_entry entries[] = {
                {OTHER, SPAN("x")},
                {snp_entry_guid(SNP_ENTRY_VLEK), SPAN("vlek")},
                {snp_entry_guid(SNP_ENTRY_VLEK), SPAN("second")},
        };
        amd_table_write(entries, COUNT_OF(entries), out);
}

static void each_bound_is_checked(void **state UNUSED)
{
        static const struct {
                const char *name;
                size_t at; /* of a number in the table */
                uint32_t value;
                bool ok;
        } rows[] = {
                {"as it is", 24 + 16, 97, true},
                {"empty entry", 24 + 20, 0, true},
                {"overlapping entries", 48 + 16, 97, true},
                {"ends with the table", 48 + 20, 6, true},
                {"a byte past the end", 48 + 20, 7, false},
                {"offset past the end", 24 + 16, 1000, false},
                {"offset within the list", 24 + 16, 95, false},
                {"offset 0", 24 + 16, 0, false},
                {"sum that wraps", 24 + 20, UINT32_MAX, false},
                {"offset of all ones", 24 + 16, UINT32_MAX, false},
                {"another's entry outside", 20, 5000, false},
                {"no end of the list", 72 + 16, 97, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf bytes = BUF(1024);
                struct snp_table t;
                build(&bytes);
                amd_put_u32(bytes.data + rows[i].at, rows[i].value);
                if (!rows[i].ok)
                        expect_fault_row(snp_table_read(buf_span(&bytes), &t), FAULT_INVALID, "snp.auxblob",
                                         rows[i].name);
                else
                        expect_ok(snp_table_read(buf_span(&bytes), &t));
        }
}

static void the_first_of_a_kind_counts(void **state UNUSED)
{
        AUTO(buf) struct buf bytes = BUF(1024);
        struct snp_table t;

        build(&bytes);
        expect_ok(snp_table_read(buf_span(&bytes), &t));
        assert_true(span_eq_str(t.entries[SNP_ENTRY_VLEK], "vlek"));
        assert_int_equal(t.entries[SNP_ENTRY_VCEK].len, 0);
}

static void lists_have_a_length(void **state UNUSED)
{
        struct amd_table_entry entries[SNP_TABLE_ENTRIES_MAX + 1];
        struct snp_table t;

        for (size_t i = 0; i < COUNT_OF(entries); i++)
                entries[i] = (struct amd_table_entry){OTHER, SPAN("x")};
        for (size_t count = SNP_TABLE_ENTRIES_MAX; count <= COUNT_OF(entries); count++) {
                AUTO(buf) struct buf bytes = BUF(8192);
                amd_table_write(entries, count, &bytes);
                if (count > SNP_TABLE_ENTRIES_MAX)
                        expect_fault(snp_table_read(buf_span(&bytes), &t), FAULT_INVALID, "snp.auxblob");
                else
                        expect_ok(snp_table_read(buf_span(&bytes), &t));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_recorded_table),
                cmocka_unit_test(each_bound_is_checked),
                cmocka_unit_test(the_first_of_a_kind_counts),
                cmocka_unit_test(lists_have_a_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
