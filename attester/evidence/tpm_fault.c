#include "attester/evidence/tpm_fault.h"

#include <stdbool.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

#include "lib/base/auto.h"

/* tss2_common.h has no name for the bits below the layer. */
#define BASE_MASK 0xffffu
#define LAYER(rc) ((rc) &TSS2_RC_LAYER_MASK)

static bool is_from_tpm(TSS2_RC rc)
{
        return LAYER(rc) == TSS2_TPM_RC_LAYER || LAYER(rc) == TSS2_RESMGR_TPM_RC_LAYER;
}

/* Warnings (part 2, TPM_RC) after which the same command may well succeed. A full TPM is one of them: others let go. */
static bool is_busy(TSS2_RC tpm_rc)
{
        static const TSS2_RC busy[] = {TPM2_RC_RETRY,          TPM2_RC_YIELDED,        TPM2_RC_TESTING,
                                       TPM2_RC_LOCKOUT,        TPM2_RC_CANCELED,       TPM2_RC_NV_RATE,
                                       TPM2_RC_NV_UNAVAILABLE, TPM2_RC_MEMORY,         TPM2_RC_CONTEXT_GAP,
                                       TPM2_RC_OBJECT_MEMORY,  TPM2_RC_SESSION_MEMORY, TPM2_RC_OBJECT_HANDLES,
                                       TPM2_RC_SESSION_HANDLES};
        for (size_t i = 0; i < COUNT_OF(busy); i++)
                if (tpm_rc == busy[i])
                        return true;
        return false;
}

enum tpm_remedy tpm_remedy(TSS2_RC rc)
{
        if (!is_from_tpm(rc))
                return TPM_REMEDY_NONE;
        TSS2_RC base = rc & BASE_MASK;
        switch (base) {
        case TPM2_RC_INITIALIZE:
                return TPM_REMEDY_STARTUP;
        case TPM2_RC_OBJECT_MEMORY:
        case TPM2_RC_SESSION_MEMORY:
        case TPM2_RC_OBJECT_HANDLES:
        case TPM2_RC_SESSION_HANDLES:
        case TPM2_RC_CONTEXT_GAP:
                return TPM_REMEDY_SWEEP;
        default:
                /* TPM_RC_REFERENCE_H0..S6: the handle isn't loaded */
                return base >= TPM2_RC_REFERENCE_H0 && base <= TPM2_RC_REFERENCE_S6 ? TPM_REMEDY_RELOAD
                                                                                    : TPM_REMEDY_NONE;
        }
}

struct fault *tpm_fault(TSS2_RC rc, const char *what)
{
        if (rc == TSS2_RC_SUCCESS)
                return NULL;
        TSS2_RC base = rc & BASE_MASK;
        if (is_from_tpm(rc))
                return is_busy(base) || tpm_remedy(rc) != TPM_REMEDY_NONE
                               ? fault(FAULT_UNAVAILABLE, "tee.busy", "%s: %s", what, Tss2_RC_Decode(rc))
                               : fault(FAULT_INTERNAL, "tee.fault", "%s: %s", what, Tss2_RC_Decode(rc));
        /* the transport, or the resource manager, or what ESYS makes of a half answer */
        if (LAYER(rc) == TSS2_TCTI_RC_LAYER || LAYER(rc) == TSS2_RESMGR_RC_LAYER || base == TSS2_BASE_RC_IO_ERROR ||
            base == TSS2_BASE_RC_NO_CONNECTION || base == TSS2_BASE_RC_MALFORMED_RESPONSE ||
            base == TSS2_BASE_RC_INSUFFICIENT_RESPONSE)
                return fault(FAULT_UNAVAILABLE, "tee.gone", "%s: %s", what, Tss2_RC_Decode(rc));
        return fault(FAULT_INTERNAL, "tee.fault", "%s: %s", what, Tss2_RC_Decode(rc));
}
