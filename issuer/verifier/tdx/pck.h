/* pck: what Intel wrote into the certificate of a platform's provisioning key (PCK): extension 1.2.840.113741.1.13.1.
 *
 * A SEQUENCE of (OID, value) pairs: PPID, TCB (16 component SVNs, PCESVN, CPUSVN), PCEID, FMSPC, type of SGX; and from the Platform CA
 * also the instance and its configuration. A pair given twice, or one of the first five missing, is refused; unknown ones are passed over.
 * Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5. */
#pragma once

#include "lib/base/span.h"

#define PCK_EXTENSION_OID "1.2.840.113741.1.13.1"
#define PCK_COMPONENTS    16

struct pck_extension {
        uint8_t ppid[16], cpusvn[16], pceid[2], fmspc[6];
        uint8_t components[PCK_COMPONENTS];
        uint16_t pcesvn;
        uint8_t sgx_type; /* 0 standard, 1 scalable, 2 scalable with integrity */
        bool has_instance, has_configuration;
        uint8_t instance_id[16];
        bool dynamic_platform, cached_keys, smt_enabled;
};
/* Contents of the extension's OCTET STRING. FAULT_INVALID "tdx.pck". */
struct fault *pck_extension_read(struct span der, struct pck_extension *ret) MUST_USE;
