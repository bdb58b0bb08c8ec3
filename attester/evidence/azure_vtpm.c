#include "attester/evidence/azure_vtpm.h"

#include <assert.h>

#include "attester/evidence/tpm_nv.h"
#include "lib/crypt/tpm.h"
#include "lib/model/tpm_evidence.h"

/* ---- the report ---- */

static const char *name_of(uint32_t report_type)
{
        return report_type == HCL_SNP ? "SEV-SNP" : report_type == HCL_TDX ? "TDX" : "another sort";
}

struct fault *azure_vtpm_report(struct tpm_context *t, struct cancel *cancel, enum hcl_report_type wanted,
                                struct buf *ret_bytes, struct hcl_report *ret)
{
        struct hcl_report report;
        bool is_there;
        TRY(tpm_nv_has(t, cancel, AZURE_NV_REPORT, &is_there));
        if (!is_there)
                return fault(FAULT_PRECONDITION, "tee.missing",
                             "the TPM has no NV index 0x%08x, where Azure's confidential VMs have their report",
                             AZURE_NV_REPORT);
        TRY_AS(tpm_nv_read(t, cancel, AZURE_NV_REPORT, ret_bytes), "Azure's report");
        TRY(fault_recode(fault_prefix(hcl_read(buf_span(ret_bytes), &report), "NV index 0x%08x", AZURE_NV_REPORT),
                         FAULT_INTERNAL));
        if (report.report_type != wanted)
                return fault(FAULT_PRECONDITION, "tee.missing", "this is a confidential VM of %s (type %u), not of %s",
                             name_of(report.report_type), report.report_type, name_of(wanted));
        *ret = report;
        return NULL;
}

/* ---- the key ---- */

static struct fault *find(struct tpm_context *t, struct cancel *cancel, ESYS_TR *ret)
{
        TPM_CALL(t, cancel, "look for the attestation key",
                 Esys_TR_FromTPMPublic_Async(t->esys, AZURE_AK, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                 Esys_TR_FromTPMPublic_Finish(t->esys, ret));
        return NULL;
}

static struct fault *read_public(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, struct tpm_public *ret)
{
        AUTO_ESYS TPM2B_PUBLIC *public = NULL;
        AUTO(buf) struct buf bytes = BUF(TPM_PUBLIC_MAX);
        TPM_CALL(t, cancel, "read the attestation key",
                 Esys_ReadPublic_Async(t->esys, ak, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                 Esys_ReadPublic_Finish(t->esys, &public, NULL, NULL));
        assert(public != NULL); /* ESYS succeeded */
        TRY(tpm_public_append(&public->publicArea, &bytes));
        return tpm_public_read(buf_span(&bytes), ret);
}

static struct fault *no_key(struct fault *f)
{
        bool is_absent = f != NULL && strcmp(fault_token(f), "tee.fault") == 0; /* the TPM answered: no such handle */
        f = fault_prefix(f, "Azure's attestation key 0x%08x", AZURE_AK);
        return is_absent ? fault_rename(f, FAULT_INTERNAL, "az.ak") : f;
}

/* The verifier would find it out too, but as a signature that doesn't fit. */
static struct fault *compare(const struct hcl_report *report, const struct tpm_public *ak)
{
        AUTO(hcl_runtime) struct hcl_runtime runtime = {0};
        TRY(fault_recode(hcl_runtime_read(report->runtime_data, &runtime), FAULT_INTERNAL));
        if (!span_eq(key_spki(runtime.ak), key_spki(ak->key)))
                return fault(FAULT_INTERNAL, "az.ak",
                             "the key at 0x%08x is not the one that Azure's report vouches for (HCLAkPub): somebody "
                             "has put another key there",
                             AZURE_AK);
        return NULL;
}

struct fault *azure_vtpm_ak(struct tpm_context *t, struct cancel *cancel, const struct hcl_report *report, ESYS_TR *ret)
{
        AUTO(tpm_public) struct tpm_public ak = {0};
        ESYS_TR handle = ESYS_TR_NONE;
        TRY(no_key(find(t, cancel, &handle)));
        TRY(no_key(read_public(t, cancel, handle, &ak)));
        TRY(compare(report, &ak));
        *ret = handle;
        return NULL;
}
