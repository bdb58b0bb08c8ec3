/* Our client side: the issuer by its own CA and name, by a pin of its key, or by both; our certificate is made here. */
#include "lib/crypt/tls.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/base/random.h"
#include "lib/crypt/tls_internal.h"
#include "lib/crypt/x509_build.h"

#define SELF_SIGNED_LIFE_S (10LL * 365 * 24 * 3600) /* dates prove nothing here: longer than any process */
#define BACKDATE_S         3600

struct tls_client {
        bool is_public, uses_system;
        struct cert_list roots; /* none: only the pin */
        bool has_pin;
        uint8_t pin[SHA256_LEN];
        char *server_name;      /* NULL: only the pin */
        struct cert_list chain; /* ours: none, or one self-signed certificate */
        EVP_PKEY *pkey;         /* its key: a reference of our own */
        pthread_mutex_t mu;
        char why[TLS_WHY_MAX]; /* guarded by mu */
};

static struct fault *check(const struct tls_client_options *o)
{
        if (o->ca_pem.len == 0 && o->spki_sha256 == NULL && !o->is_public)
                return fault(FAULT_INVALID, "TLS_TRUST", "neither a CA nor a pin of the server's key");
        if ((o->ca_pem.len > 0 || o->is_public) && (o->server_name == NULL || *o->server_name == '\0'))
                return fault(FAULT_INVALID, "TLS_NAME", "a CA proves nothing without the server's name");
        return NULL;
}

static struct fault *make_certificate(const struct key *key, struct wall now, struct cert **ret)
{
        struct tls_cert_spec spec = {
                .common_name = "vouchsafe-attester",
                .not_before = wall_from_unix_s(wall_unix_s(now) - BACKDATE_S),
                .not_after = wall_from_unix_s(wall_unix_s(now) + SELF_SIGNED_LIFE_S),
                .key = key,
        };
        AUTO(buf) struct buf der = BUF(CERT_MAX);

        if (key_kind(key) != KEY_P256)
                return fault(FAULT_INVALID, "KEY_KIND", "a TLS client key is a P-256 one");
        random_bytes(spec.serial, sizeof spec.serial);
        spec.serial[0] = (uint8_t) ((spec.serial[0] & 0x7f) | 0x40); /* positive and not zero */
        TRY(tls_cert_build(&spec, /* issuer= */ NULL, NULL, &der));
        return cert_from_der(buf_span(&der), ret);
}

struct fault *tls_client_new(const struct tls_client_options *o, struct tls_client **ret)
{
        AUTO(tls_client) struct tls_client *t = NEW(struct tls_client);

        pthread_mutex_init(&t->mu, NULL); /* default attributes: can't fail */
        TRY(check(o));
        t->is_public = o->is_public;
        t->uses_system = o->is_public && o->ca_pem.len == 0;
        if (o->ca_pem.len > 0)
                TRY_AS(cert_list_from_pem(o->ca_pem, &t->roots), "TLS CA of the server");
        if (o->ca_pem.len > 0 || t->uses_system)
                t->server_name = alloc_string(o->server_name);
        if (o->spki_sha256 != NULL) {
                t->has_pin = true;
                memcpy(t->pin, o->spki_sha256, sizeof t->pin);
        }
        if (o->key != NULL) {
                TRY_AS(make_certificate(o->key, o->now, &t->chain.certs[0]), "TLS client certificate");
                t->chain.count = 1;
                ossl_must(EVP_PKEY_up_ref(key_pkey(o->key)) == 1, "key reference");
                t->pkey = key_pkey(o->key);
        }
        *ret = TAKE(t);
        return NULL;
}

static void time_text(const ASN1_TIME *t, char ret[WALL_TEXT_LEN + 1])
{
        struct tm tm;
        (void) snprintf(ret, WALL_TEXT_LEN + 1, "?");
        if (ASN1_TIME_to_tm(t, &tm) == 1)
                (void) strftime(ret, WALL_TEXT_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm); /* as long as the room, by form */
}

