/* registry: the kinds of evidence, one row each. */
#include "attester/evidence/cca.h"
#include "attester/evidence/reader_client.h"
#include "attester/evidence/sev_snp.h"
#include "attester/evidence/software.h"
#include "attester/evidence/source.h"
#include "attester/evidence/tdx.h"
#include "attester/evidence/tpm.h"

static const struct evidence_kind {
        const char *name;
        bool may_be_read_for_us; /* by the reader process: kinds whose devices are root's */
        bool needs_enrolment;
        struct fault *(*open)(const struct evidence_options *o, struct evidence_source *ret);
} kinds[] = {
        {EVIDENCE_SEV_SNP, true, false, evidence_sev_snp_open},
        {EVIDENCE_TDX, true, false, evidence_tdx_open},
        {EVIDENCE_CCA, true, false, evidence_cca_open},
        {EVIDENCE_TPM, true, true, evidence_tpm_open},
        {EVIDENCE_SOFTWARE, false, false, evidence_software_open},
};

struct fault *evidence_open(const struct evidence_options *o, struct evidence_source *ret)
{
        const struct evidence_kind *kind = NULL;
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                if (o->kind != NULL && strcmp(o->kind, kinds[i].name) == 0)
                        kind = &kinds[i];
        if (kind == NULL)
                return fault(FAULT_INVALID, "evidence.kind", "evidence kind \"%s\" is none of %s, %s, %s, %s, %s",
                             o->kind == NULL ? "" : o->kind, EVIDENCE_SEV_SNP, EVIDENCE_TDX, EVIDENCE_CCA, EVIDENCE_TPM,
                             EVIDENCE_SOFTWARE);
        if (o->reader_socket == NULL)
                return kind->open(o, ret);
        if (!kind->may_be_read_for_us)
                return fault(FAULT_INVALID, "evidence.kind", "the evidence reader doesn't do kind \"%s\"", kind->name);
        return evidence_reader_client_open(o, kind->name, kind->needs_enrolment, ret);
}

void enrolment_material_clear(struct enrolment_material *m)
{
        for (size_t i = 0; i < m->certificate_count; i++)
                buf_clear(&m->certificates[i]);
        m->certificate_count = 0;
        buf_clear(&m->ek_public);
        buf_clear(&m->ak_public);
}
