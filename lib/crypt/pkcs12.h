/* pkcs12: key and trust stores in PKCS#12 (RFC 7292), for programs that read nothing else (Java).
 *
 * With the algorithms of today only: PBES2 with PBKDF2 (HMAC-SHA-256) and AES-256-CBC around each part, an HMAC-SHA-256 over the whole (RFC 9879
 * keeps this form). Both stores are under a password, which such programs demand; it protects little more than they let it, since it lies beside the
 * store. A trust store's certificates carry the attribute by which Java takes them as trusted. */
#pragma once

#include "lib/crypt/x509.h"

#define PKCS12_MAX          ((size_t) 256 * 1024)
#define PKCS12_ITERATIONS   10000 /* Java's own; the password is random, so more would only cost time */
#define PKCS12_PASSWORD_MAX 128

/* One entry: the key with its chain, leaf first. The leaf's key must be `key`: FAULT_INVALID "PKCS12_KEY". The password is 1 to
 * PKCS12_PASSWORD_MAX bytes of visible ASCII: "PKCS12_PASSWORD". */
struct fault *pkcs12_key_store(const struct key *key, const struct cert *const *chain, size_t count, const char *alias,
                               const struct secret *password, struct buf *out) MUST_USE;
/* Certificates alone, at least one: "PKCS12_EMPTY"; aliases are `alias`-1, `alias`-2, … */
struct fault *pkcs12_trust_store(const struct cert_list *roots, const char *alias, const struct secret *password,
                                 struct buf *out) MUST_USE;
