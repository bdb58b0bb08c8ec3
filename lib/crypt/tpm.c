/* Quotes: TPMS_ATTEST, and the digest that it holds. */
#include "lib/crypt/tpm.h"

#include <assert.h>

#include "lib/crypt/tpm_internal.h"

#define PCR_SELECT_LEN (TPM_PCR_COUNT / 8) /* sizeofSelect of a PC client TPM: PCR_SELECT_MIN and _MAX */

struct fault *tpm_hash(uint16_t id, enum hash_alg *ret)
{
        switch (id) {
        case TPM_ALG_SHA1:
                *ret = HASH_SHA1;
                return NULL;
        case TPM_ALG_SHA256:
                *ret = HASH_SHA256;
                return NULL;
        case TPM_ALG_SHA384:
                *ret = HASH_SHA384;
                return NULL;
        case TPM_ALG_SHA512:
                *ret = HASH_SHA512;
                return NULL;
        default:
                return fault(FAULT_INVALID, "TPM_ALGORITHM", "TPM hash 0x%04x", id);
        }
}

struct fault *tpm_structure(struct fault *f, const char *what)
{
        static const char *const readers[] = {"TRUNCATED", "TRAILING_BYTES", "TOO_LONG"};

        for (size_t i = 0; f != NULL && i < COUNT_OF(readers); i++) {
                if (strcmp(fault_token(f), readers[i]) == 0) {
                        AUTO(fault) struct fault *old = f;
                        return fault(FAULT_INVALID, "TPM_STRUCTURE", "%s: %s", what, fault_text(old));
                }
        }
        return fault_prefix(f, "%s", what);
}

/* TPMS_PCR_SELECTION */
static struct fault *read_selection(struct reader *r, struct tpm_selection *s)
{
        uint16_t bank;
        uint8_t len, bitmap[PCR_SELECT_LEN];

        TRY(reader_u16be(r, &bank));
        TRY(tpm_hash(bank, &s->bank));
        TRY(reader_u8(r, &len));
        if (len != PCR_SELECT_LEN)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "PCR bitmap of %u bytes", len);
        TRY(reader_bytes(r, bitmap, sizeof bitmap));
        for (size_t i = 0; i < sizeof bitmap; i++)
                s->pcrs |= (uint32_t) bitmap[i] << (8 * i);
        return NULL;
}

/* TPML_PCR_SELECTION */
static struct fault *read_selections(struct reader *r, struct tpm_quote *q)
{
        uint32_t count;

        TRY(reader_u32be(r, &count));
        if (count > TPM_BANKS_MAX)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "%u PCR banks", count);
        q->bank_count = count;
        for (size_t i = 0; i < count; i++) {
                TRY(read_selection(r, &q->banks[i]));
                for (size_t j = 0; j < i; j++) {
                        if (q->banks[j].bank == q->banks[i].bank)
                                return fault(FAULT_INVALID, "TPM_STRUCTURE", "PCR bank %s twice",
                                             hash_name(q->banks[i].bank));
                }
        }
        return NULL;
}

static struct fault *read_quote(struct reader *r, struct tpm_quote *q)
{
        uint32_t magic;
        uint16_t type;
        uint8_t safe;

        TRY(reader_u32be(r, &magic));
        if (magic != TPM_GENERATED_VALUE)
                return fault(FAULT_DENIED, "tpm.magic", "magic %08x: not made by a TPM", magic);
        TRY(reader_u16be(r, &type));
        if (type != TPM_ST_ATTEST_QUOTE)
                return fault(FAULT_DENIED, "tpm.type", "attestation of type %04x, not a quote", type);
        TRY(reader_sized16be(r, TPM_NAME_MAX, &q->qualified_signer));
        TRY(reader_sized16be(r, TPM_DATA_MAX, &q->extra_data));
        TRY(reader_u64be(r, &q->clock_ms));
        TRY(reader_u32be(r, &q->reset_count));
        TRY(reader_u32be(r, &q->restart_count));
        TRY(reader_u8(r, &safe));
        if (safe > 1)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "safe is %u", safe); /* TPMI_YES_NO */
        q->safe = safe == 1;
        TRY(reader_u64be(r, &q->firmware_version));
        TRY(read_selections(r, q));
        TRY(reader_sized16be(r, HASH_MAX_LEN, &q->pcr_digest));
        return reader_end(r);
}

struct fault *tpm_quote_read(struct span attest, struct tpm_quote *ret)
{
        struct reader r = READER(attest);
        struct tpm_quote q = {0};

        TRY(tpm_structure(read_quote(&r, &q), "TPMS_ATTEST"));
        *ret = q;
        return NULL;
}

struct fault *tpm_pcr_digest(const struct tpm_quote *q, const struct span values[TPM_BANKS_MAX][TPM_PCR_COUNT],
                             enum hash_alg signature_hash, uint8_t *ret_digest)
{
        AUTO(hasher) struct hasher *h = hasher_new(signature_hash);

        assert(q->bank_count <= TPM_BANKS_MAX);
        for (size_t bank = 0; bank < q->bank_count; bank++) {
                const struct tpm_selection *s = &q->banks[bank];
                for (unsigned pcr = 0; pcr < TPM_PCR_COUNT; pcr++) {
                        const struct span *value = &values[bank][pcr];
                        bool is_selected = (s->pcrs >> pcr & 1) != 0;
                        if (value->len != (is_selected ? hash_len(s->bank) : 0))
                                return fault(FAULT_DENIED, "tpm.pcr_values",
                                             "PCR %s:%u is %squoted, and %zu bytes came with it", hash_name(s->bank),
                                             pcr, is_selected ? "" : "not ", value->len);
                        if (is_selected)
                                hasher_add(h, *value);
                }
        }
        hasher_end(h, ret_digest);
        return NULL;
}
