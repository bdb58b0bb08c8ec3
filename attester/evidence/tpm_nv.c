#include "attester/evidence/tpm_nv.h"

#include <assert.h>

#define NV_CHUNK_FLOOR 512 /* every TPM 2.0 reads so much at once */

struct fault *tpm_nv_list(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE first, TPM2_HANDLE last,
                          TPM2_HANDLE *ret_indexes, size_t max, size_t *ret_count)
{
        AUTO_ESYS TPMS_CAPABILITY_DATA *found = NULL;
        TPMI_YES_NO more = 0;
        TPM_CALL(t, cancel, "list NV indexes",
                 Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                          (UINT32) max),
                 Esys_GetCapability_Finish(t->esys, &more, &found));
        assert(found != NULL); /* ESYS succeeded, here and below */
        const TPML_HANDLE *handles = &found->data.handles;
        size_t count = 0;
        while (count < handles->count && count < max && handles->handle[count] <= last) {
                ret_indexes[count] = handles->handle[count];
                count++;
        }
        *ret_count = count;
        return NULL;
}

struct fault *tpm_nv_has(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE index, bool *ret)
{
        TPM2_HANDLE found;
        size_t count;
        TRY(tpm_nv_list(t, cancel, index, index, &found, 1, &count));
        *ret = count == 1;
        return NULL;
}

static struct fault *chunk_max(struct tpm_context *t, struct cancel *cancel, UINT16 *ret)
{
        AUTO_ESYS TPMS_CAPABILITY_DATA *found = NULL;
        TPMI_YES_NO more = 0;
        TPM_CALL(t, cancel, "ask for the NV buffer's size",
                 Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                                          TPM2_PT_NV_BUFFER_MAX, 1),
                 Esys_GetCapability_Finish(t->esys, &more, &found));
        assert(found != NULL);
        const TPML_TAGGED_TPM_PROPERTY *p = &found->data.tpmProperties;
        bool is_known = p->count == 1 && p->tpmProperty[0].property == TPM2_PT_NV_BUFFER_MAX;
        UINT32 max = is_known ? p->tpmProperty[0].value : NV_CHUNK_FLOOR;
        if (max == 0 || max > TPM2_MAX_NV_BUFFER_SIZE)
                max = NV_CHUNK_FLOOR;
        *ret = (UINT16) max;
        return NULL;
}

static struct fault *read_chunk(struct tpm_context *t, struct cancel *cancel, ESYS_TR auth, ESYS_TR nv, UINT16 len,
                                UINT16 offset, struct buf *out)
{
        AUTO_ESYS TPM2B_MAX_NV_BUFFER *data = NULL;
        TPM_CALL(t, cancel, "read NV",
                 Esys_NV_Read_Async(t->esys, auth, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, len, offset),
                 Esys_NV_Read_Finish(t->esys, &data));
        assert(data != NULL);
        if (data->size != len)
                return fault(FAULT_INTERNAL, "tee.fault", "read NV: %u bytes instead of %u", data->size, len);
        return buf_append(out, span_make(data->buffer, data->size));
}

struct fault *tpm_nv_read(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE index, struct buf *out)
{
        ESYS_TR nv = ESYS_TR_NONE;
        TPM_CALL(t, cancel, "look at NV index",
                 Esys_TR_FromTPMPublic_Async(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                 Esys_TR_FromTPMPublic_Finish(t->esys, &nv));
        AUTO_ESYS TPM2B_NV_PUBLIC *public = NULL;
        TPM_CALL(t, cancel, "look at NV index",
                 Esys_NV_ReadPublic_Async(t->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                 Esys_NV_ReadPublic_Finish(t->esys, &public, NULL));
        assert(public != NULL);
        TPMA_NV attributes = public->nvPublic.attributes;
        if ((attributes & TPMA_NV_WRITTEN) == 0)
                return fault(FAULT_INTERNAL, "tee.fault", "NV index 0x%08x was never written", index);
        if ((attributes & (TPMA_NV_AUTHREAD | TPMA_NV_OWNERREAD)) == 0)
                return fault(FAULT_INTERNAL, "tee.fault", "NV index 0x%08x can't be read", index);
        ESYS_TR auth = (attributes & TPMA_NV_AUTHREAD) != 0 ? nv : ESYS_TR_RH_OWNER;

        UINT16 chunk;
        TRY(chunk_max(t, cancel, &chunk));
        for (UINT16 at = 0; at < public->nvPublic.dataSize;) {
                UINT16 left = (UINT16) (public->nvPublic.dataSize - at);
                UINT16 len = left < chunk ? left : chunk;
                TRY(read_chunk(t, cancel, auth, nv, len, at, out));
                at = (UINT16) (at + len);
        }
        return NULL;
}
