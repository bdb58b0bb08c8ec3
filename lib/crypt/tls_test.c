#include "lib/crypt/tls.h"

#include <openssl/err.h>

#include "tests/fakes/pki.h"

#include "lib/crypt/binding.h"
#include "lib/crypt/tls_internal.h"

DEFINE_AUTO_OSSL(ossl_ssl, SSL, SSL_free)

/* A TLS CA that lives now: the library's own verification takes the system's time. */
struct world {
        struct key *ca_key, *server_key, *client_key;
        struct cert *ca;
        struct buf ca_pem, chain_pem;
        struct secret *key_pem;
        struct tls_server *server;
        uint8_t pin[SHA256_LEN], other_pin[SHA256_LEN];
};

static void now_pair(struct wall *from, struct wall *until)
{
        struct wall now = clock_wall(&clock_system);
        *from = wall_from_unix_s(wall_unix_s(now) - 60);
        *until = wall_from_unix_s(wall_unix_s(now) + 3600);
}

static struct world make_world(void)
{
        static const char *const dns[] = {"issuer.example", NULL}, *const ip[] = {"127.0.0.1", NULL};
        struct world w = {.ca_pem = BUF(65536), .chain_pem = BUF(65536)};
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct wall from, until;

        now_pair(&from, &until);
        w.ca_key = test_key(KEY_P256);
        w.server_key = test_key(KEY_P256);
        w.client_key = test_key(KEY_P256);
        w.ca = test_ca("TLS CA", w.ca_key, NULL, NULL, from, until);
        struct tls_cert_spec spec = {"issuer", dns, ip, {7}, from, until, w.server_key};
        expect_ok(tls_cert_build(&spec, w.ca, w.ca_key, &der));
        AUTO(cert) struct cert *server = test_cert(buf_span(&der));
        expect_ok(cert_to_pem(server, &w.chain_pem));
        expect_ok(cert_to_pem(w.ca, &w.ca_pem));
        expect_ok(key_to_pem_private(w.server_key, &w.key_pem));
        expect_ok(tls_server_new(buf_span(&w.chain_pem), w.key_pem, &w.server));
        key_spki_sha256(w.server_key, w.pin);
        key_spki_sha256(w.ca_key, w.other_pin);
        return w;
}

static void world_clear(struct world *w)
{
        key_free(w->ca_key);
        key_free(w->server_key);
        key_free(w->client_key);
        cert_free(w->ca);
        buf_clear(&w->ca_pem);
        buf_clear(&w->chain_pem);
        secret_free(w->key_pem);
        tls_server_free(w->server);
}
DEFINE_AUTO_VALUE(world)

/* The handshake in memory; true when both sides say that it has ended. */
static bool shake(SSL *client, SSL *server)
{
        BIO *a = NULL, *b = NULL;

        assert_int_equal(BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16), 1);
        SSL_set_bio(client, a, a);
        SSL_set_bio(server, b, b);
        SSL_set_connect_state(client);
        for (int i = 0; i < 10; i++) {
                (void) SSL_do_handshake(client); /* what it wants shows in the end */
                (void) SSL_do_handshake(server);
        }
        ERR_clear_error();
        if (!SSL_is_init_finished(client) || !SSL_is_init_finished(server))
                return false;

        /* in TLS 1.3 the client has ended before the server judged its certificate: only a byte proves it */
        char byte = 'x', got = 0;
        bool is_through = SSL_write(server, &byte, 1) == 1 && SSL_read(client, &got, 1) == 1 && got == byte &&
                          SSL_write(client, &byte, 1) == 1 && SSL_read(server, &got, 1) == 1;
        ERR_clear_error();
        return is_through;
}

