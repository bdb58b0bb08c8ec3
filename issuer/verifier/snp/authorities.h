/* authorities: certificates that may have issued others, gathered for one proof: who is trusted, and who is only looked at. */
#pragma once

#include "issuer/verifier/snp/sources.h"
#include "lib/crypt/x509.h"

#define SNP_LISTS_MAX       (2 * SNP_SOURCES_MAX + 1)
#define SNP_AUTHORITIES_MAX (SNP_LISTS_MAX * 32 + 16)
struct snp_authorities {
        size_t list_count;
        struct cert_list lists[SNP_LISTS_MAX]; /* what the next two point into, beside AMD's own */
        size_t issuer_count, root_count, amd_root_count;
        const struct cert *issuers[SNP_AUTHORITIES_MAX]; /* from anywhere: not trusted */
        const struct cert *roots[SNP_AUTHORITIES_MAX];   /* trusted: AMD's first, then the configuration's */
        size_t claim_count;
        const struct cert *claims[SNP_AUTHORITIES_MAX]; /* self-issued ones of the part chain: they must be roots */
};
/* FAULT_INVALID "snp.chain_format", "snp.anchors". What the host's table holds may be unreadable. */
struct fault *snp_authorities_gather(const struct snp_sources *s, struct snp_authorities *ret) MUST_USE;
void snp_authorities_clear(struct snp_authorities *a);
DEFINE_AUTO_VALUE(snp_authorities)
