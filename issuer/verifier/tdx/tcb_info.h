/* tcb_info: what Intel publishes about a family of platforms (TCB info) and about its quoting enclave (enclave identity), read from the
 * very bytes whose signature was checked. Unknown members are passed over; levels are sorted here, newest first: nothing says that Intel
 * sorts them. A status that isn't known here is kept as such: it matters only on the level that is met.
 * Intel PCS API v4: TcbInfo V3 (id TDX), EnclaveIdentity V2 (id TD_QE). */
#pragma once

#include "issuer/verifier/tdx/status.h"
#include "lib/base/clock.h"

#define TCB_COMPONENTS  16
#define TCB_LEVELS_MAX  128
#define TCB_MODULES_MAX 32
#define ADVISORIES_MAX  256

struct tcb_verdict { /* what a level says */
        enum tcb_status status;
        struct wall date;
        char *advisories; /* as status.h has them; never NULL */
};
struct tcb_level {
        uint8_t sgx[TCB_COMPONENTS], tdx[TCB_COMPONENTS];
        uint16_t pcesvn;
        struct tcb_verdict verdict;
};
struct isv_level {
        uint16_t isv_svn;
        struct tcb_verdict verdict;
};
struct isv_levels {
        size_t count;
        struct isv_level *items; /* newest first */
};
struct tdx_module {
        uint8_t version; /* of its id, TDX_NN; 0: tdxModule */
        uint8_t mrsigner[48], attributes[8], attributes_mask[8];
        struct isv_levels levels;
};
struct tcb_info {
        struct wall issue_date, next_update;
        uint8_t fmspc[6], pceid[2];
        uint32_t evaluation_number;
        struct tdx_module module; /* of version 0, no levels */
        size_t identity_count;
        struct tdx_module identities[TCB_MODULES_MAX];
        size_t level_count;
        struct tcb_level *levels; /* newest first */
};
/* FAULT_INVALID "tdx.tcb_info" for the shape, FAULT_DENIED "tdx.tcb_info_id": not TDX's, not version 3. `ret` must be zeroed; cleared by the
 * caller in either case. */
struct fault *tcb_info_read(struct span json, struct tcb_info *ret) MUST_USE;
const struct tdx_module *tcb_info_module(const struct tcb_info *t, uint8_t version); /* NULL: none */
void tcb_info_clear(struct tcb_info *t);
DEFINE_AUTO_VALUE(tcb_info)

struct qe_identity {
        struct wall issue_date, next_update;
        uint32_t evaluation_number;
        uint8_t miscselect[4], miscselect_mask[4], attributes[16], attributes_mask[16], mrsigner[32];
        uint16_t isv_prod_id;
        struct isv_levels levels;
};
/* FAULT_INVALID "tdx.qe_identity"; FAULT_DENIED "tdx.qe_identity_id": not TD_QE's, neither version 2 nor 3. As above. */
struct fault *qe_identity_read(struct span json, struct qe_identity *ret) MUST_USE;
void qe_identity_clear(struct qe_identity *q);
DEFINE_AUTO_VALUE(qe_identity)

/* The first level that `svn` meets; NULL: none. */
const struct isv_level *isv_level_of(const struct isv_levels *l, uint16_t svn);
