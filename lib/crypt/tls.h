/* tls: how our TLS is set up. SSL and SSL_CTX reach other layers only as `void *` (libcurl and libevent hand them out).
 *
 * TLS 1.3 only; no session cache, tickets or 0-RTT, on both sides. The client shows a self-signed P-256 certificate over
 * a key of this process; the server asks for one always, accepts any by custom verification (it must be one self-signed
 * certificate with a good self-signature), and hands up the SHA-256 of its SPKI. */
#pragma once

#include "lib/crypt/key.h"
#include "lib/crypt/x509.h"

struct tls_client; /* settings shared by connections; thread-safe */
struct tls_client_options {
        struct span ca_pem; /* the issuer's TLS CA; empty when only a pin is used */
        bool is_public;     /* a service that isn't ours: TLS 1.2 as well, and without ca_pem the system's CAs */
        const uint8_t *spki_sha256; /* pin of the server's key, or NULL */
        const char *server_name;    /* checked against SAN (DNS or IP) unless only a pin is used */
        const struct key *key;      /* client key; NULL: no client certificate */
        struct wall now;            /* dates the self-signed certificate */
};
/* FAULT_INVALID "TLS_TRUST" with neither CA nor pin, "TLS_NAME" with a CA and no name. With both, both must hold. */
struct fault *tls_client_new(const struct tls_client_options *o, struct tls_client **ret) MUST_USE;
/* For CURLOPT_SSL_CTX_FUNCTION. `t` outlives the context. */
struct fault *tls_client_configure(const struct tls_client *t, void *ssl_ctx) MUST_USE;
/* Why the last server was not believed, for a person: which certificate, its dates, what the clock here says. "" when there was none. Thread-safe. */
#define TLS_WHY_MAX 512
void tls_client_why(struct tls_client *t, char ret[TLS_WHY_MAX]);
void tls_client_free(struct tls_client *t);
DEFINE_AUTO(tls_client)

struct tls_server;
/* Chain PEM (leaf first) and key PEM. */
struct fault *tls_server_new(struct span chain_pem, const struct secret *key_pem, struct tls_server **ret) MUST_USE;
/* The same for clients of a CA alone (one or more, PEM): a connection needs a certificate that chains to it, for clientAuth, valid now by
 * clock_system. */
struct fault *tls_server_new_for(struct span chain_pem, const struct secret *key_pem, struct span client_ca_pem,
                                 struct tls_server **ret) MUST_USE;
bool tls_server_knows_clients(const struct tls_server *t); /* made by tls_server_new_for */
/* For connections that come from now on; those that are there keep what they have. Thread-safe. On a fault everything stays. */
struct fault *tls_server_replace(struct tls_server *t, struct span chain_pem, const struct secret *key_pem) MUST_USE;
void *tls_server_accept(struct tls_server *t); /* a new SSL* in accept state; the caller owns it (libevent frees it) */
void tls_server_free(struct tls_server *t);
DEFINE_AUTO(tls_server)

/* Of an established connection (`ssl` is an SSL*). FAULT_PRECONDITION "TLS_STATE" before the handshake has ended. */
struct fault *tls_exporter(void *ssl, uint8_t ret[32]) MUST_USE; /* BINDING_EXPORTER_LABEL, empty context */
/* Whom the peer's certificate names: its URI when it has exactly one, else its subject (RFC 2253). Means nothing unless the certificate was
 * verified (tls_server_knows_clients). NO_CLIENT_CERTIFICATE as below, TOO_LARGE. */
struct fault *tls_peer_name(void *ssl, struct buf *out) MUST_USE;
/* SHA-256 of the peer certificate's SPKI; FAULT_UNAUTHENTICATED "NO_CLIENT_CERTIFICATE" without one. */
struct fault *tls_peer_spki_sha256(void *ssl, uint8_t ret[SHA256_LEN]) MUST_USE;
