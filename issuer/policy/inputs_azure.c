/* What Azure's paravisor says of the machine, in runtime data that the hardware's report vouches for (issuer/verifier/azure). The report itself
 * sets the inputs of its own kind, the quote of the virtual TPM those of a TPM. */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"az.console-enabled", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether the virtual machine has a serial console."},
        {"az.root-certificate", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "Thumbprint of the root certificate that the machine was given, as the paravisor writes it."},
        {"az.secure-boot", FACT_FLAG, ORIGIN_MEASURED, false, 0, "Whether Secure Boot is configured."},
        {"az.tpm-enabled", FACT_FLAG, ORIGIN_MEASURED, false, 0, "Whether the machine has a virtual TPM."},
        {"az.tpm-persisted", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether the virtual TPM's state outlives a restart."},
        {"az.user-data", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_512,
         "The 64 bytes that the guest wrote for the report; zeros when it wrote none."},
        {"az.vm-id", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "Unique id of the virtual machine; the host chose it, the hardware only vouches that it is this machine's."},
        {"az.vtpm", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "What the virtual TPM is: `paravisor`, software of Microsoft's that the launch measurement tells."},
};
const struct policy_input_list inputs_azure = {rows, COUNT_OF(rows)};
