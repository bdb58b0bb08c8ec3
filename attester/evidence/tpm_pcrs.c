#include "attester/evidence/tpm_pcrs.h"

#include "lib/base/parse.h"

#define SELECT_LEN 3 /* bytes of a bitmap of 24 registers */

/* SHA-1 is left out on purpose: its registers can be extended to a value of somebody's choice. */
static bool bank_by_name(struct span name, TPMI_ALG_HASH *ret)
{
        static const struct {
                const char *name;
                TPMI_ALG_HASH alg;
        } banks[] = {{"sha256", TPM2_ALG_SHA256}, {"sha384", TPM2_ALG_SHA384}, {"sha512", TPM2_ALG_SHA512}};
        for (size_t i = 0; i < COUNT_OF(banks); i++)
                if (span_eq_str(name, banks[i].name)) {
                        *ret = banks[i].alg;
                        return true;
                }
        return false;
}

bool tpm_bank_of(TPMI_ALG_HASH alg, enum hash_alg *ret)
{
        switch (alg) {
        case TPM2_ALG_SHA1:
                *ret = HASH_SHA1;
                return true;
        case TPM2_ALG_SHA256:
                *ret = HASH_SHA256;
                return true;
        case TPM2_ALG_SHA384:
                *ret = HASH_SHA384;
                return true;
        case TPM2_ALG_SHA512:
                *ret = HASH_SHA512;
                return true;
        default:
                return false;
        }
}

uint32_t tpm_pcrs_bits(const TPMS_PCR_SELECTION *s)
{
        uint32_t bits = 0;
        for (unsigned i = 0; i < SELECT_LEN && i < s->sizeofSelect; i++)
                bits |= (uint32_t) s->pcrSelect[i] << (8 * i);
        return bits;
}

static struct fault *parse_indexes(struct span text, TPMS_PCR_SELECTION *bank)
{
        bool more = true;
        while (more) {
                uint64_t index;
                struct fault *bad = parse_u64(span_cut(&text, ',', &more), 0, TPM_PCR_COUNT - 1, &index);
                TRY(fault_rename(fault_prefix(bad, "PCR index"), FAULT_INVALID, "evidence.pcrs"));
                uint8_t bit = (uint8_t) (1u << (index % 8));
                if ((bank->pcrSelect[index / 8] & bit) != 0)
                        return fault(FAULT_INVALID, "evidence.pcrs", "PCR %u twice", (unsigned) index);
                bank->pcrSelect[index / 8] |= bit;
        }
        return NULL;
}

static struct fault *parse_bank(struct span text, TPML_PCR_SELECTION *list)
{
        bool has_indexes;
        struct span name = span_cut(&text, ':', &has_indexes);
        TPMS_PCR_SELECTION bank = {.sizeofSelect = SELECT_LEN};
        if (!bank_by_name(name, &bank.hash))
                return fault(FAULT_INVALID, "evidence.pcrs", "bank \"%.*s\" is none of sha256, sha384, sha512",
                             (int) name.len, (const char *) name.data);
        if (!has_indexes)
                return fault(FAULT_INVALID, "evidence.pcrs", "bank %.*s names no registers (%.*s:0,1,…)",
                             (int) name.len, (const char *) name.data, (int) name.len, (const char *) name.data);
        for (UINT32 i = 0; i < list->count; i++)
                if (list->pcrSelections[i].hash == bank.hash)
                        return fault(FAULT_INVALID, "evidence.pcrs", "bank %.*s twice", (int) name.len,
                                     (const char *) name.data);
        TRY(parse_indexes(text, &bank));
        list->pcrSelections[list->count++] = bank;
        return NULL;
}

struct fault *tpm_pcrs_parse(struct span text, TPML_PCR_SELECTION *ret)
{
        TPML_PCR_SELECTION list = {0};
        bool more = true;
        while (more)
                TRY(parse_bank(span_cut(&text, '+', &more), &list));
        *ret = list;
        return NULL;
}
