/* crl: certificate revocation lists (RFC 5280 §5), for makers of TEEs. One complete list of one issuer: delta lists, indirect lists and
 * critical extensions that we don't know are refused. Distribution points in certificates are never followed. */
#pragma once

#include "lib/crypt/x509.h"

#define CRL_MAX ((size_t) 1024 * 1024)

struct crl;
/* Exactly one CertificateList (DER; or PEM "X509 CRL"), nothing after it. "BAD_CRL". */
struct fault *crl_read(struct span bytes, struct crl **ret) MUST_USE;
/* Issued and signed by `issuer` (name, key, key usage, signature algorithm as `wanted`), current at `now`. FAULT_DENIED, in this order:
 * "x509.crl_issuer", "x509.crl_signature", "x509.crl_not_yet_valid", "x509.crl_expired" (now > nextUpdate): a list that is refused for the
 * last reason is genuine. */
struct fault *crl_verify(const struct crl *c, const struct cert *issuer, enum cert_signature wanted,
                         struct wall now) MUST_USE;
bool crl_lists(const struct crl *c, struct span serial); /* big-endian magnitude */
struct span crl_issuer_der(const struct crl *c);
struct wall crl_this_update(const struct crl *c);
struct wall crl_next_update(const struct crl *c);
struct span crl_der(const struct crl *c);
void crl_free(struct crl *c);
DEFINE_AUTO(crl)
