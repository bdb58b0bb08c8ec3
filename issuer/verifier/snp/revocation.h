/* revocation: AMD's list of a product, signed by the root, against the authority that issued the report's certificate. VCEKs themselves are
 * never listed (their serial numbers are all 0); a chip's TCB is revoked by a policy's floor. */
#pragma once

#include "issuer/verifier/snp/chain.h"

enum snp_crl_state { SNP_CRL_ABSENT, SNP_CRL_CHECKED, SNP_CRL_STALE, SNP_CRL_STATE_COUNT };
const char *snp_crl_state_name(enum snp_crl_state s); /* "absent", …: what the fact snp.crl says */

struct snp_revocation {
        enum snp_crl_state state;
        struct span list; /* the part that was used */
        struct wall next_update;
};
/* Of several lists, the one of the root's name counts. FAULT_DENIED "snp.crl", "snp.crl_not_yet_valid", "snp.revoked". */
struct fault *snp_revocation_check(const struct appraisal *in, const struct snp_chain *chain,
                                   struct snp_revocation *ret) MUST_USE;
void snp_revocation_forget(void);
