/* platform: who signed a quote, from the attestation key up to a root: proven once, remembered (issuer/verifier/memo.h), since a host's
 * quotes carry the same key, quoting enclave's report and PCK chain until it restarts.
 *
 * Proven here: three certificates, PCK, Platform or Processor CA, root, each signed by the next and the root by itself; the PCK's
 * extension; the quoting enclave's report under the PCK, and that it vouches for the attestation key. Not asked here: whether the root is
 * one to be trusted, dates, revocation: they are checked at every use. */
#pragma once

#include "issuer/verifier/memo.h"
#include "issuer/verifier/tdx/certs.h"
#include "issuer/verifier/tdx/pck.h"
#include "issuer/verifier/tdx/quote.h"

enum tdx_ca { TDX_CA_PLATFORM, TDX_CA_PROCESSOR };
const char *tdx_ca_name(enum tdx_ca ca); /* "platform", "processor": as PCS calls them */

struct tdx_platform {
        struct memo_value memo;
        struct buf bytes; /* all that the proof depends on */
        uint8_t chain_digest[SHA256_LEN], ppid_digest[SHA256_LEN];
        struct pck_extension pck;
        enum tdx_ca ca;
        struct tdx_cert pck_cert, ca_cert, root_cert;
        struct buf ca_der, root_der;
        uint8_t root_spki[SHA256_LEN];
        struct key *att_key;
};
/* In this order, FAULT_DENIED unless said: "tdx.pck_chain" (FAULT_INVALID: not three certificates), "tdx.pck_ca", "tdx.pck_signature",
 * "tdx.pck" (FAULT_INVALID), "tdx.qe_signature", "tdx.qe_report_data", "tdx.att_key". The caller releases it. */
extern const char *const tdx_platform_checks[]; /* NULL-terminated */
struct fault *tdx_platform_prove(const struct tdx_quote *q, struct tdx_platform **ret) MUST_USE;
void tdx_platform_release(struct tdx_platform *p);
/* The PCK's extension and CA as the quote has them, nothing proven. */
struct fault *tdx_platform_peek(const struct tdx_quote *q, struct pck_extension *ret, enum tdx_ca *ret_ca) MUST_USE;
void tdx_platform_forget(void); /* the memo */

static inline void tdx_platform_hold_cleanup(struct tdx_platform **p)
{
        tdx_platform_release(*p);
}