static SSL *client_of(const struct tls_client *t)
{
        AUTO(ossl_ssl_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        expect_ok(tls_client_configure(t, ctx));
        return SSL_new(ctx); /* keeps the context */
}

static void channel_facts(void **state UNUSED)
{
        AUTO(world) struct world w = make_world();
        struct tls_client_options o = {.ca_pem = buf_span(&w.ca_pem),
                                       .spki_sha256 = w.pin,
                                       .server_name = "issuer.example",
                                       .key = w.client_key,
                                       .now = clock_wall(&clock_system)};
        AUTO(tls_client) struct tls_client *t = NULL;
        uint8_t exported[2][32], again[32], seen[SHA256_LEN], wanted[SHA256_LEN];

        expect_ok(tls_client_new(&o, &t));
        AUTO(ossl_ssl) SSL *client = client_of(t), *server = tls_server_accept(w.server);
        expect_fault(tls_exporter(client, again), FAULT_PRECONDITION, "TLS_STATE");
        expect_fault(tls_peer_spki_sha256(server, seen), FAULT_PRECONDITION, "TLS_STATE");
        assert_true(shake(client, server));
        assert_int_equal(SSL_version(server), TLS1_3_VERSION);
        expect_ok(tls_exporter(client, exported[0]));
        expect_ok(tls_exporter(server, exported[1]));
        assert_memory_equal(exported[0], exported[1], 32);
        assert_int_equal(SSL_export_keying_material(client, again, 32, BINDING_EXPORTER_LABEL,
                                                    strlen(BINDING_EXPORTER_LABEL), NULL, 0, 0),
                         1); /* no context and an empty one are the same in TLS 1.3 (RFC 8446 §7.5) */
        assert_memory_equal(exported[0], again, 32);
        key_spki_sha256(w.client_key, wanted);
        expect_ok(tls_peer_spki_sha256(server, seen));
        assert_memory_equal(seen, wanted, sizeof seen);
        expect_ok(tls_peer_spki_sha256(client, seen));
        assert_memory_equal(seen, w.pin, sizeof seen);
        assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(client)), 0);

        /* another connection, another exporter */
        AUTO(ossl_ssl) SSL *client2 = client_of(t), *server2 = tls_server_accept(w.server);
        assert_true(shake(client2, server2));
        expect_ok(tls_exporter(client2, again));
        assert_memory_not_equal(exported[0], again, 32);
}

static void whom_the_client_believes(void **state UNUSED)
{
        AUTO(world) struct world w = make_world(), other = make_world();
        const struct {
                const char *name;
                struct span ca;
                const uint8_t *pin;
                const char *server_name;
                bool good;
        } rows[] = {
                {"CA and name", buf_span(&w.ca_pem), NULL, "issuer.example", true},
                {"CA and address", buf_span(&w.ca_pem), NULL, "127.0.0.1", true},
                {"pin alone", SPAN_NONE, w.pin, NULL, true},
                {"pin, and a name that isn't looked at", SPAN_NONE, w.pin, "elsewhere.example", true},
                {"all three", buf_span(&w.ca_pem), w.pin, "issuer.example", true},
                {"other name", buf_span(&w.ca_pem), NULL, "issuer.exampl", false},
                {"name below", buf_span(&w.ca_pem), NULL, "a.issuer.example", false},
                {"other address", buf_span(&w.ca_pem), NULL, "127.0.0.2", false},
                {"CA of the same name", buf_span(&other.ca_pem), NULL, "issuer.example", false},
                {"other pin", SPAN_NONE, w.other_pin, NULL, false},
                {"good pin, other CA", buf_span(&other.ca_pem), w.pin, "issuer.example", false},
                {"good pin, other name", buf_span(&w.ca_pem), w.pin, "elsewhere.example", false},
                {"good CA, other pin", buf_span(&w.ca_pem), w.other_pin, "issuer.example", false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct tls_client_options o = {.ca_pem = rows[i].ca,
                                               .spki_sha256 = rows[i].pin,
                                               .server_name = rows[i].server_name,
                                               .now = clock_wall(&clock_system)};
                AUTO(tls_client) struct tls_client *t = NULL;
                uint8_t seen[SHA256_LEN];

                expect_ok(tls_client_new(&o, &t));
                AUTO(ossl_ssl) SSL *client = client_of(t), *server = tls_server_accept(w.server);
                if (shake(client, server) != rows[i].good)
                        fail_msg("%s", rows[i].name);
                if (rows[i].good)
                        expect_fault_row(tls_peer_spki_sha256(server, seen), FAULT_UNAUTHENTICATED,
                                         "NO_CLIENT_CERTIFICATE", rows[i].name);
        }
}

/* Dates are what an operator needs to see which of two clocks, or of a certificate and a clock, is wrong. */
static void why_a_server_was_not_believed(void **state UNUSED)
{
        static const char *const dns[] = {"issuer.example", NULL}, *const no_ip[] = {NULL};
        static const struct {
                const char *name;
                int64_t from_s, until_s;
                const char *word; /* of the reason */
        } rows[] = {
                {"expired", -3600, -60, "expired"},
                {"not yet valid", 3600, 7200, "not yet valid"},
        };
        AUTO(world) struct world w = make_world();
        struct tls_client_options o = {
                .ca_pem = buf_span(&w.ca_pem), .server_name = "issuer.example", .now = clock_wall(&clock_system)};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int64_t now_s = wall_unix_s(clock_wall(&clock_system));
                struct wall from = wall_from_unix_s(now_s + rows[i].from_s),
                            until = wall_from_unix_s(now_s + rows[i].until_s);
                struct tls_cert_spec spec = {"issuer", dns, no_ip, {9}, from, until, w.server_key};
                AUTO(buf) struct buf der = BUF(CERT_MAX), pem = BUF(65536);
                AUTO(tls_client) struct tls_client *t = NULL;
                char why[TLS_WHY_MAX], from_text[WALL_TEXT_LEN + 1], until_text[WALL_TEXT_LEN + 1];

                expect_ok(tls_cert_build(&spec, w.ca, w.ca_key, &der));
                AUTO(cert) struct cert *cert = test_cert(buf_span(&der));
                expect_ok(cert_to_pem(cert, &pem));
                expect_ok(tls_server_replace(w.server, buf_span(&pem), w.key_pem));
                expect_ok(tls_client_new(&o, &t));
                tls_client_why(t, why);
                assert_string_equal(why, "");
                AUTO(ossl_ssl) SSL *client = client_of(t), *server = tls_server_accept(w.server);
                assert_false(shake(client, server));
                tls_client_why(t, why);
                wall_format(from, from_text);
                wall_format(until, until_text);
                if (strstr(why, rows[i].word) == NULL || strstr(why, from_text) == NULL ||
                    strstr(why, until_text) == NULL || strstr(why, "CN=issuer") == NULL)
                        fail_msg("%s: %s", rows[i].name, why);
        }
}

