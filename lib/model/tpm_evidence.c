#include "lib/model/tpm_evidence.h"

#include "lib/base/parse.h"
#include "lib/wire/json.h"

#define VALUE_AT(bank, index) (((size_t) (bank) *TPM_PCR_COUNT + (index)) * HASH_MAX_LEN)
#define STORAGE_LEN           VALUE_AT(TPM_BANKS_MAX, 0)
#define BANK_NAME_MAX         16

struct tpm_evidence tpm_evidence_new(void)
{
        return (struct tpm_evidence){.attest = BUF(TPM_ATTEST_MAX),
                                     .signature = BUF(TPM_SIGNATURE_MAX),
                                     .ak_public = BUF(TPM_PUBLIC_MAX),
                                     .chain = BUF(TPM_CHAIN_MAX),
                                     .eventlog = BUF(TPM_EVENTLOG_MAX)};
}

struct fault *tpm_evidence_set_pcr(struct tpm_evidence *e, enum hash_alg bank, unsigned index, struct span value)
{
        if ((unsigned) bank >= TPM_BANKS_MAX || index >= TPM_PCR_COUNT)
                return fault(FAULT_INVALID, "TPM_EVIDENCE", "there is no PCR %u of bank %u", index, (unsigned) bank);
        if (value.len != hash_len(bank))
                return fault(FAULT_INVALID, "TPM_EVIDENCE", "PCR %s:%u has %zu bytes instead of %zu", hash_name(bank),
                             index, value.len, hash_len(bank));
        if (e->values[bank][index].len > 0)
                return fault(FAULT_INVALID, "TPM_EVIDENCE", "PCR %s:%u is given twice", hash_name(bank), index);

        if (e->storage == NULL)
                e->storage = alloc_zero(STORAGE_LEN, 1);
        uint8_t *where = e->storage + VALUE_AT(bank, index);
        memcpy(where, value.data, value.len);
        e->values[bank][index] = span_make(where, value.len);
        return NULL;
}

void tpm_evidence_drop_pcrs(struct tpm_evidence *e)
{
        memset(e->values, 0, sizeof e->values);
}

uint32_t tpm_evidence_pcrs(const struct tpm_evidence *e, enum hash_alg bank)
{
        uint32_t bits = 0;
        for (unsigned i = 0; i < TPM_PCR_COUNT; i++)
                bits |= e->values[bank][i].len > 0 ? 1u << i : 0;
        return bits;
}

struct fault *tpm_evidence_pcr_digest(const struct tpm_evidence *e, const struct tpm_quote *q,
                                      enum hash_alg signature_hash, uint8_t *ret_digest)
{
        struct span in_order[TPM_BANKS_MAX][TPM_PCR_COUNT] = {
                0}; /* tpm_pcr_digest has the banks as the quote has them */
        uint32_t unquoted[TPM_BANKS_MAX];
        for (unsigned bank = 0; bank < TPM_BANKS_MAX; bank++)
                unquoted[bank] = tpm_evidence_pcrs(e, (enum hash_alg) bank);
        for (size_t i = 0; i < q->bank_count; i++) {
                memcpy(in_order[i], e->values[q->banks[i].bank], sizeof in_order[i]);
                unquoted[q->banks[i].bank] = 0; /* tpm_pcr_digest compares within a bank */
        }
        for (unsigned bank = 0; bank < TPM_BANKS_MAX; bank++)
                if (unquoted[bank] != 0)
                        return fault(FAULT_DENIED, "tpm.pcr_values", "values of bank %s came, which isn't quoted",
                                     hash_name((enum hash_alg) bank));
        return tpm_pcr_digest(q, in_order, signature_hash, ret_digest);
}

struct fault *tpm_evidence_write(const struct tpm_evidence *e, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_base64url(j, "attest", buf_span(&e->attest));
        json_set_base64url(j, "signature", buf_span(&e->signature));
        json_set_base64url(j, "ak_public", buf_span(&e->ak_public));

        struct json *pcrs = json_new_array();
        for (unsigned bank = 0; bank < TPM_BANKS_MAX; bank++)
                for (unsigned i = 0; i < TPM_PCR_COUNT; i++) {
                        if (e->values[bank][i].len == 0)
                                continue;
                        struct json *pcr = json_new_object();
                        json_set_text(pcr, "bank", hash_name((enum hash_alg) bank));
                        json_set_int(pcr, "index", i);
                        json_set_hex(pcr, "value", e->values[bank][i]);
                        json_push(pcrs, pcr);
                }
        json_set(j, "pcrs", pcrs);
        if (e->chain.len > 0)
                json_set_base64url(j, "chain", buf_span(&e->chain));
        if (e->eventlog.len > 0)
                json_set_base64url(j, "eventlog", buf_span(&e->eventlog));
        return json_write(j, out);
}

static struct fault *read_pcr(const struct json *j, struct tpm_evidence *e)
{
        static const char *const keys[] = {"bank", "index", "value", NULL};
        if (json_kind(j) != JSON_OBJECT)
                return fault(FAULT_INVALID, "BAD_FIELD", "a member of pcrs is no object");
        TRY(json_only_keys(j, keys));
        struct span bank_name, hex;
        int64_t index;
        TRY(json_need_text(j, "bank", BANK_NAME_MAX, &bank_name));
        TRY(json_need_int(j, "index", 0, TPM_PCR_COUNT - 1, &index));
        TRY(json_need_text(j, "value", (size_t) 2 * HASH_MAX_LEN, &hex));
        enum hash_alg bank;
        TRY(fault_rename(hash_by_name(bank_name, &bank), FAULT_INVALID, "TPM_EVIDENCE"));

        AUTO(buf) struct buf value = BUF(HASH_MAX_LEN);
        TRY(hex_decode(hex, &value));
        return tpm_evidence_set_pcr(e, bank, (unsigned) index, buf_span(&value));
}

struct fault *tpm_evidence_read(struct span text, struct tpm_evidence *ret)
{
        static const char *const keys[] = {"attest", "signature", "ak_public", "pcrs", "chain", "eventlog", NULL};
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(text, &j));
        if (json_kind(j) != JSON_OBJECT)
                return fault(FAULT_INVALID, "BAD_FIELD", "evidence of a TPM is no object");
        TRY(json_only_keys(j, keys));

        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        TRY(json_need_base64url(j, "attest", &e.attest));
        TRY(json_need_base64url(j, "signature", &e.signature));
        TRY(json_need_base64url(j, "ak_public", &e.ak_public));
        if (json_get(j, "chain") != NULL)
                TRY(json_need_base64url(j, "chain", &e.chain));
        if (json_get(j, "eventlog") != NULL)
                TRY(json_need_base64url(j, "eventlog", &e.eventlog));
        const struct json *pcrs;
        TRY(json_need_array(j, "pcrs", (size_t) TPM_BANKS_MAX * TPM_PCR_COUNT, &pcrs));
        for (size_t i = 0; i < json_count(pcrs); i++)
                TRY_AS(read_pcr(json_at(pcrs, i), &e), "pcrs[%zu]", i);

        *ret = e;
        e = tpm_evidence_new(); /* what was given away is not freed */
        return NULL;
}

void tpm_evidence_clear(struct tpm_evidence *e)
{
        buf_clear(&e->attest);
        buf_clear(&e->signature);
        buf_clear(&e->ak_public);
        buf_clear(&e->chain);
        buf_clear(&e->eventlog);
        tpm_evidence_drop_pcrs(e);
        free(e->storage);
        e->storage = NULL;
}
