/* amd_pki: what AMD makes, made by us: ARK, ASK, ASVK, VCEK, VLEK, revocation lists, reports and certificate tables of any product, with any
 * field wrong behind signatures that are right. For tests and emulators: no cmocka in it, it aborts on its own mistakes.
 *
 * Keys are always the same: those of the authorities are in the program, those of chips and fleets follow from product, chip and TCB, so
 * that an emulator which signs and a server which hands out certificates need not talk to one another.
 *
 *     struct amd_leaf vcek = amd_vcek(SNP_MILAN, now);
 *     uint8_t report[SNP_REPORT_LEN];
 *     amd_report(&vcek, 3, report);
 *     memcpy(report + AMD_REPORT_DATA, …, 64);
 *     amd_report_sign(&vcek, report);
 *     amd_leaf_write(&vcek, &der); */
#pragma once

#include "issuer/verifier/snp/report.h"
#include "lib/base/clock.h"

enum amd_key { AMD_KEY_ARK, AMD_KEY_ASK, AMD_KEY_ASVK, AMD_KEY_COUNT };
/* How a certificate is signed: AMD's way first. */
enum amd_algorithm {
        AMD_PSS_SHA384,
        AMD_PSS_EXPLICIT_TRAILER, /* says trailer 1, which is the default: AMD does so for its authorities */
        AMD_PSS_NO_NULL,          /* hash algorithms without parameters */
        AMD_PSS_SALT_32,
        AMD_PSS_MGF_SHA256,
        AMD_PSS_SHA256,
        AMD_PSS_TRAILER_2,
        AMD_PSS_DEFAULTS, /* no parameters in the sequence: SHA-1 by default */
        AMD_PKCS1_SHA384,
        AMD_INNER_DIFFERS, /* the algorithm inside the signature is another than the one outside */
        AMD_BAD_SIGNATURE, /* a bit of it is flipped */
        AMD_ALGORITHM_COUNT
};

/* ---- ARK, ASK, ASVK ---- */
struct amd_authority {
        char name[64], issuer[64]; /* common names */
        enum amd_key key, signer;
        uint32_t serial;
        struct wall from, until;
        enum amd_algorithm algorithm;
        bool is_no_ca, has_unknown_critical, may_not_sign; /* key usage without keyCertSign and cRLSign */
};
struct amd_authority amd_ark(enum snp_product p, struct wall now); /* from a year before now to a year after */
struct amd_authority amd_ask(enum snp_product p, struct wall now);
struct amd_authority amd_asvk(enum snp_product p, struct wall now);
void amd_authority_write(const struct amd_authority *a, struct buf *ret_der);

/* ---- VCEK, VLEK ---- */
enum amd_hwid { AMD_HWID_RAW, AMD_HWID_WRAPPED, AMD_HWID_SHORT, AMD_HWID_ABSENT };
struct amd_leaf {
        enum snp_product product; /* which the extensions are laid out for */
        bool is_vlek;
        uint8_t chip_id[SNP_CHIP_ID_LEN];
        struct snp_tcb tcb; /* which the key is derived from */
        uint8_t structure_version;
        char name[64], issuer[64], product_name[64], csp_id[64]; /* csp_id "": no such extension */
        enum amd_hwid hwid;
        enum amd_key signer;
        enum amd_algorithm algorithm;
        struct wall from, until;
        const char *without; /* OID of an extension that is left out */
        const char *twice;   /* OID of one that is there twice */
        const char *odd;     /* OID of one whose value becomes odd_value: one more if it isn't there */
        struct span odd_value;
        bool is_odd_critical;
        bool is_p256; /* the key in it is of another curve; it can't sign reports */
};
struct amd_leaf amd_vcek(enum snp_product p, struct wall now);
struct amd_leaf amd_vlek(enum snp_product p, struct wall now);
void amd_leaf_write(const struct amd_leaf *l, struct buf *ret_der);

/* ---- revocation lists ---- */
struct amd_list {
        char issuer[64];
        enum amd_key signer;
        enum amd_algorithm algorithm;
        struct wall from, until;
        size_t count;
        uint32_t serials[8];
        bool is_version_1, is_delta, has_unknown_critical, has_no_end;
};
struct amd_list amd_list(enum snp_product p,
                         struct wall now); /* of the ARK, empty, from a day before now to a month after */
void amd_list_write(const struct amd_list *l, struct buf *ret_der);

/* ---- reports ---- */
#define AMD_VERSION             0x000
#define AMD_GUEST_SVN           0x004
#define AMD_POLICY              0x008
#define AMD_VMPL                0x030
#define AMD_SIGNATURE_ALGORITHM 0x034
#define AMD_CURRENT_TCB         0x038
#define AMD_PLATFORM_INFO       0x040
#define AMD_FLAGS               0x048
#define AMD_REPORT_DATA         0x050
#define AMD_MEASUREMENT         0x090
#define AMD_HOST_DATA           0x0c0
#define AMD_REPORTED_TCB        0x180
#define AMD_CPU_FAMILY          0x188
#define AMD_CPU_MODEL           0x189
#define AMD_CHIP_ID             0x1a0
#define AMD_COMMITTED_TCB       0x1e0
#define AMD_CURRENT_VERSION     0x1e8
#define AMD_LAUNCH_TCB          0x1f0
#define AMD_LAUNCH_MITIGATIONS  0x1f8
#define AMD_SIGNATURE           0x2a0
/* As this leaf's machine would report; unsigned yet. */
void amd_report(const struct amd_leaf *l, uint32_t version, uint8_t ret[SNP_REPORT_LEN]);
void amd_report_sign(const struct amd_leaf *l, uint8_t report[SNP_REPORT_LEN]);
void amd_put_u32(uint8_t *at, uint32_t v);
void amd_put_u64(uint8_t *at, uint64_t v);

/* ---- certificate tables ("auxblob") ---- */
struct amd_table_entry {
        struct span guid, content;
};
void amd_table_write(const struct amd_table_entry *entries, size_t count, struct buf *ret);
