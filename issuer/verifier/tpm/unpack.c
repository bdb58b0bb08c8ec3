/* A request's quote (lib/model/tpm_evidence.h) into the parts that the appraisal knows. */
#include "issuer/verifier/tpm/tpm.h"
#include "lib/model/tpm_evidence.h"

#define PCRS_MAX (HASH_ALG_COUNT * TPM_PCR_COUNT * (2 + HASH_MAX_LEN))

static struct fault *add_pcrs(const struct tpm_evidence *e, struct evidence_parts *ret)
{
        AUTO(buf) struct buf pcrs = BUF(PCRS_MAX);
        for (unsigned bank = 0; bank < TPM_BANKS_MAX; bank++)
                for (unsigned i = 0; i < TPM_PCR_COUNT; i++)
                        if (e->values[bank][i].len > 0)
                                TRY(registers_append((enum hash_alg) bank, i, e->values[bank][i], &pcrs));
        return evidence_parts_add(ret, "pcrs", buf_span(&pcrs));
}

struct fault *tpm_unpack(struct span value, struct evidence_parts *ret)
{
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        TRY(tpm_evidence_read(value, &e));
        TRY(buf_append(&ret->evidence, buf_span(&e.attest)));
        TRY(evidence_parts_add(ret, "sig", buf_span(&e.signature)));
        TRY(evidence_parts_add(ret, "ak", buf_span(&e.ak_public)));
        TRY(add_pcrs(&e, ret));
        TRY(evidence_parts_add(ret, "chain", buf_span(&e.chain)));
        return evidence_parts_add(ret, "eventlog", buf_span(&e.eventlog));
}
