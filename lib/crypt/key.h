/* key: asymmetric keys. A `struct key` is immutable once made and may be used from several threads.
 *
 * Private parts are made, kept by OpenSSL in its secure heap where it has one, and leave only as PKCS#8 PEM in a secret.
 * EC signatures are raw r‖s (IEEE P1363) on our wires and DER inside X.509 and TPM structures; both are here.
 * Accepted: EC P-256 and P-384 (named curve, point on it), RSA 2048..4096 with e = 65537: anything else FAULT_INVALID "KEY_KIND". */
#pragma once

#include "lib/base/secret.h"
#include "lib/crypt/hash.h"

struct key;
enum key_kind { KEY_P256, KEY_P384, KEY_RSA, KEY_KIND_COUNT };
#define SPKI_MAX      600
#define SIGNATURE_MAX 512

struct fault *key_generate(enum key_kind kind, struct key **ret) MUST_USE; /* RSA: 3072 bits */
/* Exactly one SubjectPublicKeyInfo (DER), nothing after it. "KEY_ENCODING" when it isn't. */
struct fault *key_from_spki(struct span der, struct key **ret) MUST_USE;
struct fault *key_from_pem_private(struct span pem, struct key **ret) MUST_USE; /* PKCS#8 or SEC1, unencrypted */
struct fault *key_from_pem_public(struct span pem, struct key **ret) MUST_USE;
/* From numbers, big-endian (TPM, JWK); leading zeros may be there or not. */
struct fault *key_from_ec_point(enum key_kind curve, struct span x, struct span y, struct key **ret) MUST_USE;
struct fault *key_from_rsa(struct span modulus, struct span exponent, struct key **ret) MUST_USE;
enum key_kind key_kind(const struct key *k);
bool key_is_private(const struct key *k);
struct span key_spki(const struct key *k); /* DER, borrowed, made once */
void key_spki_sha256(const struct key *k, uint8_t ret_digest[SHA256_LEN]);
/* EC public point, big-endian, fixed width (32 or 48). */
struct fault *key_ec_point(const struct key *k, struct buf *ret_x, struct buf *ret_y) MUST_USE;
struct fault *key_rsa_modulus(const struct key *k, struct buf *ret_n) MUST_USE;
struct fault *key_to_pem_private(const struct key *k, struct secret **ret) MUST_USE; /* PKCS#8 */

/* PSS: MGF1 with the same hash, salt as long as the digest. ANY_SALT verifies whatever salt length is there (a TPM takes the
 * longest that fits unless it runs in FIPS mode: TPM 2.0 part 1, B.7). */
enum signature_form { SIGNATURE_RAW, SIGNATURE_DER, SIGNATURE_RSASSA, SIGNATURE_RSAPSS, SIGNATURE_RSAPSS_ANY_SALT };
struct fault *key_sign(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                       struct buf *out) MUST_USE;
/* FAULT_UNAUTHENTICATED "BAD_SIGNATURE" for every way of not fitting: wrong length, r or s zero or ≥ n, mismatch. */
struct fault *key_verify(const struct key *k, enum hash_alg alg, enum signature_form form, struct span message,
                         struct span signature) MUST_USE;
/* RSA-OAEP with SHA-256 for MGF and label hash; label includes its NUL where the standard wants one. */
struct fault *key_rsa_oaep_encrypt(const struct key *k, enum hash_alg alg, struct span label, struct span plain,
                                   struct buf *out) MUST_USE;
/* ECDH: x coordinate of the shared point, fixed width. */
struct fault *key_ecdh(const struct key *own, const struct key *peer, struct secret **ret_x) MUST_USE;
void key_free(struct key *k);
DEFINE_AUTO(key)
