/* tdx_parts: one appraisal on its way through this folder's files. Private to it. */
#pragma once

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/tdx/collateral.h"
#include "issuer/verifier/tdx/levels.h"
#include "issuer/verifier/tdx/roots.h"
#include "issuer/verifier/tdx/tdx.h"

struct tdx_state {
        const struct appraisal *in;
        struct attestation_result *result;
        struct tdx_quote quote;
        struct tdx_platform *platform;
        struct tdx_collateral *collateral;
        struct tdx_levels levels;
        enum tdx_root root;
};
/* The TD itself: what its module and its owner made of it, and what it is bound to. */
struct fault *tdx_check_td(struct tdx_state *s) MUST_USE;
/* Of what was signed, and, once the levels are there, of Intel's verdict. */
void tdx_set_facts(const struct tdx_state *s);

#define TD_DEBUG           (1ull << 0)
#define TD_TUD_RESERVED    0xfeull /* bits 7:1 of the group that makes a TD untrusted */
#define TD_SEPT_VE_DISABLE (1ull << 28)
#define TD_MIGRATABLE      (1ull << 29)
#define TD_PKS             (1ull << 30)
#define TD_KL              (1ull << 31)
#define TD_PERFMON         (1ull << 63)
#define XFAM_FIXED1        0x3ull     /* x87 and SSE */
#define XFAM_FIXED0        0x6dbe7ull /* what a TD may have at most */
