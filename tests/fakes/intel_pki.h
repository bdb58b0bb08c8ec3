/* intel_pki: Intel made of bytes: root, PCK CAs, PCK, signer of TCB information, revocation lists, TCB info, identity of the quoting
 * enclave, and quotes of versions 4 and 5, all under keys of ours, so that anything can be wrong behind signatures that are right.
 * Made with OpenSSL itself, not with what is tested. Aborts where it can't go on: no cmocka, emulators use it too.
 *
 *     struct intel_pki pki;
 *     struct intel_platform p;
 *     struct intel_set set;
 *     intel_pki_init(&pki, "a seed");             keys: the same for the same seed, in every process
 *     intel_platform_init(&p, 5, now_unix_s);     a genuine platform that is up to date
 *     p.body[INTEL_BODY_ATTRIBUTES] |= 1;         one thing wrong
 *     intel_set_make(&pki, &p, &set);             everything signed as it stands
 */
#pragma once

#include "lib/base/span.h"

enum intel_key {
        INTEL_KEY_ROOT,
        INTEL_KEY_CA,
        INTEL_KEY_PCK,
        INTEL_KEY_SIGNER,
        INTEL_KEY_ATTESTATION,
        INTEL_KEY_OTHER,
        INTEL_KEY_COUNT
};
struct intel_pki {
        struct evp_pkey_st *keys[INTEL_KEY_COUNT];
};
void intel_pki_init(struct intel_pki *p, const char *seed);
void intel_pki_clear(struct intel_pki *p);

enum intel_cert_role { INTEL_ROOT, INTEL_CA, INTEL_PCK, INTEL_SIGNER, INTEL_CRL_CA, INTEL_ROLE_COUNT };
struct intel_cert {
        const char *name, *issuer; /* common names; the rest of a name is Intel's */
        enum intel_key key, issuer_key;
        uint64_t serial;
        int64_t from, until; /* unix seconds */
        bool is_ca, signs_with_sha384;
        const char *key_usage;    /* as OpenSSL writes it */
        const char *critical_oid; /* of an extension that nobody knows; NULL: none */
};
struct intel_crl {
        const char *issuer;
        enum intel_key issuer_key;
        int64_t from, until;
        uint64_t revoked; /* serial number; 0: nobody */
};
struct intel_pck { /* the extension */
        uint8_t ppid[16], cpusvn[16], components[16], pceid[2], fmspc[6], instance_id[16];
        uint16_t pcesvn;
        uint8_t sgx_type;
        bool has_platform_fields; /* instance id and configuration */
        unsigned leave_out;       /* 1 to 7: this field; 0: none */
        unsigned twice;           /* this field is there twice */
};

/* Offsets of a body's fields. */
#define INTEL_BODY_TEE_TCB_SVN     0
#define INTEL_BODY_MR_SEAM         16
#define INTEL_BODY_MRSIGNER_SEAM   64
#define INTEL_BODY_SEAM_ATTRIBUTES 112
#define INTEL_BODY_ATTRIBUTES      120
#define INTEL_BODY_XFAM            128
#define INTEL_BODY_MRTD            136
#define INTEL_BODY_MRCONFIGID      184
#define INTEL_BODY_RTMR            328
#define INTEL_BODY_REPORT_DATA     520
#define INTEL_BODY_TEE_TCB_SVN2    584
#define INTEL_BODY_MR_SERVICETD    600
#define INTEL_BODY_10_LEN          584
#define INTEL_BODY_15_LEN          648

struct intel_platform {
        struct intel_cert certs[INTEL_ROLE_COUNT];
        struct intel_pck pck;
        struct intel_crl root_crl, pck_crl;
        char *tcb_info, *qe_identity; /* JSON, signed as it stands: intel_edit */
        enum intel_key tcb_info_key, qe_identity_key;

        uint8_t header[48];
        uint16_t body_type; /* with body_size: version 5's descriptor */
        uint32_t body_size;
        uint8_t body[INTEL_BODY_15_LEN];
        size_t body_len;
        uint8_t qe_report[384];
        uint8_t qe_auth[32];
        bool qe_report_data_is_given; /* else it is made to vouch for the attestation key */
        enum intel_key qe_report_key, quote_key;
        uint16_t outer_type, inner_type;
        int outer_size_off, inner_size_off, auth_size_off, signature_size_off; /* added to what the sizes should say */
        const enum intel_cert_role *chain;                                     /* NULL: PCK, CA, root */
        size_t chain_count;
        const char *after_chain; /* text behind the certificates */
        bool chain_ends_in_nul;
        size_t trailing; /* zeros behind the quote */
};
/* `version` 4; 5 with a body of TDX 1.5. The collateral begins a day before `now` and ends 30 days after its beginning. */
void intel_platform_init(struct intel_platform *p, unsigned version, int64_t now_unix_s);
void intel_platform_clear(struct intel_platform *p);
/* Under the Processor CA instead. */
void intel_platform_use_processor_ca(struct intel_platform *p);
/* The first `from` in `*text` becomes `to`; aborts when it isn't there: such an edit tests nothing. */
void intel_edit(char **text, const char *from, const char *to);

struct intel_set {
        struct buf quote, pck_chain;
        struct buf tcb_info_sig, qe_identity_sig, tcb_info_response, qe_identity_response;
        struct buf tcb_chain, pck_crl, pck_crl_chain, root_crl, root_pem;
};
void intel_set_make(const struct intel_pki *pki, const struct intel_platform *p, struct intel_set *ret);
void intel_set_clear(struct intel_set *s);
