/* Our server side: one identity, a client certificate asked for always and accepted when it is a self-signed P-256 one; or, where clients
 * have a CA, demanded and held against that. */
#include "lib/crypt/tls.h"

#include <pthread.h>

#include "lib/crypt/tls_internal.h"

struct tls_server {
        pthread_mutex_t mu;
        SSL_CTX *ctx;                  /* guarded by mu; connections hold references of their own */
        struct cert_list client_roots; /* none: clients sign for themselves */
};

/* What a client certificate proves is the possession of its key (the handshake's CertificateVerify); its names and dates
 * mean nothing here, so that a clock that is wrong keeps nobody out. */
static bool is_self_signed_p256(X509 *x, const STACK_OF(X509) * shown)
{
        if (sk_X509_num(shown) != 1 || X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) != 0)
                return false;

        AUTO(key) struct key *k = key_of_x509(x);
        return k != NULL && key_kind(k) == KEY_P256 && X509_verify(x, key_pkey(k)) == 1;
}

/* SSL_CTX_set_cert_verify_callback: instead of a chain to roots. */
static int accept_client(X509_STORE_CTX *ctx, void *arg)
{
        (void) arg;
        if (is_self_signed_p256(X509_STORE_CTX_get0_cert(ctx), X509_STORE_CTX_get0_untrusted(ctx))) {
                X509_STORE_CTX_set_error(ctx, X509_V_OK);
                return 1;
        }
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
}

#define CLIENT_AUTH      "1.3.6.1.5.5.7.3.2" /* RFC 5280 section 4.2.1.12 */
#define CLIENT_CHAIN_MAX 4

static struct fault *check_certified(X509_STORE_CTX *ctx, const struct cert_list *roots)
{
        const STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(ctx);
        AUTO(cert) struct cert *leaf = NULL;
        AUTO(cert_list) struct cert_list rest = {0};
        if (sk_X509_num(shown) > CLIENT_CHAIN_MAX)
                return fault(FAULT_DENIED, "x509.chain", "more than %d certificates", CLIENT_CHAIN_MAX);
        TRY(tls_cert_of(X509_STORE_CTX_get0_cert(ctx), &leaf));
        for (int i = 1; i < sk_X509_num(shown); i++) {
                TRY(tls_cert_of(sk_X509_value(shown, i), &rest.certs[rest.count]));
                rest.count++;
        }
        if (cert_is_ca(leaf) || !cert_has_eku(leaf, CLIENT_AUTH))
                return fault(FAULT_DENIED, "x509.purpose", "not a client's certificate");
        return cert_verify(leaf, &rest, roots, CERT_PURPOSE_ANY, clock_wall(&clock_system));
}

/* As accept_client, with a chain to the clients' own roots. */
static int accept_certified(X509_STORE_CTX *ctx, void *roots)
{
        AUTO(fault) struct fault *refused = check_certified(ctx, roots);
        X509_STORE_CTX_set_error(ctx, refused == NULL ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
        return refused == NULL;
}

static struct fault *make_context(struct span chain_pem, const struct secret *key_pem, struct cert_list *client_roots,
                                  SSL_CTX **ret)
{
        AUTO(cert_list) struct cert_list chain = {0};
        AUTO(key) struct key *key = NULL;

        TRY_AS(cert_list_from_pem(chain_pem, &chain), "TLS server certificate");
        TRY_AS(key_from_pem_private(secret_span(key_pem), &key), "TLS server key");

        AUTO(ossl_ssl_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        ossl_must(ctx != NULL, "SSL_CTX");
        TRY(tls_restrict(ctx));
        TRY(tls_identity(ctx, &chain, key_pkey(key)));
        if (client_roots->count == 0) {
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
                SSL_CTX_set_cert_verify_callback(ctx, accept_client, NULL);
        } else {
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
                SSL_CTX_set_cert_verify_callback(ctx, accept_certified, client_roots);
        }
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
        *ret = TAKE(ctx);
        return NULL;
}

struct fault *tls_server_new_for(struct span chain_pem, const struct secret *key_pem, struct span client_ca_pem,
                                 struct tls_server **ret)
{
        AUTO(tls_server) struct tls_server *t = NEW(struct tls_server);

        pthread_mutex_init(&t->mu, NULL); /* default attributes: can't fail */
        if (client_ca_pem.len > 0)
                TRY_AS(cert_list_from_pem(client_ca_pem, &t->client_roots), "CA of TLS clients");
        TRY(make_context(chain_pem, key_pem, &t->client_roots, &t->ctx));
        *ret = TAKE(t);
        return NULL;
}

struct fault *tls_server_new(struct span chain_pem, const struct secret *key_pem, struct tls_server **ret)
{
        return tls_server_new_for(chain_pem, key_pem, SPAN_NONE, ret);
}

bool tls_server_knows_clients(const struct tls_server *t)
{
        return t->client_roots.count > 0;
}

struct fault *tls_server_replace(struct tls_server *t, struct span chain_pem, const struct secret *key_pem)
{
        SSL_CTX *ctx = NULL;

        TRY(make_context(chain_pem, key_pem, &t->client_roots, &ctx));
        pthread_mutex_lock(&t->mu);
        SSL_CTX *old = t->ctx;
        t->ctx = ctx;
        pthread_mutex_unlock(&t->mu);
        SSL_CTX_free(old);
        return NULL;
}

void *tls_server_accept(struct tls_server *t)
{
        pthread_mutex_lock(&t->mu);
        SSL *ssl = SSL_new(t->ctx);
        pthread_mutex_unlock(&t->mu);

        ossl_must(ssl != NULL, "SSL");
        SSL_set_accept_state(ssl);
        return ssl;
}

void tls_server_free(struct tls_server *t)
{
        if (t == NULL)
                return;
        SSL_CTX_free(t->ctx);
        cert_list_clear(&t->client_roots);
        pthread_mutex_destroy(&t->mu);
        free(t);
}
