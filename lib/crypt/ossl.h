/* ossl: what the files of lib/crypt share about OpenSSL. Private to this folder.
 *
 * Algorithms are fetched once (an implicit fetch costs more than the digest of a small input). OpenSSL's error queue is
 * per thread and TLS reads it: whoever makes a fault of an OpenSSL failure empties it. */
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/crypt/key.h"
#include "lib/crypt/x509.h"

/* OpenSSL has macros of the same names and values. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#include <openssl/x509v3.h>

/* AUTO(ossl_pkey) EVP_PKEY *k: the cleanup for a type of OpenSSL's. */
#define DEFINE_AUTO_OSSL(name, type, free_it)                                                                          \
        static inline void name##_cleanup(type **pointer) /* NOLINT(bugprone-macro-parentheses): it is a type */       \
        {                                                                                                              \
                free_it(*pointer);                                                                                     \
        }
DEFINE_AUTO_OSSL(ossl_bio, BIO, BIO_vfree)
DEFINE_AUTO_OSSL(ossl_cipher_ctx, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
DEFINE_AUTO_OSSL(ossl_mac_ctx, EVP_MAC_CTX, EVP_MAC_CTX_free)
DEFINE_AUTO_OSSL(ossl_md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_AUTO_OSSL(ossl_pkey, EVP_PKEY, EVP_PKEY_free)
DEFINE_AUTO_OSSL(ossl_pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_AUTO_OSSL(ossl_x509, X509, X509_free)
DEFINE_AUTO_OSSL(ossl_object, ASN1_OBJECT, ASN1_OBJECT_free)
DEFINE_AUTO_OSSL(ossl_names, GENERAL_NAMES, GENERAL_NAMES_free)
DEFINE_AUTO_OSSL(ossl_ekus, EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
DEFINE_AUTO_OSSL(ossl_store, X509_STORE, X509_STORE_free)
DEFINE_AUTO_OSSL(ossl_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)

enum ossl_cipher { OSSL_AES_256_GCM, OSSL_AES_128_CFB, OSSL_AES_256_CFB, OSSL_AES_256_WRAP, OSSL_CIPHER_COUNT };

const EVP_MD *ossl_md(enum hash_alg alg);
const EVP_CIPHER *ossl_cipher(enum ossl_cipher which);
EVP_MAC *ossl_hmac(void);
/* A public key of the curve to copy the group from. */
const EVP_PKEY *ossl_curve(enum key_kind curve);
/* Before a private key exists: OpenSSL's secure heap is up. */
void ossl_start(void);

/* "<what>: <OpenSSL's reason>"; empties the error queue. */
struct fault *ossl_fault(enum fault_code code, const char *token, const char *what) MUST_USE;
/* For what can't fail on sane input: says what and aborts. */
void ossl_must(bool ok, const char *what);

/* Takes `pkey` over on success; "KEY_KIND" for a key that we don't take. */
struct fault *key_from_pkey(EVP_PKEY *pkey, bool is_private, struct key **ret) MUST_USE;
EVP_PKEY *key_pkey(const struct key *k);   /* borrowed */
struct span key_bits(const struct key *k); /* content of subjectPublicKey: the point, or RSAPublicKey */
size_t key_field_len(enum key_kind kind);  /* 32, 48; 0 for RSA */
X509 *cert_x509(const struct cert *c);     /* borrowed */
/* Of the certificate's SPKI as it stands; NULL when of a kind that we don't take. */
struct key *key_of_x509(const X509 *x);
