/* quote: Intel TDX quotes, versions 4 and 5, read: shape only. What the fields must be is tdx.c's to say.
 *
 * Header 48 bytes; version 5 then has a body descriptor (type, size); body: TDREPORT of TDX 1.0 (584 bytes) or 1.5 (648); length of the
 * signature data, and those: signature, attestation key, certification data of type 6, which holds the quoting enclave's report, its
 * signature, authentication data, and certification data of type 5: the PCK's chain in PEM. Every size inside must be exact; bytes after
 * the signature data are normal (a host's buffer, zero-padded), and nothing is read of them.
 * Intel TDX DCAP Quote Generation Library and Quote Verification Library, appendix A.3 and A.4. All integers little-endian. */
#pragma once

#include "lib/base/span.h"

#define TDX_QUOTE_MAX       ((size_t) 64 * 1024)
#define TDX_HEADER_LEN      48
#define TDX_BODY_10_LEN     584
#define TDX_BODY_15_LEN     648
#define TDX_QE_REPORT_LEN   384
#define TDX_SIGNATURE_LEN   64
#define TDX_KEY_LEN         64 /* x‖y */
#define TDX_SVN_LEN         16
#define TDX_MEASUREMENT_LEN 48
#define TDX_REPORT_DATA_LEN 64
#define TDX_RTMR_COUNT      4
#define TDX_QE_ID_LEN       16

#define TDX_TEE_TYPE       0x81u
#define TDX_BODY_10        2
#define TDX_BODY_15        3
#define TDX_ATT_KEY_P256   2
#define TDX_CERT_PCK_PEM   5
#define TDX_CERT_QE_REPORT 6

/* A TD's report as the module made it. Spans point into the quote. */
struct tdx_body {
        struct span tee_tcb_svn, mr_seam, mrsigner_seam;
        uint64_t seam_attributes, attributes, xfam;
        struct span mrtd, mrconfigid, mrowner, mrownerconfig, rtmr[TDX_RTMR_COUNT], report_data;
        struct span tee_tcb_svn2, mr_servicetd; /* TDX 1.5; else empty */
};
/* Report of the quoting enclave (SGX REPORT body). */
struct tdx_qe_report {
        struct span cpusvn, miscselect, attributes, mrenclave, mrsigner, report_data;
        uint16_t isv_prod_id, isv_svn;
};
struct tdx_quote {
        uint16_t version, att_key_type, body_type;
        uint32_t tee_type;
        struct span qe_vendor, user_data;
        struct span signed_bytes; /* header to body */
        struct tdx_body body;
        struct span signature, att_key;
        struct span qe_report_bytes, qe_signature, qe_auth, pck_chain;
        struct span
                platform_bytes; /* attestation key to the end of the chain: the same in every quote until the host restarts */
        struct tdx_qe_report qe_report;
};
/* FAULT_INVALID "tdx.structure"; FAULT_DENIED "tdx.version" (SGX's version 3 too), "tdx.tee_type", "tdx.body_type", "tdx.att_key_type",
 * "tdx.cert_type" (each of the other types by its name). `ret` borrows from `bytes`. */
struct fault *tdx_quote_read(struct span bytes, struct tdx_quote *ret) MUST_USE;
