/* chain: which certificate is the report's, and how it leads to a trusted root: ARK → ASK → VCEK, or ARK → ASVK → VLEK. Always two links,
 * each RSASSA-PSS with SHA-384 whose parameters are compared, found by name and proven by key. What was proven is kept (memo.h); dates and
 * revocation are checked at every use. */
#pragma once

#include "issuer/verifier/memo.h"
#include "issuer/verifier/snp/certificate.h"
#include "issuer/verifier/snp/sources.h"

struct snp_chain { /* immutable */
        struct memo_value memo;
        struct snp_certificate leaf;
        struct cert *issuer, *root;
        bool is_configured; /* the root is an anchor of the configuration, not AMD's */
        enum snp_product product;
};
/* FAULT_UNAVAILABLE "snp.certificate" (none was given). FAULT_INVALID "snp.auxblob" (the only place to look, and unreadable),
 * "snp.certificate_format", "snp.chain_format", "snp.anchors". FAULT_DENIED "snp.certificate_extensions", "snp.certificate_kind" (VCEK where
 * the report says VLEK, the other way round, or an authority of the other kind), "snp.chain" (no authority that issued it),
 * "snp.chain_algorithm", "snp.chain_signature", "snp.root" (it leads to a root that isn't trusted), "snp.product" (an authority of another
 * product), "snp.expired", "snp.not_yet_valid". */
struct fault *snp_chain_prove(const struct snp_sources *s, const struct snp_report *r, struct wall now,
                              struct snp_chain **ret) MUST_USE;
void snp_chain_free(struct snp_chain *c);
DEFINE_AUTO(snp_chain)

/* What can be seen without proving anything: whether one of the certificates can be read, whether it is of the report's chip, TCB and kind,
 * and for which product it is. For what to ask AMD for. */
bool snp_chain_peek(const struct snp_sources *s, const struct snp_report *r, bool *ret_fits,
                    enum snp_product *ret_product);

/* Forgets what was proven: for tests and measurements. */
void snp_chain_forget(void);
