/* certificate: what AMD's certificate of a signing key says: VCEK (of one chip) or VLEK (of a cloud's fleet). AMD's Versioned Chip
 * Endorsement Key certificate and KDS interface specification (57230), table 8. Read only: chain.h says whether to believe it. */
#pragma once

#include "issuer/verifier/snp/report.h"
#include "lib/crypt/x509.h"

#define SNP_PRODUCT_NAME_MAX 32
#define SNP_CSP_ID_MAX       255
#define SNP_TURIN_HWID_LEN   8

struct snp_certificate {
        struct cert *cert;
        bool is_vlek;
        char product_name[SNP_PRODUCT_NAME_MAX + 1]; /* "Milan-B0", "Genoa" */
        enum snp_product product;                    /* by that name */
        struct snp_tcb tcb;                          /* in the order of that product's reports */
        size_t hwid_len;                             /* VCEK: 64; 8 on Turin */
        uint8_t hwid[SNP_CHIP_ID_LEN];
        char csp_id[SNP_CSP_ID_MAX + 1]; /* VLEK: whose fleet */
};
/* Exactly one certificate, PEM or DER. FAULT_INVALID "snp.certificate_format" (no certificate, more than one, an extension twice),
 * FAULT_DENIED "snp.certificate_key" (not P-384), "snp.certificate_extensions" (one of AMD's is missing, malformed or contradicts another). */
struct fault *snp_certificate_read(struct span bytes, struct snp_certificate *ret) MUST_USE;
/* The line of products that a certificate's productName belongs to; false: none that we know. */
bool snp_product_by_name(struct span name, enum snp_product *ret);
/* The last CN of a name as cert_subject writes it, "" when there is none or it is too long for `ret`. */
#define SNP_COMMON_NAME_MAX 63
void snp_common_name(const char *name, char ret[SNP_COMMON_NAME_MAX + 1]);
/* This chip, this TCB, this kind of key: the certificate that the report asks for. */
bool snp_certificate_fits(const struct snp_certificate *c, const struct snp_report *r);
/* Chip's id as the report has it: padded with zeros. VCEK only. */
void snp_certificate_chip_id(const struct snp_certificate *c, uint8_t ret[SNP_CHIP_ID_LEN]);
void snp_certificate_clear(struct snp_certificate *c);
DEFINE_AUTO_VALUE(snp_certificate)
