#include "issuer/verifier/snp/table.h"

#include "lib/base/reader.h"

#define GUID_LEN  16
#define ENTRY_LEN 24

struct row {
        struct span guid;
        uint32_t offset, len;
};

struct span snp_entry_guid(enum snp_entry e)
{
        static const char guids[][GUID_LEN + 1] = {
                [SNP_ENTRY_VCEK] = "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd",
                [SNP_ENTRY_VLEK] = "\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1",
                [SNP_ENTRY_ASK] = "\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82",
                [SNP_ENTRY_ARK] = "\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae",
        };
        _Static_assert(COUNT_OF(guids) == SNP_ENTRY_COUNT, "every kind has a GUID");

        return span_make(guids[e], GUID_LEN);
}

static struct fault *read_row(struct reader *r, struct row *ret)
{
        TRY(reader_span(r, GUID_LEN, &ret->guid));
        TRY(reader_u32le(r, &ret->offset));
        return reader_u32le(r, &ret->len);
}

static bool is_end(const struct row *row)
{
        return span_is_zero(row->guid) && row->offset == 0 && row->len == 0;
}

static void keep(struct snp_table *table, const struct row *row, struct span content)
{
        for (size_t i = 0; i < SNP_ENTRY_COUNT; i++) {
                if (table->entries[i].len == 0 && span_eq(row->guid, snp_entry_guid((enum snp_entry) i)))
                        table->entries[i] = content;
        }
}

static struct fault *read_list(struct span bytes, struct row rows[SNP_TABLE_ENTRIES_MAX], size_t *ret_count,
                               size_t *ret_end)
{
        struct reader r = READER(bytes);

        for (size_t count = 0;; count++) {
                struct row row;
                TRY(read_row(&r, &row));
                if (is_end(&row)) {
                        *ret_count = count;
                        *ret_end = r.at;
                        return NULL;
                }
                if (count == SNP_TABLE_ENTRIES_MAX)
                        return fault(FAULT_INVALID, "snp.auxblob", "more than %d entries", SNP_TABLE_ENTRIES_MAX);
                rows[count] = row;
        }
}

static struct fault *read_table(struct span bytes, struct snp_table *table)
{
        struct row rows[SNP_TABLE_ENTRIES_MAX];
        size_t count, end;

        TRY(read_list(bytes, rows, &count, &end));
        for (size_t i = 0; i < count; i++) {
                const struct row *row = &rows[i];
                if (row->offset < end || row->offset > bytes.len || row->len > bytes.len - row->offset)
                        return fault(FAULT_INVALID, "snp.auxblob", "entry %zu lies outside: %u bytes at %u", i,
                                     row->len, row->offset);
                keep(table, row, span_slice(bytes, row->offset, row->len));
        }
        return NULL;
}

struct fault *snp_table_read(struct span bytes, struct snp_table *ret)
{
        struct snp_table table = {0};

        TRY(fault_rename(fault_prefix(read_table(bytes, &table), "certificate table"), FAULT_INVALID, "snp.auxblob"));
        *ret = table;
        return NULL;
}
