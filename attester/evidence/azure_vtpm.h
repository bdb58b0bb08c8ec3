/* azure_vtpm: what Azure's paravisor keeps in the virtual TPM that it gives a confidential VM: its report (lib/model/hcl.h) and the
 * attestation key that the report vouches for. Nothing is made here, and nothing written.
 * Microsoft, "Azure confidential VM attestation": NV index 0x01400001, handle 0x81000003. */
#pragma once

#include "attester/evidence/tpm_context.h"
#include "lib/model/hcl.h"

#define AZURE_NV_REPORT 0x01400001u
#define AZURE_AK        0x81000003u

/* The report, whole, into `ret_bytes` (limit HCL_REPORT_MAX), and where its parts lie in there. FAULT_PRECONDITION "tee.missing": this TPM has
 * no such index, the machine is no confidential VM of Azure's, or one of another type than `wanted`; FAULT_INTERNAL "az.structure". */
struct fault *azure_vtpm_report(struct tpm_context *t, struct cancel *cancel, enum hcl_report_type wanted,
                                struct buf *ret_bytes, struct hcl_report *ret) MUST_USE;
/* The attestation key, which stays in the TPM. FAULT_INTERNAL "az.runtime_data"; "az.ak": there is none, or it isn't the one in `report`. */
struct fault *azure_vtpm_ak(struct tpm_context *t, struct cancel *cancel, const struct hcl_report *report,
                            ESYS_TR *ret) MUST_USE;
