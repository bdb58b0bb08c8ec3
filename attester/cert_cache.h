/* cert_cache: certificates that come with every reply, parsed once: roots and the issuer's intermediates.
 *
 * OpenSSL looks for decoders anew at each parse, which takes twice as long as the signature's check. What is kept is a parse, never a
 * verdict: a certificate is found again only by all of its bytes. One thread's. */
#pragma once

#include "lib/crypt/x509.h"

struct cert_cache;

struct cert_cache *cert_cache_new(void);
/* The certificate with exactly these bytes, the cache's own; stays valid for the next CERT_CACHE_MAX - 1 calls. Faults as cert_from_der. */
#define CERT_CACHE_MAX 32
struct fault *cert_cache_get(struct cert_cache *c, struct span der, struct cert **ret) MUST_USE;
void cert_cache_free(struct cert_cache *c);
DEFINE_AUTO(cert_cache)
