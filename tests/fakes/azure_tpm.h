/* azure_tpm: makes a swtpm the virtual TPM of a confidential VM of Azure's: what its paravisor would have left in it. Speaks to it while it does, and lets go.
 * FAULT_INTERNAL "AZURE_TPM". No cmocka in it. */
#pragma once

#include "lib/base/span.h"

/* The attestation key at 0x81000003 instead of what is there: RSA 2048, another one for another `edition`; 0: none. The modulus is appended to `ret`,
 * which may be NULL. */
struct fault *azure_tpm_key(const char *tcti, unsigned edition, struct buf *ret) MUST_USE;
/* The report at NV index 0x01400001 instead of what is there; empty: none. */
struct fault *azure_tpm_report(const char *tcti, struct span report) MUST_USE;
