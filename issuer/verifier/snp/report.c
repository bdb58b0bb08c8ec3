#include "issuer/verifier/snp/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/reader.h"

#define NUMBER_LEN      48 /* of P-384 */
#define NUMBER_ROOM     72 /* r and s each, little-endian, the rest zero */
#define NUMBER_PADDING  (NUMBER_ROOM - NUMBER_LEN)
#define SIGNATURE_SPARE (SNP_REPORT_LEN - SNP_SIGNED_LEN - 2 * NUMBER_ROOM)

const char *snp_product_name(enum snp_product p)
{
        static const char *const names[] = {"Milan", "Genoa", "Turin"};
        _Static_assert(COUNT_OF(names) == SNP_PRODUCT_COUNT, "every product has a name");

        assert((size_t) p < SNP_PRODUCT_COUNT);
        return names[p];
}

/* ---- TCB ---- */

const char *snp_tcb_part_name(enum snp_product p, size_t index)
{
        static const char *const first[SNP_TCB_LEN] = {"bl", "tee", NULL, NULL, NULL, NULL, "snp", "ucode"};
        static const char *const turin[SNP_TCB_LEN] = {"fmc", "bl", "tee", "snp", NULL, NULL, NULL, "ucode"};

        assert(index < SNP_TCB_LEN);
        return p == SNP_TURIN ? turin[index] : first[index];
}

bool snp_tcb_eq(struct snp_tcb a, struct snp_tcb b)
{
        return memcmp(a.parts, b.parts, SNP_TCB_LEN) == 0;
}

bool snp_tcb_le(struct snp_tcb a, struct snp_tcb b)
{
        for (size_t i = 0; i < SNP_TCB_LEN; i++) {
                if (a.parts[i] > b.parts[i])
                        return false;
        }
        return true;
}

uint64_t snp_tcb_number(struct snp_tcb t)
{
        uint64_t number = 0;
        for (size_t i = SNP_TCB_LEN; i-- > 0;)
                number = number << 8 | t.parts[i];
        return number;
}

void snp_tcb_text(struct snp_tcb t, char ret[SNP_TCB_TEXT_LEN + 1])
{
        (void) snprintf(ret, SNP_TCB_TEXT_LEN + 1, "%016" PRIx64, snp_tcb_number(t)); /* fits */
}

/* ---- reading ---- */

static struct fault *read_tcb(struct reader *r, struct snp_tcb *ret)
{
        return reader_bytes(r, ret->parts, SNP_TCB_LEN);
}

static struct fault *read_version(struct reader *r, struct snp_version *ret)
{
        TRY(reader_u8(r, &ret->build));
        TRY(reader_u8(r, &ret->minor));
        return reader_u8(r, &ret->major);
}

static struct fault *read_zeros(struct reader *r, size_t len, bool *is_zero)
{
        struct span reserved;

        TRY(reader_span(r, len, &reserved));
        *is_zero &= span_is_zero(reserved);
        return NULL;
}

static struct fault *read_head(struct reader *r, struct snp_report *report)
{
        TRY(reader_u32le(r, &report->version));
        TRY(reader_u32le(r, &report->guest_svn));
        TRY(reader_u64le(r, &report->policy));
        TRY(reader_bytes(r, report->family_id, sizeof report->family_id));
        TRY(reader_bytes(r, report->image_id, sizeof report->image_id));
        TRY(reader_u32le(r, &report->vmpl));
        TRY(reader_u32le(r, &report->signature_algorithm));
        TRY(read_tcb(r, &report->current_tcb));
        TRY(reader_u64le(r, &report->platform_info));
        TRY(reader_u32le(r, &report->flags));
        return read_zeros(r, 4, &report->reserved_is_zero);
}

static struct fault *read_guest(struct reader *r, struct snp_report *report)
{
        TRY(reader_bytes(r, report->report_data, sizeof report->report_data));
        TRY(reader_bytes(r, report->measurement, sizeof report->measurement));
        TRY(reader_bytes(r, report->host_data, sizeof report->host_data));
        TRY(reader_bytes(r, report->id_key_digest, sizeof report->id_key_digest));
        TRY(reader_bytes(r, report->author_key_digest, sizeof report->author_key_digest));
        TRY(reader_bytes(r, report->report_id, sizeof report->report_id));
        return reader_bytes(r, report->report_id_ma, sizeof report->report_id_ma);
}

