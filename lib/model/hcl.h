/* hcl: the report of Azure's host compatibility layer (paravisor), as it lies in its virtual TPM (NV index 0x01400001).
 *
 * Header (32 bytes), what the hardware signed (slot of 1184 bytes: an SEV-SNP report, or a TDREPORT of 1024), request data (20 bytes), runtime
 * data (JSON), padding. The hardware's report data is the digest of exactly the runtime data, so that it vouches for the virtual TPM's keys and the
 * machine's configuration in there. Header, request data and padding are nobody's word: they only say where the rest lies. The attester reads it to
 * see which machine it is on and which key signs; the verifier, to believe it.
 * Microsoft, "Azure confidential VM attestation: hardware report and runtime data". Integers little-endian. */
#pragma once

#include "lib/base/span.h"
#include "lib/crypt/key.h"

#define HCL_REPORT_MAX   ((size_t) 64 * 1024)
#define HCL_SLOT_LEN     1184
#define HCL_TDREPORT_LEN 1024
#define HCL_USER_DATA    64
#define HCL_HASH_SHA256  1 /* hash_type */

enum hcl_report_type { HCL_SNP = 2, HCL_TDX = 4 };
struct hcl_report {
        uint32_t report_type, hash_type; /* HCL_SNP, HCL_HASH_SHA256 */
        struct span slot, runtime_data;  /* into the report */
};
/* FAULT_INVALID "az.structure". */
struct fault *hcl_read(struct span bytes, struct hcl_report *ret) MUST_USE;

struct hcl_runtime {
        struct key *ak; /* HCLAkPub; owned */
        bool has_user_data;
        uint8_t user_data[HCL_USER_DATA]; /* what the guest wrote into NV 0x01400002 */
        /* vm-configuration; -1: not said */
        int secure_boot, console_enabled, tpm_enabled, tpm_persisted;
        char *vm_id, *root_thumbprint; /* owned; NULL: not said */
};
/* FAULT_INVALID "az.runtime_data". */
struct fault *hcl_runtime_read(struct span json, struct hcl_runtime *ret) MUST_USE;
void hcl_runtime_clear(struct hcl_runtime *r);
DEFINE_AUTO_VALUE(hcl_runtime)
