/* roots: whose word counts. AMD's root keys (ARK) are part of the program, and so are the authorities below them (ASK for VCEKs, ASVK for
 * VLEKs), so that nothing needs to be fetched to verify a certificate. A configuration may add anchors (for tests, or a product that is
 * newer than this program); a peer never can. */
#pragma once

#include "issuer/verifier/snp/report.h"
#include "lib/crypt/x509.h"

struct snp_amd_certificates {
        const char *ark;
        const char *signers[2]; /* ASK, ASVK */
};
extern const struct snp_amd_certificates snp_amd_certificates[SNP_PRODUCT_COUNT]; /* PEM */

/* Parsed once, never freed. */
const struct cert_list *snp_amd_roots(void);
const struct cert_list *snp_amd_signers(void);
