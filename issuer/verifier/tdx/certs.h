/* certs: Intel's certificates as quotes and collateral bring them: who is who by common name under a root that is pinned by key. Private
 * to this folder. Intel SGX PCK Certificate and CRL Profile Specification. */
#pragma once

#include "lib/crypt/x509.h"

#define CN_ROOT         "Intel SGX Root CA"
#define CN_PLATFORM_CA  "Intel SGX PCK Platform CA"
#define CN_PROCESSOR_CA "Intel SGX PCK Processor CA"
#define CN_PCK          "Intel SGX PCK Certificate"
#define CN_TCB_SIGNER   "Intel SGX TCB Signing"

/* What is left of a certificate once its signature has been checked. */
struct tdx_cert {
        uint8_t serial[CERT_SERIAL_MAX];
        size_t serial_len;
        struct wall not_before, not_after;
};
struct tdx_cert tdx_cert_of(const struct cert *c);

/* PEM certificates one after another and nothing between or behind them but blanks, and NULs at the end; or the same percent-encoded, as
 * headers of answers have it. "BAD_CERTIFICATE", "NO_CERTIFICATE". */
struct fault *tdx_certs_read(struct span pem, struct cert_list *ret) MUST_USE;
bool tdx_cert_is_named(const struct cert *c, const char *common_name);
/* `c` is signed by `issuer` (name, key, ECDSA P-256 with SHA-256), which is a CA. FAULT_DENIED with `token`. */
struct fault *tdx_cert_issued_by(const struct cert *c, const struct cert *issuer, const char *token) MUST_USE;
/* A CA or, otherwise, a certificate that signs what isn't certificates. */
bool tdx_cert_may_sign(const struct cert *c, bool is_ca);
