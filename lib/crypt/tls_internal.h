/* tls_internal: the parts that client and server share. Private to lib/crypt. */
#pragma once

#include <openssl/ssl.h>

#include "lib/crypt/ossl.h"

DEFINE_AUTO_OSSL(ossl_ssl_ctx, SSL_CTX, SSL_CTX_free)

/* Version, groups, and nothing that lets a session outlive its connection. */
struct fault *tls_restrict(SSL_CTX *ctx) MUST_USE;
/* The same for servers of others: TLS 1.2 with forward secrecy as well. */
struct fault *tls_restrict_public(SSL_CTX *ctx) MUST_USE;
/* Certificate, what leads to its issuer, and key; "TLS_IDENTITY" when they don't fit one another. Takes references. */
struct fault *tls_identity(SSL_CTX *ctx, const struct cert_list *chain, EVP_PKEY *key) MUST_USE;
struct fault *tls_cert_of(const X509 *x, struct cert **ret) MUST_USE;
bool tls_spki_sha256(const X509 *x, uint8_t ret[SHA256_LEN]);
