#include "attester/evidence/tpm_quote.h"

#include <assert.h>
#include <tss2/tss2_mu.h>

#include "attester/evidence/tpm_pcrs.h"
#include "lib/base/log.h"

#define MOVED_TRIES_MAX 16 /* a register that changes so often is being written on purpose */
#define READS_MAX       (TPM_BANKS_MAX * TPM_PCR_COUNT)

/* ---- the quote */

static struct fault *quote(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, const TPML_PCR_SELECTION *pcrs,
                           const uint8_t extra_data[SHA256_LEN], struct tpm_evidence *e)
{
        TPM2B_DATA qualifying = {.size = SHA256_LEN};
        memcpy(qualifying.buffer, extra_data, SHA256_LEN);
        const TPMT_SIG_SCHEME scheme_of_key = {.scheme = TPM2_ALG_NULL};
        AUTO_ESYS TPM2B_ATTEST *attest = NULL;
        AUTO_ESYS TPMT_SIGNATURE *signature = NULL;
        TPM_CALL(t, cancel, "quote",
                 Esys_Quote_Async(t->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying,
                                  &scheme_of_key, pcrs),
                 Esys_Quote_Finish(t->esys, &attest, &signature));

        assert(attest != NULL && signature != NULL); /* ESYS succeeded */
        uint8_t bytes[sizeof *signature];
        size_t len = 0;
        TRY(tpm_fault(Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof bytes, &len), "write signature"));
        buf_truncate(&e->attest, 0);
        buf_truncate(&e->signature, 0);
        TRY(buf_append(&e->attest, span_make(attest->attestationData, attest->size)));
        return buf_append(&e->signature, span_make(bytes, len));
}

/* A TPM answers for an inactive bank with an empty bitmap instead of an error. */
static struct fault *check_selection(const struct tpm_quote *q, const TPML_PCR_SELECTION *pcrs)
{
        for (UINT32 i = 0; i < pcrs->count; i++) {
                enum hash_alg bank;
                uint32_t wanted = tpm_pcrs_bits(&pcrs->pcrSelections[i]);
                if (!tpm_bank_of(pcrs->pcrSelections[i].hash, &bank))
                        return fault(FAULT_INTERNAL, "tee.fault", "quote: bank 0x%04x", pcrs->pcrSelections[i].hash);
                if (i >= q->bank_count || q->banks[i].bank != bank || q->banks[i].pcrs != wanted)
                        return fault(FAULT_PRECONDITION, "evidence.bank",
                                     "the TPM doesn't quote the %s registers that are configured: is the bank active?",
                                     hash_name(bank));
        }
        return NULL;
}

/* ---- the values */

static struct fault *take_values(const TPML_PCR_SELECTION *read, const TPML_DIGEST *values, TPML_PCR_SELECTION *left,
                                 struct tpm_evidence *e)
{
        UINT32 next = 0;
        for (UINT32 i = 0; i < read->count && i < left->count; i++) {
                enum hash_alg bank;
                if (read->pcrSelections[i].hash != left->pcrSelections[i].hash ||
                    !tpm_bank_of(read->pcrSelections[i].hash, &bank))
                        return fault(FAULT_INTERNAL, "tee.fault", "read registers: other banks than asked for");
                uint32_t bits = tpm_pcrs_bits(&read->pcrSelections[i]);
                for (unsigned pcr = 0; pcr < TPM_PCR_COUNT; pcr++) {
                        if ((bits >> pcr & 1u) == 0)
                                continue;
                        if (next == values->count)
                                return fault(FAULT_INTERNAL, "tee.fault", "read registers: fewer values than told");
                        const TPM2B_DIGEST *v = &values->digests[next++];
                        TRY(tpm_evidence_set_pcr(e, bank, pcr, span_make(v->buffer, v->size)));
                        left->pcrSelections[i].pcrSelect[pcr / 8] &= (BYTE) ~(1u << pcr % 8);
                }
        }
        if (next == 0)
                return fault(FAULT_INTERNAL, "tee.fault", "read registers: nothing came");
        return NULL;
}

static bool is_empty(const TPML_PCR_SELECTION *s)
{
        uint32_t bits = 0;
        for (UINT32 i = 0; i < s->count; i++)
                bits |= tpm_pcrs_bits(&s->pcrSelections[i]);
        return bits == 0;
}

/* A TPM gives at most eight values at once. */
static struct fault *read_values(struct tpm_context *t, struct cancel *cancel, const TPML_PCR_SELECTION *pcrs,
                                 struct tpm_evidence *e)
{
        TPML_PCR_SELECTION left = *pcrs;
        tpm_evidence_drop_pcrs(e);
        for (unsigned i = 0; !is_empty(&left); i++) {
                assert(i < READS_MAX); /* take_values insists on progress */
                AUTO_ESYS TPML_PCR_SELECTION *read = NULL;
                AUTO_ESYS TPML_DIGEST *values = NULL;
                UINT32 counter = 0;
                TPM_CALL(t, cancel, "read registers",
                         Esys_PCR_Read_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &left),
                         Esys_PCR_Read_Finish(t->esys, &counter, &read, &values));
                assert(read != NULL && values != NULL);
                TRY(take_values(read, values, &left, e));
        }
        return NULL;
}

/* The digest decides: the update counter doesn't count every register (part 2, TPM_PT_PCR_NO_INCREMENT). */
static struct fault *values_fit(const struct tpm_quote *q, const struct tpm_evidence *e, bool *ret)
{
        uint8_t digest[HASH_MAX_LEN];
        TRY(tpm_evidence_pcr_digest(e, q, HASH_SHA256, digest));
        *ret = span_eq(span_make(digest, SHA256_LEN), q->pcr_digest);
        return NULL;
}

/* Those read for an earlier quote: almost always still what the registers hold, and then not asked for again. */
static bool values_fit_still(const struct tpm_quote *q, const struct tpm_evidence *e)
{
        bool fits = false;
        AUTO(fault) struct fault *incomplete = values_fit(q, e, &fits); /* none yet, or a reading that broke off */
        return incomplete == NULL && fits;
}

struct fault *tpm_quote_take(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, const TPML_PCR_SELECTION *pcrs,
                             const uint8_t extra_data[SHA256_LEN], struct tpm_evidence *e)
{
        for (unsigned i = 0; i < MOVED_TRIES_MAX; i++) {
                struct tpm_quote q;
                bool fits;
                TRY(quote(t, cancel, ak, pcrs, extra_data, e));
                TRY_AS(tpm_quote_read(buf_span(&e->attest), &q), "quote");
                TRY(check_selection(&q, pcrs));
                if (values_fit_still(&q, e))
                        return NULL;
                TRY(read_values(t, cancel, pcrs, e));
                TRY(values_fit(&q, e, &fits));
                if (fits)
                        return NULL;
                log_debug("tpm_registers_moved", KV("try", i + 1));
        }
        return fault(FAULT_UNAVAILABLE, "tee.busy", "quote: the registers changed %d times meanwhile", MOVED_TRIES_MAX);
}