/* "certificate has expired" alone sends an operator looking for hours: which one, and by whose clock? */
static void keep_why(struct tls_client *t, X509_STORE_CTX *ctx)
{
        int code = X509_STORE_CTX_get_error(ctx);
        const X509 *x = X509_STORE_CTX_get_current_cert(ctx);
        char subject[128] = "?", from[WALL_TEXT_LEN + 1] = "?", until[WALL_TEXT_LEN + 1] = "?", now[WALL_TEXT_LEN + 1];
        if (x != NULL) {
                (void) X509_NAME_oneline(X509_get_subject_name(x), subject, sizeof subject); /* cut when longer */
                time_text(X509_get0_notBefore(x), from);
                time_text(X509_get0_notAfter(x), until);
        }
        wall_format(clock_wall(&clock_system), now); /* the library's own verification takes the system's time */
        pthread_mutex_lock(&t->mu);
        (void) snprintf(t->why, sizeof t->why, "%s: certificate %s is valid from %s to %s, the clock here says %s",
                        X509_verify_cert_error_string(code), subject, from, until, now); /* cut when longer */
        pthread_mutex_unlock(&t->mu);
}

void tls_client_why(struct tls_client *t, char ret[TLS_WHY_MAX])
{
        pthread_mutex_lock(&t->mu);
        memcpy(ret, t->why, TLS_WHY_MAX);
        pthread_mutex_unlock(&t->mu);
}

/* SSL_CTX_set_cert_verify_callback: everything that the options ask for holds. */
static int check_server(X509_STORE_CTX *ctx, void *arg)
{
        struct tls_client *t = arg;
        const X509 *server = X509_STORE_CTX_get0_cert(ctx);
        uint8_t digest[SHA256_LEN];

        if ((t->roots.count > 0 || t->uses_system) && X509_verify_cert(ctx) != 1) {
                keep_why(t, ctx);
                return 0;
        }
        if (t->has_pin && (!tls_spki_sha256(server, digest) || !span_eq(SPAN_OF(digest), SPAN_OF(t->pin)))) {
                X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
                return 0;
        }
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
}

static struct fault *set_name(SSL_CTX *ctx, const char *name, bool may_have_wildcard)
{
        X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
        uint8_t address[16];

        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                                       (may_have_wildcard ? X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                                                                          : X509_CHECK_FLAG_NO_WILDCARDS));
        bool is_ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
        int done = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name) : X509_VERIFY_PARAM_set1_host(param, name, 0);
        return done == 1 ? NULL : ossl_fault(FAULT_INVALID, "TLS_NAME", "name of the server");
}

struct fault *tls_client_configure(const struct tls_client *t, void *ssl_ctx)
{
        SSL_CTX *ctx = ssl_ctx;
        X509_STORE *store = X509_STORE_new();

        ossl_must(store != NULL, "certificate store");
        for (size_t i = 0; i < t->roots.count; i++)
                ossl_must(X509_STORE_add_cert(store, cert_x509(t->roots.certs[i])) == 1, "TLS CA");
        SSL_CTX_set_cert_store(ctx, store); /* owns it, and drops what somebody else had put there */
        if (t->uses_system && X509_STORE_set_default_paths(store) != 1)
                return ossl_fault(FAULT_INTERNAL, "TLS_SETUP", "the system's CAs");
        TRY(t->is_public ? tls_restrict_public(ctx) : tls_restrict(ctx));
        if (t->server_name != NULL)
                TRY(set_name(ctx, t->server_name, t->is_public));
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, check_server, (void *) t); /* read only */
        return t->chain.count > 0 ? tls_identity(ctx, &t->chain, t->pkey) : NULL;
}

void tls_client_free(struct tls_client *t)
{
        if (t == NULL)
                return;
        cert_list_clear(&t->roots);
        cert_list_clear(&t->chain);
        EVP_PKEY_free(t->pkey);
        pthread_mutex_destroy(&t->mu);
        free(t->server_name);
        free(t);
}
