#include "lib/crypt/tls_internal.h"

#include "lib/crypt/binding.h"
#include "lib/crypt/tls.h"

#define GROUPS "X25519:P-256"
#define SIGNATURES                                                                                                     \
        "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512"
#define SECURITY_LEVEL 2 /* 112 bits, also for the certificates */
#define CIPHERS        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct fault *tls_restrict(SSL_CTX *ctx)
{
        if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
            SSL_CTX_set1_sigalgs_list(ctx, SIGNATURES) != 1 || SSL_CTX_set_ciphersuites(ctx, CIPHERS) != 1)
                return ossl_fault(FAULT_INTERNAL, "TLS_SETUP", "TLS 1.3");
        SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        if (SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1)
                return ossl_fault(FAULT_INTERNAL, "TLS_SETUP", "no tickets");
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return NULL;
}

struct fault *tls_restrict_public(SSL_CTX *ctx)
{
        if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) != 1 ||
            SSL_CTX_set_ciphersuites(ctx, CIPHERS) != 1)
                return ossl_fault(FAULT_INTERNAL, "TLS_SETUP", "TLS 1.2 and 1.3");
        SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return NULL;
}

struct fault *tls_identity(SSL_CTX *ctx, const struct cert_list *chain, EVP_PKEY *key)
{
        if (SSL_CTX_use_certificate(ctx, cert_x509(chain->certs[0])) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
            SSL_CTX_check_private_key(ctx) != 1)
                return ossl_fault(FAULT_INVALID, "TLS_IDENTITY", "key isn't that of the certificate");
        for (size_t i = 1; i < chain->count; i++) {
                if (SSL_CTX_add1_chain_cert(ctx, cert_x509(chain->certs[i])) != 1)
                        return ossl_fault(FAULT_INVALID, "TLS_IDENTITY", "certificate chain");
        }
        return NULL;
}

bool tls_spki_sha256(const X509 *x, uint8_t ret[SHA256_LEN])
{
        uint8_t *spki = NULL;
        int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);

        if (len > 0)
                sha256(span_make(spki, (size_t) len), ret);
        OPENSSL_free(spki);
        return len > 0;
}

struct fault *tls_exporter(void *ssl, uint8_t ret[32])
{
        static const uint8_t no_context;

        if (SSL_is_init_finished(ssl) != 1 || SSL_version(ssl) != TLS1_3_VERSION)
                return fault(FAULT_PRECONDITION, "TLS_STATE", "the TLS handshake hasn't ended");
        if (SSL_export_keying_material(ssl, ret, BINDING_EXPORTER_LEN, BINDING_EXPORTER_LABEL,
                                       sizeof BINDING_EXPORTER_LABEL - 1, &no_context, 0, /* use_context= */ 1) != 1)
                return ossl_fault(FAULT_PRECONDITION, "TLS_STATE", "TLS exporter");
        return NULL;
}

struct fault *tls_cert_of(const X509 *x, struct cert **ret)
{
        uint8_t *der = NULL;
        int len = i2d_X509(x, &der);
        if (len <= 0)
                return ossl_fault(FAULT_INVALID, "BAD_CERTIFICATE", "encode a certificate");
        struct fault *f = cert_from_der(span_make(der, (size_t) len), ret);
        OPENSSL_free(der);
        return f;
}

struct fault *tls_peer_name(void *ssl, struct buf *out)
{
        AUTO(cert) struct cert *c = NULL;
        const X509 *peer = SSL_is_init_finished(ssl) == 1 ? SSL_get0_peer_certificate(ssl) : NULL;
        if (peer == NULL)
                return fault(FAULT_UNAUTHENTICATED, "NO_CLIENT_CERTIFICATE", "the peer showed no certificate");
        TRY(tls_cert_of(peer, &c));
        return buf_append_str(out, cert_uri_count(c) == 1 ? cert_uri(c, 0) : cert_subject(c));
}

struct fault *tls_peer_spki_sha256(void *ssl, uint8_t ret[SHA256_LEN])
{
        if (SSL_is_init_finished(ssl) != 1)
                return fault(FAULT_PRECONDITION, "TLS_STATE", "the TLS handshake hasn't ended");

        const X509 *peer = SSL_get0_peer_certificate(ssl);
        if (peer == NULL || !tls_spki_sha256(peer, ret))
                return fault(FAULT_UNAUTHENTICATED, "NO_CLIENT_CERTIFICATE", "the peer showed no certificate");
        return NULL;
}