static struct fault *read_processor(struct reader *r, struct snp_report *report)
{
        if (report->version < SNP_VERSION_3)
                return read_zeros(r, 3, &report->reserved_is_zero);
        TRY(reader_u8(r, &report->cpu_family));
        TRY(reader_u8(r, &report->cpu_model));
        return reader_u8(r, &report->cpu_stepping);
}

static struct fault *read_platform(struct reader *r, struct snp_report *report)
{
        TRY(read_tcb(r, &report->reported_tcb));
        TRY(read_processor(r, report));
        TRY(read_zeros(r, 0x1a0 - 0x18b, &report->reserved_is_zero));
        TRY(reader_bytes(r, report->chip_id, sizeof report->chip_id));
        TRY(read_tcb(r, &report->committed_tcb));
        TRY(read_version(r, &report->current));
        TRY(read_zeros(r, 1, &report->reserved_is_zero));
        TRY(read_version(r, &report->committed));
        TRY(read_zeros(r, 1, &report->reserved_is_zero));
        return read_tcb(r, &report->launch_tcb);
}

static struct fault *read_mitigations(struct reader *r, struct snp_report *report)
{
        if (report->version < SNP_VERSION_5)
                return read_zeros(r, 16, &report->reserved_is_zero);
        TRY(reader_u64le(r, &report->launch_mitigations));
        return reader_u64le(r, &report->current_mitigations);
}

static struct fault *read_number(struct reader *r, struct snp_report *report, uint8_t *ret_big_endian)
{
        uint8_t number[NUMBER_LEN];

        TRY(reader_bytes(r, number, sizeof number));
        for (size_t i = 0; i < NUMBER_LEN; i++)
                ret_big_endian[i] = number[NUMBER_LEN - 1 - i];
        return read_zeros(r, NUMBER_PADDING, &report->padding_is_zero);
}

static struct fault *read_all(struct span bytes, struct snp_report *report)
{
        struct reader r = READER(bytes);

        TRY(read_head(&r, report));
        TRY(read_guest(&r, report));
        TRY(read_platform(&r, report));
        TRY(read_mitigations(&r, report));
        TRY(read_zeros(&r, SNP_SIGNED_LEN - 0x208, &report->reserved_is_zero));
        assert(r.at == SNP_SIGNED_LEN);
        TRY(read_number(&r, report, report->signature));
        TRY(read_number(&r, report, report->signature + NUMBER_LEN));
        TRY(read_zeros(&r, SIGNATURE_SPARE, &report->padding_is_zero));
        return reader_end(&r);
}

struct fault *snp_report_read(struct span bytes, struct snp_report *ret)
{
        struct snp_report report = {.reserved_is_zero = true, .padding_is_zero = true};

        if (bytes.len != SNP_REPORT_LEN)
                return fault(FAULT_INVALID, "snp.structure", "wanted a report of %d bytes, got %zu", SNP_REPORT_LEN,
                             bytes.len);
        TRY(read_all(bytes, &report));
        /* 4 was never seen in the field; what a later one adds, nobody here can judge */
        if (report.version != 2 && report.version != SNP_VERSION_3 && report.version != SNP_VERSION_5)
                return fault(FAULT_INVALID, "snp.version", "wanted version 2, 3 or 5, got %" PRIu32, report.version);
        report.signed_bytes = span_slice(bytes, 0, SNP_SIGNED_LEN);
        *ret = report;
        return NULL;
}

enum snp_signing_key snp_report_signing_key(const struct snp_report *r)
{
        return (enum snp_signing_key)((r->flags & SNP_FLAG_SIGNING_KEY) >> SNP_FLAG_SIGNING_KEY_AT);
}

bool snp_report_product(const struct snp_report *r, enum snp_product *ret)
{
        static const struct {
                uint8_t family, first_model, last_model;
                enum snp_product product;
        } rows[] = {
                {0x19, 0x00, 0x0f, SNP_MILAN},
                {0x19, 0x10, 0x1f, SNP_GENOA},
                {0x19, 0xa0, 0xaf, SNP_GENOA}, /* Bergamo and Siena: of Genoa's keys */
                {0x1a, 0x00, 0x11, SNP_TURIN},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (r->cpu_family != rows[i].family || r->cpu_model < rows[i].first_model ||
                    r->cpu_model > rows[i].last_model)
                        continue;
                *ret = rows[i].product;
                return true;
        }
        return false;
}
