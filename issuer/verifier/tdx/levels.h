/* levels: which published levels a platform, its TDX module and its quoting enclave meet, and what they make together. Pure: structs in,
 * verdict out. Order of Intel's Quote Verification Library, 4.1.2.4.11 to 4.1.2.4.17. */
#pragma once

#include "issuer/verifier/tdx/pck.h"
#include "issuer/verifier/tdx/quote.h"
#include "issuer/verifier/tdx/tcb_info.h"

struct tdx_levels {
        enum tcb_status platform, module,
                qe;              /* as launched; module: UpToDate for version 0, which the platform's level covers */
        bool has_running;        /* TDX 1.5: */
        enum tcb_status running; /* platform and module as they run now (tee_tcb_svn2) */
        enum tcb_status merged;
        struct wall date; /* the oldest of the levels met */
        char *advisories; /* of all of them */
};
struct levels_input {
        const struct tcb_info *tcb_info;
        const struct qe_identity *qe_identity;
        const struct pck_extension *pck;
        const struct tdx_body *body;
        const struct tdx_qe_report *qe_report;
};
/* Checks of the module and the enclave, then the levels: FAULT_DENIED "tdx.module" (another signer or attributes, or none of that version),
 * "tdx.module_level", "tdx.tcb_level" (older than the oldest level), "tdx.qe_level", "tdx.tcb_status_unknown". In TDX 1.5 what runs now must
 * meet levels as well: Intel's library looks at it only for relaunch, dcap-qvl does as we do. */
extern const char *const tdx_levels_checks[]; /* NULL-terminated, in this order */
struct fault *tdx_levels_find(const struct levels_input *in, struct tdx_levels *ret) MUST_USE;
void tdx_levels_clear(struct tdx_levels *l);
DEFINE_AUTO_VALUE(tdx_levels)
