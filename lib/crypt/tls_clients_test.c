/* A server whose clients have a CA: whom it lets in, and what it calls them. */
#include "lib/crypt/tls.h"

#include <openssl/err.h>

#include "lib/crypt/key_struct.h"
#include "lib/crypt/tls_internal.h"
#include "lib/crypt/x509_struct.h"
#include "tests/fakes/pki.h"

DEFINE_AUTO_OSSL(ossl_ssl, SSL, SSL_free)

#define ALICE "spiffe://admins.example/alice"

enum shown { NOTHING, ITS_OWN, GOOD, FOREIGN, EXPIRED, NOT_YET, THE_CA };

static struct cert *leaf(const struct cert *ca, const struct key *ca_key, const struct key *key, int64_t from_s,
                         int64_t until_s)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct leaf_spec spec = {.serial = {1, 2},
                                 .issuer_name_der = cert_subject_der(ca),
                                 .not_before = wall_from_unix_s(now_s + from_s),
                                 .not_after = wall_from_unix_s(now_s + until_s),
                                 .spki = key_spki(key),
                                 .uri = ALICE};
        key_id(ca_key, spec.issuer_key_id);
        expect_ok(leaf_build(&spec, ca_key, &der));
        return test_cert(buf_span(&der));
}

struct world {
        struct key *ca_key, *other_key, *key;
        struct cert *ca, *other_ca;
        struct tls_server *server;
        struct tls_client *client; /* with a certificate of its own */
};

static void make_world(struct world *w)
{
        static const char *const dns[] = {"issuer.example", NULL}, *const ip[] = {NULL};
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct wall from = wall_from_unix_s(now_s - 3600), until = wall_from_unix_s(now_s + 3600);
        AUTO(buf) struct buf der = BUF(CERT_MAX), chain = BUF(65536), ca_pem = BUF(65536);
        AUTO(secret) struct secret *pem = NULL;
        w->ca_key = test_key(KEY_P256);
        w->other_key = test_key(KEY_P256);
        w->key = test_key(KEY_P256);
        w->ca = test_ca("owners", w->ca_key, NULL, NULL, from, until);
        w->other_ca = test_ca("owners", w->other_key, NULL, NULL, from, until);
        const struct tls_cert_spec spec = {"issuer", dns, ip, {7}, from, until, w->key};
        expect_ok(tls_cert_build(&spec, NULL, w->key, &der));
        AUTO(cert) struct cert *server = test_cert(buf_span(&der));
        expect_ok(cert_to_pem(server, &chain));
        expect_ok(cert_to_pem(w->ca, &ca_pem));
        expect_ok(key_to_pem_private(w->key, &pem));
        expect_ok(tls_server_new_for(buf_span(&chain), pem, buf_span(&ca_pem), &w->server));
        uint8_t pin[SHA256_LEN];
        key_spki_sha256(w->key, pin);
        const struct tls_client_options o = {.spki_sha256 = pin, .key = w->key, .now = clock_wall(&clock_system)};
        expect_ok(tls_client_new(&o, &w->client));
}

static void world_clear(struct world *w)
{
        tls_client_free(w->client);
        tls_server_free(w->server);
        cert_free(w->ca);
        cert_free(w->other_ca);
        key_free(w->ca_key);
        key_free(w->other_key);
        key_free(w->key);
}
DEFINE_AUTO_VALUE(world)

static void show(const struct world *w, enum shown what, SSL *ssl)
{
        AUTO(cert) struct cert *made = NULL;
        const struct key *key = w->key;
        if (what == ITS_OWN)
                return;
        if (what == NOTHING) {
                SSL_certs_clear(ssl);
                return;
        }
        if (what == THE_CA) {
                key = w->ca_key;
                made = test_cert(cert_der(w->ca));
        } else if (what == FOREIGN) {
                made = leaf(w->other_ca, w->other_key, key, -60, 600);
        } else {
                made = leaf(w->ca, w->ca_key, key, what == NOT_YET ? 300 : -600, what == EXPIRED ? -300 : 600);
        }
        SSL_certs_clear(ssl);
        assert_int_equal(SSL_use_certificate(ssl, made->x), 1);
        assert_int_equal(SSL_use_PrivateKey(ssl, key_pkey(key)), 1);
}

static bool shake(SSL *client, SSL *server)
{
        BIO *a = NULL, *b = NULL;
        char byte = 'x';
        assert_int_equal(BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16), 1);
        SSL_set_bio(client, a, a);
        SSL_set_bio(server, b, b);
        SSL_set_connect_state(client);
        for (int i = 0; i < 10; i++) {
                (void) SSL_do_handshake(client); /* what it wants shows in the end */
                (void) SSL_do_handshake(server);
        }
        bool is_through =
                SSL_is_init_finished(server) && SSL_write(client, &byte, 1) == 1 && SSL_read(server, &byte, 1) == 1;
        ERR_clear_error();
        return is_through;
}

static void clients_of_the_ca_alone(void **state UNUSED)
{
        static const struct {
                const char *name;
                enum shown shown;
                bool is_let_in;
        } rows[] = {
                {"one of the CA's", GOOD, true},
                {"nothing", NOTHING, false},
                {"one that it signed itself", ITS_OWN, false},
                {"one of a CA of the same name", FOREIGN, false},
                {"one that has expired", EXPIRED, false},
                {"one that is not valid yet", NOT_YET, false},
                {"the CA's own", THE_CA, false},
        };
        AUTO(world) struct world w = {0};
        make_world(&w);
        assert_true(tls_server_knows_clients(w.server));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ossl_ssl_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
                expect_ok(tls_client_configure(w.client, ctx));
                AUTO(ossl_ssl) SSL *client = SSL_new(ctx), *server = tls_server_accept(w.server);
                AUTO(buf) struct buf name = BUF(256);
                expect_fault(tls_peer_name(server, &name), FAULT_UNAUTHENTICATED, "NO_CLIENT_CERTIFICATE");
                show(&w, rows[i].shown, client);
                if (shake(client, server) != rows[i].is_let_in)
                        fail_msg("%s", rows[i].name);
                if (!rows[i].is_let_in)
                        continue;
                expect_ok(tls_peer_name(server, &name));
                assert_string_equal(buf_str(&name), ALICE);
        }
}

static void a_ca_must_be_one(void **state UNUSED)
{
        AUTO(world) struct world w = {0};
        AUTO(secret) struct secret *pem = NULL;
        AUTO(buf) struct buf chain = BUF(65536);
        struct tls_server *none = NULL;
        make_world(&w);
        expect_ok(cert_to_pem(w.ca, &chain));
        expect_ok(key_to_pem_private(w.ca_key, &pem));
        expect_fault(tls_server_new_for(buf_span(&chain), pem, SPAN("rubbish"), &none), FAULT_INVALID,
                     "NO_CERTIFICATE");
        AUTO(tls_server) struct tls_server *plain = NULL;
        expect_ok(tls_server_new(buf_span(&chain), pem, &plain));
        assert_false(tls_server_knows_clients(plain));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(clients_of_the_ca_alone),
                cmocka_unit_test(a_ca_must_be_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
