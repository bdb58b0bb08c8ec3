/* x509: certificates read and chains verified.
 *
 * A `struct cert` is one parsed DER certificate (exactly one, nothing after it) that keeps the bytes it came from.
 * Verification is by pinned roots given by the caller, at a `now` given by the caller; names prove nothing. */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/key.h"

struct cert;
#define CERT_MAX        ((size_t) 16 * 1024)
#define CHAIN_MAX       6
#define CERT_SERIAL_MAX 20

/* "BAD_CERTIFICATE"; an extension that is there twice: "DUPLICATE_EXTENSION" (RFC 5280 §4.2). */
struct fault *cert_from_der(struct span der, struct cert **ret) MUST_USE;
/* What of `padded` (a TPM's NV area) is the certificate: by the length that its DER says. "BAD_CERTIFICATE" when it is cut short. */
struct fault *cert_trim(struct span padded, struct span *ret_der) MUST_USE;
struct span cert_der(const struct cert *c);
struct span cert_serial(const struct cert *c);    /* big-endian magnitude */
const struct key *cert_key(const struct cert *c); /* NULL when of a kind we don't take */
struct wall cert_not_before(const struct cert *c);
struct wall cert_not_after(const struct cert *c);
bool cert_is_ca(const struct cert *c);
/* RFC 2253 text, escaped. */
const char *cert_subject(const struct cert *c);
const char *cert_issuer(const struct cert *c);
void cert_sha256(const struct cert *c, uint8_t ret[SHA256_LEN]);
struct span cert_subject_der(const struct cert *c);
struct span cert_issuer_der(const struct cert *c);
/* Number of URI SANs and each of them (NUL-terminated; one with a NUL inside fails in cert_from_der). */
size_t cert_uri_count(const struct cert *c);
const char *cert_uri(const struct cert *c, size_t index);
size_t cert_dns_count(const struct cert *c);
const char *cert_dns(const struct cert *c, size_t index);
/* The value of an extension by dotted OID (contents of its OCTET STRING); NOT_FOUND "NO_EXTENSION". */
struct fault *cert_extension(const struct cert *c, const char *oid, struct span *ret) MUST_USE;
bool cert_has_eku(const struct cert *c, const char *oid);
/* A critical extension that nobody here handles: such a certificate is to be refused (RFC 5280 §4.2). cert_verify does so itself. */
bool cert_has_unknown_critical(const struct cert *c);
unsigned cert_key_usage(const struct cert *c); /* bits: KU_* below; 0 when absent */
#define KU_DIGITAL_SIGNATURE 0x80u
#define KU_KEY_ENCIPHERMENT  0x20u
#define KU_KEY_AGREEMENT     0x08u
#define KU_KEY_CERT_SIGN     0x04u
void cert_free(struct cert *c);
DEFINE_AUTO(cert)

struct cert_list {
        size_t count;
        struct cert *certs[32];
};
/* Every CERTIFICATE of a PEM text (a missing final newline is fine), at most 32; none is FAULT_INVALID "NO_CERTIFICATE". */
struct fault *cert_list_from_pem(struct span pem, struct cert_list *ret) MUST_USE;
/* As files have them, in either form: PEM as above, or DER certificates one after another and nothing else. */
struct fault *cert_list_read(struct span bytes, struct cert_list *ret) MUST_USE;
struct fault *cert_to_pem(const struct cert *c, struct buf *out) MUST_USE; /* appends */
/* The same from the bytes of a certificate that was parsed elsewhere: parsing it again would cost a hundred times this. */
struct fault *cert_der_to_pem(struct span der, struct buf *out) MUST_USE;
void cert_list_clear(struct cert_list *l);
DEFINE_AUTO_VALUE(cert_list)

enum cert_purpose {
        CERT_PURPOSE_EK, /* TPM endorsement: critical SAN directoryName is handled, EKU 2.23.133.8.1 when EKUs are there */
        CERT_PURPOSE_WORKLOAD, /* an X.509-SVID: clientAuth and serverAuth, one URI SAN, not a CA */
        CERT_PURPOSE_ANY,      /* chain and dates only */
};
/* Chain to one of `roots`, through `intermediates` (may be empty), at `now`. FAULT_DENIED with a token that says which check:
 * "x509.chain", "x509.expired", "x509.not_yet_valid", "x509.purpose", "x509.signature". */
struct fault *cert_verify(const struct cert *leaf, const struct cert_list *intermediates, const struct cert_list *roots,
                          enum cert_purpose purpose, struct wall now) MUST_USE;
struct cert_window { /* seconds, both ends included */
        int64_t from_unix_s, until_unix_s;
};
/* The same, and when each certificate of the chain that was found is valid: whoever remembers that it held asks no more than this. */
struct fault *cert_verify_window(const struct cert *leaf, const struct cert_list *intermediates,
                                 const struct cert_list *roots, enum cert_purpose purpose, struct wall now,
                                 struct cert_window *ret) MUST_USE;
/* One link of a chain whose shape the caller knows (a TEE's maker). The signature algorithm of `c` must be exactly the wanted one, with
 * its parameters (PSS: SHA-384, MGF1 with SHA-384, salt 48, trailer 1; the inner and the outer AlgorithmIdentifier equal), and the
 * signature the issuer key's: FAULT_DENIED "x509.algorithm", "x509.signature". Names and dates are the caller's to check: next. */
enum cert_signature { CERT_SIGNATURE_PSS_SHA384, CERT_SIGNATURE_ECDSA_SHA256, CERT_SIGNATURE_ECDSA_SHA384 };
struct fault *cert_check_signature(const struct cert *c, const struct key *issuer_key,
                                   enum cert_signature wanted) MUST_USE;
/* notBefore ≤ now ≤ notAfter: "x509.not_yet_valid", "x509.expired". */
struct fault *cert_check_dates(const struct cert *c, struct wall now) MUST_USE;
