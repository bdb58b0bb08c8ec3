/* report: AMD SEV-SNP's ATTESTATION_REPORT, read. 1184 bytes, little-endian; versions 2, 3 and 5 (SEV Secure Nested Paging Firmware ABI
 * Specification, 56860, section 7.3). Nothing is believed here: who signed it is certificate.h's and chain.h's question. */
#pragma once

#include "lib/base/span.h"

#define SNP_REPORT_LEN    1184
#define SNP_SIGNED_LEN    0x2a0 /* what the signature covers */
#define SNP_VERSION_3     3     /* first with the processor's family, model, stepping */
#define SNP_VERSION_5     5     /* first with mitigation vectors */
#define SNP_CHIP_ID_LEN   64
#define SNP_SIGNATURE_LEN 96 /* r ‖ s, big-endian, as everybody else has it */

enum snp_product { SNP_MILAN, SNP_GENOA, SNP_TURIN, SNP_PRODUCT_COUNT };
const char *snp_product_name(enum snp_product p); /* "Milan": as AMD's key server spells it */

/* One security version a byte, byte 0 the least significant of the report's number. What each is of depends on the product. */
#define SNP_TCB_LEN 8
struct snp_tcb {
        uint8_t parts[SNP_TCB_LEN];
};
/* "bl", "tee", "snp", "ucode", "fmc"; NULL: spare. */
const char *snp_tcb_part_name(enum snp_product p, size_t index);
bool snp_tcb_eq(struct snp_tcb a, struct snp_tcb b);
/* Every part of `a` is at most that of `b`: versions of different parts don't make up for one another. */
bool snp_tcb_le(struct snp_tcb a, struct snp_tcb b);
uint64_t snp_tcb_number(struct snp_tcb t);
#define SNP_TCB_TEXT_LEN 16
void snp_tcb_text(struct snp_tcb t, char ret[SNP_TCB_TEXT_LEN + 1]); /* hex of the number */

/* POLICY, section 4.3 */
#define SNP_POLICY_SMT               ((uint64_t) 1 << 16)
#define SNP_POLICY_ONE               ((uint64_t) 1 << 17) /* must be 1 */
#define SNP_POLICY_MIGRATE_MA        ((uint64_t) 1 << 18)
#define SNP_POLICY_DEBUG             ((uint64_t) 1 << 19)
#define SNP_POLICY_SINGLE_SOCKET     ((uint64_t) 1 << 20)
#define SNP_POLICY_CXL_ALLOW         ((uint64_t) 1 << 21)
#define SNP_POLICY_MEM_AES_256_XTS   ((uint64_t) 1 << 22)
#define SNP_POLICY_RAPL_DIS          ((uint64_t) 1 << 23)
#define SNP_POLICY_CIPHERTEXT_HIDING ((uint64_t) 1 << 24)
#define SNP_POLICY_PAGE_SWAP_DISABLE ((uint64_t) 1 << 25)
#define SNP_POLICY_RESERVED          (~(uint64_t) 0 << 26)
/* PLATFORM_INFO */
#define SNP_PLATFORM_SMT               ((uint64_t) 1 << 0)
#define SNP_PLATFORM_TSME              ((uint64_t) 1 << 1)
#define SNP_PLATFORM_ECC               ((uint64_t) 1 << 2)
#define SNP_PLATFORM_RAPL_DIS          ((uint64_t) 1 << 3)
#define SNP_PLATFORM_CIPHERTEXT_HIDING ((uint64_t) 1 << 4)
#define SNP_PLATFORM_ALIAS_CHECK       ((uint64_t) 1 << 5) /* done since the last reset: against aliased memory (BadRAM) */
#define SNP_PLATFORM_TIO               ((uint64_t) 1 << 7)
#define SNP_PLATFORM_KNOWN                                                                                             \
        (SNP_PLATFORM_SMT | SNP_PLATFORM_TSME | SNP_PLATFORM_ECC | SNP_PLATFORM_RAPL_DIS |                             \
         SNP_PLATFORM_CIPHERTEXT_HIDING | SNP_PLATFORM_ALIAS_CHECK | SNP_PLATFORM_TIO)
/* Flags at 0x48 */
#define SNP_FLAG_AUTHOR_KEY     ((uint32_t) 1 << 0)
#define SNP_FLAG_MASK_CHIP_KEY  ((uint32_t) 1 << 1)
#define SNP_FLAG_SIGNING_KEY_AT 2
#define SNP_FLAG_SIGNING_KEY    ((uint32_t) 7 << SNP_FLAG_SIGNING_KEY_AT)
#define SNP_FLAG_RESERVED       (~(uint32_t) 0 << 5)
enum snp_signing_key { SNP_SIGNED_BY_VCEK = 0, SNP_SIGNED_BY_VLEK = 1, SNP_SIGNED_BY_NOBODY = 7 };

#define SNP_ALGORITHM_P384_SHA384 1
#define SNP_VMPL_MAX              3

struct snp_version { /* of firmware */
        uint8_t build, minor, major;
};
struct snp_report {
        struct span signed_bytes;
        uint32_t version, guest_svn;
        uint64_t policy;
        uint8_t family_id[16], image_id[16];
        uint32_t vmpl, signature_algorithm;
        struct snp_tcb current_tcb;
        uint64_t platform_info;
        uint32_t flags;
        uint8_t report_data[64], measurement[48], host_data[32];
        uint8_t id_key_digest[48], author_key_digest[48];
        uint8_t report_id[32], report_id_ma[32];
        struct snp_tcb reported_tcb;
        uint8_t cpu_family, cpu_model, cpu_stepping; /* version 3 and later */
        uint8_t chip_id[SNP_CHIP_ID_LEN];
        struct snp_tcb committed_tcb;
        struct snp_version current, committed;
        struct snp_tcb launch_tcb;
        uint64_t launch_mitigations, current_mitigations; /* version 5 and later */
        bool reserved_is_zero;                            /* within what is signed */
        uint8_t signature[SNP_SIGNATURE_LEN];
        bool padding_is_zero; /* of the signature's numbers, and after them */
};
/* Exactly one report. FAULT_INVALID "snp.structure" (length), "snp.version" (one that we don't know). */
struct fault *snp_report_read(struct span bytes, struct snp_report *ret) MUST_USE;
enum snp_signing_key snp_report_signing_key(const struct snp_report *r);
/* Which product the processor's numbers say (version 3 and later); false: none that we know. */
bool snp_report_product(const struct snp_report *r, enum snp_product *ret);
