/* x509_build: certificates written.
 *
 * A leaf is emitted from a DER template by our own small writer (no extension is parsed from text), signed through
 * `sign`. Exactly: v3; serial; ecdsa-with-SHA256; validity; empty subject; SPKI; AKI, SKI, basicConstraints critical
 * cA=false, keyUsage critical digitalSignature, EKU serverAuth+clientAuth, SAN critical with exactly one URI and then DNS
 * names, and extra non-critical extensions given as (oid, DER). See docs of strict X509-SVID (SPIFFE X509-SVID §2–5). */
#pragma once

#include "lib/crypt/x509.h"

struct cert_extra {
        const char *oid;
        struct span der;
};
struct leaf_spec {
        uint8_t serial[16]; /* top bit clear, not zero */
        struct span issuer_name_der;
        uint8_t issuer_key_id[20];
        struct wall not_before, not_after;
        struct span spki;
        const char *uri;
        const char *const *dns; /* dns_count */
        size_t dns_count;
        const struct cert_extra *extra;
        size_t extra_count;
};
/* FAULT_INVALID "BAD_SERIAL", "BAD_VALIDITY", "BAD_TIME", "BAD_NAME", "BAD_OID", "KEY_ENCODING" (spki). */
struct fault *leaf_build(const struct leaf_spec *spec, const struct key *ca_key, struct buf *ret_der) MUST_USE;

struct ca_spec {
        const char *common_name; /* unique per generation */
        const char *uri;         /* trust domain id without path */
        uint8_t serial[16];
        struct wall not_before, not_after;
        const struct key *key;
        int path_len; /* -1: none */
};
/* Self-signed when issuer is NULL; "KEY_MISMATCH" when issuer_key isn't the issuer's. keyCertSign + cRLSign, critical. */
struct fault *ca_build(const struct ca_spec *spec, const struct cert *issuer, const struct key *issuer_key,
                       struct buf *ret_der) MUST_USE;
/* A TLS identity: `dns` and/or `ip` names (NULL-terminated lists, may be empty), signed by issuer or self-signed. Server certificates of
 * the issuer's own TLS CA, and the attester's self-signed client certificate. */
struct tls_cert_spec {
        const char *common_name;
        const char *const *dns;
        const char *const *ip;
        uint8_t serial[16];
        struct wall not_before, not_after;
        const struct key *key;
};
struct fault *tls_cert_build(const struct tls_cert_spec *spec, const struct cert *issuer, const struct key *issuer_key,
                             struct buf *ret_der) MUST_USE;
/* SHA-1 of the public key bits (RFC 5280 §4.2.1.2 (1)), as AKI and SKI have it. */
void key_id(const struct key *k, uint8_t ret[20]);
