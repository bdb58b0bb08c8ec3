#include "attester/evidence/tpm_activate.h"

#include <assert.h>
#include <tss2/tss2_mu.h>

static struct fault *read_blobs(struct span id_object, struct span encrypted_secret, TPM2B_ID_OBJECT *ret_id,
                                TPM2B_ENCRYPTED_SECRET *ret_encrypted)
{
        size_t at = 0;
        if (id_object.len == 0 ||
            Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(id_object.data, id_object.len, &at, ret_id) != TSS2_RC_SUCCESS ||
            at != id_object.len)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "credential blob is no TPM2B_ID_OBJECT");
        at = 0;
        if (encrypted_secret.len == 0 ||
            Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(encrypted_secret.data, encrypted_secret.len, &at, ret_encrypted) !=
                    TSS2_RC_SUCCESS ||
            at != encrypted_secret.len)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "encrypted secret is no TPM2B_ENCRYPTED_SECRET");
        return NULL;
}

static struct fault *policy_session(struct tpm_context *t, struct cancel *cancel, struct tpm_object *ret)
{
        const TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL};
        AUTO(tpm_object) struct tpm_object session = TPM_OBJECT(t);
        TPM_CALL(t, cancel, "start policy session",
                 Esys_StartAuthSession_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                             ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &no_encryption, TPM2_ALG_SHA256),
                 Esys_StartAuthSession_Finish(t->esys, &session.handle));
        TPM_CALL(t, cancel, "satisfy the EK's policy",
                 Esys_PolicySecret_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, session.handle, ESYS_TR_PASSWORD,
                                         ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0),
                 Esys_PolicySecret_Finish(t->esys, NULL, NULL));
        *ret = tpm_object_take(&session);
        return NULL;
}

static struct fault *activate(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, ESYS_TR ek, ESYS_TR session,
                              const TPM2B_ID_OBJECT *id, const TPM2B_ENCRYPTED_SECRET *encrypted, struct secret **ret)
{
        TPM2B_DIGEST *plain = NULL;
        TPM_CALL(t, cancel, "activate credential",
                 Esys_ActivateCredential_Async(t->esys, ak, ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, id, encrypted),
                 Esys_ActivateCredential_Finish(t->esys, &plain));
        assert(plain != NULL); /* ESYS succeeded */
        struct fault *f = NULL;
        if (plain->size == 0)
                f = fault(FAULT_DENIED, "tpm.activate", "the credential is empty");
        if (f == NULL)
                *ret = secret_copy(span_make(plain->buffer, plain->size));
        wipe(plain, sizeof *plain);
        Esys_Free(plain);
        return f;
}

struct fault *tpm_activate(struct tpm_context *t, struct cancel *cancel, ESYS_TR ak, ESYS_TR ek, struct span id_object,
                           struct span encrypted_secret, struct secret **ret)
{
        TPM2B_ID_OBJECT id = {0};
        TPM2B_ENCRYPTED_SECRET encrypted = {0};
        TRY(read_blobs(id_object, encrypted_secret, &id, &encrypted));

        AUTO(tpm_object) struct tpm_object session = TPM_OBJECT(t);
        TRY(policy_session(t, cancel, &session));
        AUTO(fault) struct fault *f = activate(t, cancel, ak, ek, session.handle, &id, &encrypted, ret);
        if (f != NULL && strcmp(fault_token(f), "tee.fault") == 0)
                return fault(FAULT_DENIED, "tpm.activate", "%s", fault_text(f));
        return TAKE(f);
}