/* A renewed certificate serves whoever comes next; a pair that doesn't fit changes nothing. */
static void the_server_takes_another_certificate(void **state UNUSED)
{
        AUTO(world) struct world w = make_world(), other = make_world();
        struct tls_client_options o = {
                .ca_pem = buf_span(&w.ca_pem), .server_name = "issuer.example", .now = clock_wall(&clock_system)};
        AUTO(tls_client) struct tls_client *first = NULL, *second = NULL;
        expect_ok(tls_client_new(&o, &first));
        o.ca_pem = buf_span(&other.ca_pem);
        expect_ok(tls_client_new(&o, &second));

        AUTO(ossl_ssl) SSL *early_client = client_of(first), *early = tls_server_accept(w.server);
        expect_fault(tls_server_replace(w.server, buf_span(&other.chain_pem), w.key_pem), FAULT_INVALID,
                     "TLS_IDENTITY");
        expect_fault(tls_server_replace(w.server, SPAN("no PEM"), w.key_pem), FAULT_INVALID, "NO_CERTIFICATE");
        expect_ok(tls_server_replace(w.server, buf_span(&other.chain_pem), other.key_pem));
        assert_true(shake(early_client, early)); /* had begun before */
        AUTO(ossl_ssl) SSL *late_client = client_of(first), *late = tls_server_accept(w.server);
        assert_false(shake(late_client, late));
        AUTO(ossl_ssl) SSL *new_client = client_of(second), *fresh = tls_server_accept(w.server);
        assert_true(shake(new_client, fresh));
}

