/* tpm_fault: what a TPM's answer means to whoever wanted evidence. The tokens are source.h's. */
#pragma once

#include <tss2/tss2_common.h>

#include "lib/base/fault.h"

enum tpm_remedy {
        TPM_REMEDY_NONE,
        TPM_REMEDY_STARTUP, /* nobody has started it since power came: TPM2_Startup, then again */
        TPM_REMEDY_SWEEP,   /* its few slots are full of what others left: flush, then again */
        TPM_REMEDY_RELOAD,  /* a reset in the middle took what we had loaded: again from the start */
};

/* NULL for success. `what` is half a sentence: "quote". Busy is FAULT_UNAVAILABLE "tee.busy", a broken connection "tee.gone",
 * anything else FAULT_INTERNAL "tee.fault". */
struct fault *tpm_fault(TSS2_RC rc, const char *what) MUST_USE;
enum tpm_remedy tpm_remedy(TSS2_RC rc);