/* Certificates that a client could show, straight through OpenSSL. */
static SSL *client_showing(EVP_PKEY *key, X509 *cert, X509 *more)
{
        AUTO(ossl_ssl_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
        if (more != NULL)
                assert_int_equal(SSL_CTX_add1_chain_cert(ctx, more), 1);
        return SSL_new(ctx);
}

static void whom_the_server_lets_in(void **state UNUSED)
{
        AUTO(world) struct world w = make_world();
        AUTO(key) struct key *p384 = test_key(KEY_P384), *rsa = test_key(KEY_RSA);
        AUTO(buf)
        struct buf self = BUF(CERT_MAX), big = BUF(CERT_MAX), rsa_self = BUF(CERT_MAX), issued = BUF(CERT_MAX),
                   expired = BUF(CERT_MAX);
        struct tls_cert_spec spec = {"client",    NULL, NULL, {7}, wall_from_unix_s(0), wall_from_unix_s(4000000000),
                                     w.client_key};

        expect_ok(tls_cert_build(&spec, NULL, NULL, &self));
        expect_ok(tls_cert_build(&spec, w.ca, w.ca_key, &issued));
        spec.not_after = wall_from_unix_s(1);
        expect_ok(tls_cert_build(&spec, NULL, NULL, &expired));
        spec.key = p384;
        expect_ok(tls_cert_build(&spec, NULL, NULL, &big));
        spec.key = rsa;
        expect_ok(tls_cert_build(&spec, NULL, NULL, &rsa_self));
        AUTO(cert)
        struct cert *good = test_cert(buf_span(&self)), *by_ca = test_cert(buf_span(&issued)),
                    *old = test_cert(buf_span(&expired)), *on_p384 = test_cert(buf_span(&big)),
                    *of_rsa = test_cert(buf_span(&rsa_self));
        self.data[self.len - 1] ^= 1;
        AUTO(cert) struct cert *bent = test_cert(buf_span(&self));
        const struct {
                const char *name;
                const struct key *key;
                const struct cert *cert, *more;
                bool good;
        } rows[] = {
                {"self-signed P-256", w.client_key, good, NULL, true},
                {"dates mean nothing", w.client_key, old, NULL, true},
                {"issued by a CA", w.client_key, by_ca, NULL, false},
                {"with a chain", w.client_key, good, w.ca, false},
                {"P-384", p384, on_p384, NULL, false},
                {"RSA", rsa, of_rsa, NULL, false},
                {"self-signature bent", w.client_key, bent, NULL, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ossl_ssl)
                SSL *client = client_showing(key_pkey(rows[i].key), cert_x509(rows[i].cert),
                                             rows[i].more != NULL ? cert_x509(rows[i].more) : NULL);
                AUTO(ossl_ssl) SSL *server = tls_server_accept(w.server);
                if (shake(client, server) != rows[i].good)
                        fail_msg("%s", rows[i].name);
        }
}

static void only_tls_1_3(void **state UNUSED)
{
        AUTO(world) struct world w = make_world();
        AUTO(ossl_ssl_ctx) SSL_CTX *old = SSL_CTX_new(TLS_client_method()), *odd = SSL_CTX_new(TLS_client_method());
        AUTO(ossl_ssl_ctx) SSL_CTX *old_server = SSL_CTX_new(TLS_server_method());

        assert_int_equal(SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION), 1);
        AUTO(ossl_ssl) SSL *client = SSL_new(old), *server = tls_server_accept(w.server);
        assert_false(shake(client, server));
        assert_int_equal(SSL_CTX_set1_groups_list(odd, "P-521"), 1);
        AUTO(ossl_ssl) SSL *client2 = SSL_new(odd), *server2 = tls_server_accept(w.server);
        assert_false(shake(client2, server2));

        struct tls_client_options o = {.spki_sha256 = w.pin, .now = clock_wall(&clock_system)};
        AUTO(tls_client) struct tls_client *t = NULL;
        expect_ok(tls_client_new(&o, &t));
        AUTO(cert_list) struct cert_list chain = {0};
        expect_ok(cert_list_from_pem(buf_span(&w.chain_pem), &chain));
        assert_int_equal(SSL_CTX_set_max_proto_version(old_server, TLS1_2_VERSION), 1);
        assert_int_equal(SSL_CTX_use_certificate(old_server, cert_x509(chain.certs[0])), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(old_server, key_pkey(w.server_key)), 1);
        AUTO(ossl_ssl) SSL *client3 = client_of(t), *server3 = SSL_new(old_server);
        SSL_set_accept_state(server3);
        assert_false(shake(client3, server3));
}

static void refuses_options(void **state UNUSED)
{
        AUTO(world) struct world w = make_world();
        AUTO(key) struct key *p384 = test_key(KEY_P384);
        AUTO(tls_client) struct tls_client *t = NULL;
        AUTO(tls_server) struct tls_server *s = NULL;
        AUTO(secret) struct secret *foreign = NULL, *rubbish = secret_copy(SPAN("rubbish"));
        struct tls_client_options none = {.server_name = "issuer.example"}, nameless = {.ca_pem = buf_span(&w.ca_pem)},
                                  empty_name = {.ca_pem = buf_span(&w.ca_pem), .server_name = ""},
                                  bad_ca = {.ca_pem = SPAN("rubbish"), .server_name = "a"},
                                  big_key = {.spki_sha256 = w.pin, .key = p384};

        expect_fault(tls_client_new(&none, &t), FAULT_INVALID, "TLS_TRUST");
        expect_fault(tls_client_new(&nameless, &t), FAULT_INVALID, "TLS_NAME");
        expect_fault(tls_client_new(&empty_name, &t), FAULT_INVALID, "TLS_NAME");
        expect_fault(tls_client_new(&bad_ca, &t), FAULT_INVALID, "NO_CERTIFICATE");
        expect_fault(tls_client_new(&big_key, &t), FAULT_INVALID, "KEY_KIND");
        expect_ok(key_to_pem_private(w.ca_key, &foreign));
        expect_fault(tls_server_new(buf_span(&w.chain_pem), foreign, &s), FAULT_INVALID, "TLS_IDENTITY");
        expect_fault(tls_server_new(buf_span(&w.chain_pem), rubbish, &s), FAULT_INVALID, "KEY_ENCODING");
        expect_fault(tls_server_new(SPAN("rubbish"), w.key_pem, &s), FAULT_INVALID, "NO_CERTIFICATE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(channel_facts),
                cmocka_unit_test(whom_the_client_believes),
                cmocka_unit_test(why_a_server_was_not_believed),
                cmocka_unit_test(the_server_takes_another_certificate),
                cmocka_unit_test(whom_the_server_lets_in),
                cmocka_unit_test(only_tls_1_3),
                cmocka_unit_test(refuses_options),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
