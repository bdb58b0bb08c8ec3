/* The HTTPS client against our own server, and against one that misbehaves on purpose. */
#include "lib/net/http.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"
#include "lib/net/httpd.h"
#include "lib/net/unix_socket.h"

#define PATIENCE_MS 20000
#define BODY_MAX    1000

static struct {
        struct key *ca_key, *server_key, *client_key;
        struct buf ca_pem, other_ca_pem, chain_pem;
        struct secret *key_pem;
        uint8_t pin[SHA256_LEN];

        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool released;
        unsigned entered;
        struct httpd_request last; /* only what is no pointer */
        char last_body[64];
} world = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- the server ---- */

static struct fault *answer(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        pthread_mutex_lock(&world.mu);
        world.last = *q;
        (void) snprintf(world.last_body, sizeof world.last_body, "%.*s", (int) q->body.len,
                        (const char *) q->body.data);
        pthread_mutex_unlock(&world.mu);
        (void) self;
        if (q->if_none_match != NULL)
                r->status = 304;
        (void) snprintf(r->etag, sizeof r->etag, "\"7\"");
        return buf_append_str(&r->body, "{}");
}
/* Of the last request; the memory behind its pointers is gone. */
static struct httpd_request seen(void)
{
        struct httpd_request q;

        pthread_mutex_lock(&world.mu);
        q = world.last;
        pthread_mutex_unlock(&world.mu);
        return q;
}
/* Compares and forgets the last body. */
static void assert_body(const char *wanted)
{
        pthread_mutex_lock(&world.mu);
        assert_string_equal(world.last_body, wanted);
        world.last_body[0] = '\0';
        pthread_mutex_unlock(&world.mu);
}
static struct fault *busy(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self, (void) q;
        r->retry_after_s = 7;
        r->status = 503;
        return NULL;
}
static struct fault *sized(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(buf) struct buf n = BUF(8);

        (void) self;
        TRY(httpd_query(q, "n", 8, &n));
        for (size_t i = 0; i < (strcmp(buf_str(&n), "fits") == 0 ? BODY_MAX : BODY_MAX + 1); i++)
                TRY(buf_append_byte(&r->body, 'x'));
        return NULL;
}
static struct fault *hold(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self, (void) q, (void) r;
        pthread_mutex_lock(&world.mu);
        world.entered++;
        pthread_cond_broadcast(&world.changed);
        while (!world.released)
                pthread_cond_wait(&world.changed, &world.mu);
        pthread_mutex_unlock(&world.mu);
        return NULL;
}
static struct fault *moved(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        (void) self, (void) q;
        r->status = 302;
        return NULL;
}

static struct httpd *server_at(uint16_t *port, struct tls_server **ret_tls)
{
        static const struct httpd_route routes[] = {
                {"GET", "/", 0, answer, NULL},     {"POST", "/", 1000, answer, NULL}, {"GET", "/busy", 0, busy, NULL},
                {"GET", "/sized", 0, sized, NULL}, {"GET", "/hold", 0, hold, NULL},   {"GET", "/moved", 0, moved, NULL},
        };
        AUTO_STRING char *address = alloc_printf("127.0.0.1:%u", *port);
        struct httpd *h = NULL;

        assert_null(tls_server_new(buf_span(&world.chain_pem), world.key_pem, ret_tls));
        assert_null(httpd_new(&(struct httpd_options){.name = "https-test",
                                                      .routes = routes,
                                                      .route_count = COUNT_OF(routes),
                                                      .workers = 2,
                                                      .queue_max = 4,
                                                      .connections_max = 16,
                                                      .idle_timeout_ms = PATIENCE_MS,
                                                      .clock = &clock_system},
                              &h));
        assert_null(httpd_listen_tls(h, address, *ret_tls, port));
        assert_null(httpd_start(h));
        return h;
}

struct side { /* a server and a client that trusts it */
        uint16_t port;
        struct tls_server *tls_server;
        struct httpd *httpd;
        struct tls_client *tls_client;
        struct http *http;
};

static struct http *client_with(const struct tls_client_options *tls, uint16_t port, struct tls_client **ret_tls)
{
        AUTO_STRING char *url = alloc_printf("https://127.0.0.1:%u", port);
        struct http *h = NULL;

        assert_null(tls_client_new(tls, ret_tls));
        assert_null(http_new(&(struct http_options){.base_url = url,
                                                    .tls = *ret_tls,
                                                    .body_max = BODY_MAX,
                                                    .connect_timeout_ms = PATIENCE_MS,
                                                    .user_agent = "vouchsafe-test"},
                             &h));
        return h;
}
static struct tls_client_options good_client(void)
{
        return (struct tls_client_options){.ca_pem = buf_span(&world.ca_pem),
                                           .server_name = "127.0.0.1",
                                           .key = world.client_key,
                                           .now = clock_wall(&clock_system)};
}
static void side_up(struct side *s)
{
        struct tls_client_options tls = good_client();

        *s = (struct side){0};
        world.released = false;
        world.entered = 0;
        s->httpd = server_at(&s->port, &s->tls_server);
        s->http = client_with(&tls, s->port, &s->tls_client);
}
static void server_restart(struct side *s)
{
        httpd_stop(s->httpd, 0);
        tls_server_free(s->tls_server);
        s->httpd = server_at(&s->port, &s->tls_server);
}
static void side_down(struct side *s)
{
        http_free(s->http);
        tls_client_free(s->tls_client);
        httpd_stop(s->httpd, 0);
        tls_server_free(s->tls_server);
}
static void assert_fault(struct fault *f, const char *token)
{
        assert_non_null(f);
        print_message("  %s\n", fault_text(f));
        assert_string_equal(fault_token(f), token);
        fault_free(f);
}

/* ---- exchanges ---- */

static void replies(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct side s;

        (void) state;
        side_up(&s);
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        assert_int_equal(r.status, 200);
        assert_string_equal(buf_str(&r.body), "{}");
        assert_string_equal(r.content_type, "application/json");
        assert_string_equal(r.etag, "\"7\"");
        assert_int_equal(r.retry_after_ms, 0);
        http_reply_clear(&r);
        assert_null(http_get(s.http, "/", "\"7\"", NULL, &r));
        assert_int_equal(r.status, 304);
        http_reply_clear(&r);
        assert_null(http_post(s.http, "/", SPAN("{\"a\":1}"), NULL, &r));
        assert_int_equal(r.status, 200);
        assert_body("{\"a\":1}");
        http_reply_clear(&r);
        assert_null(http_post(s.http, "/", SPAN_NONE, NULL, &r));
        assert_body("");
        http_reply_clear(&r);
        assert_null(http_get(s.http, "/busy", NULL, NULL, &r));
        assert_int_equal(r.status, 503);
        assert_int_equal(r.retry_after_ms, 7000);
        http_reply_clear(&r);
        assert_null(http_get(s.http, "/moved", NULL, NULL, &r));
        assert_int_equal(r.status, 302);
        http_reply_clear(&r);
        assert_null(http_get(s.http, "/nothing", NULL, NULL, &r));
        assert_int_equal(r.status, 404);
        assert_string_equal(r.content_type, "application/problem+json");
        assert_int_equal(http_exchanges(s.http), 7);
        side_down(&s);
}

static void limits(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct side s;

        (void) state;
        side_up(&s);
        assert_null(http_get(s.http, "/sized?n=fits", NULL, NULL, &r));
        assert_int_equal(r.body.len, BODY_MAX);
        http_reply_clear(&r);
        assert_fault(http_get(s.http, "/sized?n=more", NULL, NULL, &r), "REPLY_TOO_LARGE");
        assert_fault(http_get(s.http, "no-slash", NULL, NULL, &r), "BAD_PATH");
        assert_fault(http_get(s.http, "/a b", NULL, NULL, &r), "BAD_PATH");
        assert_fault(http_get(s.http, "/a\r\nX: y", NULL, NULL, &r), "BAD_PATH");
        assert_null(r.body.data);
        side_down(&s);
}

/* Both sides see the same exporter and the client's key; the same for each request of a connection. */
static void binding(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        uint8_t exporter[32], again[32], spki[SHA256_LEN];
        struct httpd_request q;
        struct side s;

        (void) state;
        side_up(&s);
        assert_fault(http_exporter(s.http, exporter), "NO_CONNECTION");
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, exporter));
        q = seen();
        assert_true(q.has_exporter && q.has_client_spki);
        assert_memory_equal(q.exporter, exporter, sizeof exporter);
        key_spki_sha256(world.client_key, spki);
        assert_memory_equal(q.client_spki_sha256, spki, sizeof spki);

        assert_null(http_post_bound(s.http, "/", SPAN("bound"), exporter, NULL, &r));
        assert_body("bound");
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, again));
        assert_memory_equal(again, exporter, sizeof exporter);

        exporter[31] ^= 1;
        assert_fault(http_post_bound(s.http, "/", SPAN("other"), exporter, NULL, &r), "CONNECTION_CHANGED");
        assert_body("");
        side_down(&s);
}

/* The server has gone and come back: libcurl reconnects in silence, and a bound request must not be sent there. */
static void silent_reconnect(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        uint8_t exporter[32];
        struct side s;

        (void) state;
        side_up(&s);
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, exporter));
        server_restart(&s);
        assert_fault(http_post_bound(s.http, "/", SPAN("secret"), exporter, NULL, &r), "CONNECTION_CHANGED");
        assert_body("");
        assert_fault(http_exporter(s.http, exporter), "NO_CONNECTION");
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, exporter));
        assert_null(http_post_bound(s.http, "/", SPAN("good"), exporter, NULL, &r));
        assert_body("good");
        side_down(&s);
}

static void without_client_key(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct tls_client_options tls = good_client();
        struct tls_client *tls_client = NULL;
        struct http *http;
        struct side s;

        (void) state;
        side_up(&s);
        tls.key = NULL;
        http = client_with(&tls, s.port, &tls_client);
        assert_null(http_get(http, "/", NULL, NULL, &r));
        assert_true(seen().has_exporter);
        assert_false(seen().has_client_spki);
        http_free(http);
        tls_client_free(tls_client);
        side_down(&s);
}

/* ---- whom the client trusts ---- */

static void trust(void **state)
{
        uint8_t wrong_pin[SHA256_LEN];
        const struct {
                const char *name;
                struct span ca;
                const uint8_t *pin;
                const char *server_name, *token;
        } rows[] = {
                {"the CA and the name", buf_span(&world.ca_pem), NULL, "127.0.0.1", NULL},
                {"only the pin", SPAN_NONE, world.pin, NULL, NULL},
                {"CA, name and pin", buf_span(&world.ca_pem), world.pin, "127.0.0.1", NULL},
                {"another CA", buf_span(&world.other_ca_pem), NULL, "127.0.0.1", "TLS"},
                {"another name", buf_span(&world.ca_pem), NULL, "127.0.0.2", "TLS"},
                {"another pin", SPAN_NONE, wrong_pin, NULL, "TLS"},
                {"the CA, another pin", buf_span(&world.ca_pem), wrong_pin, "127.0.0.1", "TLS"},
                {"another CA, the pin", buf_span(&world.other_ca_pem), world.pin, "127.0.0.1", "TLS"},
        };
        struct side s;

        (void) state;
        memcpy(wrong_pin, world.pin, sizeof wrong_pin);
        wrong_pin[0] ^= 1;
        side_up(&s);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(http_reply) struct http_reply r = {0};
                struct tls_client_options tls = good_client();
                struct tls_client *tls_client = NULL;
                struct http *http;
                struct fault *failed;

                print_message("row: %s\n", rows[i].name);
                tls.ca_pem = rows[i].ca;
                tls.spki_sha256 = rows[i].pin;
                tls.server_name = rows[i].server_name;
                http = client_with(&tls, s.port, &tls_client);
                failed = http_get(http, "/", NULL, NULL, &r);
                if (rows[i].token == NULL)
                        assert_null(failed);
                else
                        assert_fault(failed, rows[i].token);
                http_free(http);
                tls_client_free(tls_client);
        }
        side_down(&s);
}

static void urls(void **state)
{
        static const char *const rows[] = {"http://127.0.0.1", "https://", "https://a/", "https://a/b", "https://u@a",
                                           "ftp://a",          ""};

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct http *h = NULL;

                assert_fault(http_new(&(struct http_options){.base_url = rows[i], .user_agent = "x"}, &h), "BAD_URL");
        }
}

static void addresses(void **state)
{
        static const char *const rows[] = {"",  "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "localhost:1", "::1:80",
                                           ":", "[::1]",     "[::1:80",    "127.0.0.1:-1",    "[]:1"};
        static const struct httpd_route none[1];

        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct httpd *h = NULL;

                assert_null(httpd_new(&(struct httpd_options){.name = "https-test",
                                                              .routes = none,
                                                              .workers = 1,
                                                              .queue_max = 1,
                                                              .connections_max = 1,
                                                              .idle_timeout_ms = 1000,
                                                              .clock = &clock_system},
                                      &h));
                assert_fault(httpd_listen_tls(h, rows[i], NULL, NULL), "BAD_ADDRESS");
                httpd_stop(h, 0);
        }
}

/* ---- cancels and broken servers ---- */

struct later { /* trips `cancel` once the server has the request */
        struct cancel *cancel;
        unsigned entered;
};

static void *trip_run(void *arg)
{
        struct later *l = arg;

        pthread_mutex_lock(&world.mu);
        while (world.entered < l->entered)
                pthread_cond_wait(&world.changed, &world.mu);
        pthread_mutex_unlock(&world.mu);
        cancel_trip(l->cancel);
        return NULL;
}

static void cancels(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct cancel cancel;
        pthread_t tripper;
        struct side s;

        (void) state;
        side_up(&s);
        cancel_init(&cancel, &clock_system, CANCEL_NO_DEADLINE);
        assert_int_equal(pthread_create(&tripper, NULL, trip_run, &(struct later){&cancel, 1}), 0);
        assert_fault(http_get(s.http, "/hold", NULL, &cancel, &r), "CANCELLED");
        pthread_join(tripper, NULL);
        assert_fault(http_get(s.http, "/", NULL, &cancel, &r), "CANCELLED"); /* before it has begun */
        cancel_clear(&cancel);

        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 30});
        assert_fault(http_get(s.http, "/hold", NULL, &cancel, &r), "DEADLINE");
        cancel_clear(&cancel);

        pthread_mutex_lock(&world.mu);
        world.released = true;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        side_down(&s);
}

/* Nobody listens; somebody does and never answers; somebody answers something else. */
static void broken_servers(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct tls_client_options tls = good_client();
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        struct tls_client *tls_client = NULL;
        struct cancel cancel;
        struct http *http;
        int peer, fd = socket(AF_INET, SOCK_STREAM, 0);

        (void) state;
        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &len), 0);
        http = client_with(&tls, ntohs(a.sin_port), &tls_client);
        assert_fault(http_get(http, "/", NULL, NULL, &r), "CONNECT");
        assert_int_equal(listen(fd, 4), 0);
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 30});
        assert_fault(http_get(http, "/", NULL, &cancel, &r), "DEADLINE");
        cancel_clear(&cancel);
        peer = accept(fd, NULL, NULL);
        close(peer);
        close(fd);
        assert_fault(http_get(http, "/", NULL, NULL, &r), "CONNECT");
        http_free(http);
        tls_client_free(tls_client);
}

static void *reset_run(void *arg)
{
        int peer = accept(*(int *) arg, NULL, NULL);
        char hello[512];

        assert_true(recv(peer, hello, sizeof hello, 0) > 0);
        assert_int_equal(send(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 28);
        close(peer);
        return NULL;
}

static void not_tls(void **state)
{
        AUTO(http_reply) struct http_reply r = {0};
        struct tls_client_options tls = good_client();
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        struct tls_client *tls_client = NULL;
        struct http *http;
        pthread_t server;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        (void) state;
        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(fd, 4), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &len), 0);
        assert_int_equal(pthread_create(&server, NULL, reset_run, &fd), 0);
        http = client_with(&tls, ntohs(a.sin_port), &tls_client);
        assert_fault(http_get(http, "/", NULL, NULL, &r), "TLS");
        pthread_join(server, NULL);
        http_free(http);
        tls_client_free(tls_client);
        close(fd);
}

/* ---- the world: a TLS CA, a server certificate for 127.0.0.1, and another CA ---- */

static void cert_pem(struct span der, struct buf *out)
{
        AUTO(cert) struct cert *c = NULL;

        assert_null(cert_from_der(der, &c));
        assert_null(cert_to_pem(c, out));
}
static void serial_make(uint8_t serial[16])
{
        random_bytes(serial, 16);
        serial[0] = (uint8_t) ((serial[0] & 0x7f) | 0x40);
}
static void ca_make(struct key *key, const char *name, struct buf *ret_der)
{
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct ca_spec spec = {.common_name = name,
                               .uri = "spiffe://tls.example",
                               .not_before = wall_from_unix_s(now_s - 60),
                               .not_after = wall_from_unix_s(now_s + 3600),
                               .key = key,
                               .path_len = 0};

        serial_make(spec.serial);
        assert_null(ca_build(&spec, NULL, NULL, ret_der));
}

static int world_make(void **state)
{
        AUTO(key) struct key *other_key = NULL;
        AUTO(cert) struct cert *ca = NULL;
        AUTO(buf) struct buf ca_der = BUF(CERT_MAX), other_der = BUF(CERT_MAX), server_der = BUF(CERT_MAX);
        const char *const none[] = {NULL};
        const char *const ip[] = {"127.0.0.1", NULL};
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct tls_cert_spec spec = {.common_name = "issuer",
                                     .dns = none,
                                     .ip = ip,
                                     .not_before = wall_from_unix_s(now_s - 60),
                                     .not_after = wall_from_unix_s(now_s + 3600)};

        (void) state;
        world.ca_pem = world.other_ca_pem = world.chain_pem = BUF(CERT_MAX);
        assert_null(key_generate(KEY_P256, &world.ca_key));
        assert_null(key_generate(KEY_P256, &world.server_key));
        assert_null(key_generate(KEY_P256, &world.client_key));
        assert_null(key_generate(KEY_P256, &other_key));
        ca_make(world.ca_key, "TLS CA", &ca_der);
        ca_make(other_key, "other CA", &other_der);
        assert_null(cert_from_der(buf_span(&ca_der), &ca));
        spec.key = world.server_key;
        serial_make(spec.serial);
        assert_null(tls_cert_build(&spec, ca, world.ca_key, &server_der));
        cert_pem(buf_span(&ca_der), &world.ca_pem);
        cert_pem(buf_span(&other_der), &world.other_ca_pem);
        cert_pem(buf_span(&server_der), &world.chain_pem);
        assert_null(key_to_pem_private(world.server_key, &world.key_pem));
        key_spki_sha256(world.server_key, world.pin);
        return 0;
}
static int world_drop(void **state)
{
        (void) state;
        buf_clear(&world.ca_pem);
        buf_clear(&world.other_ca_pem);
        buf_clear(&world.chain_pem);
        secret_free(world.key_pem);
        key_free(world.ca_key);
        key_free(world.server_key);
        key_free(world.client_key);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replies),
                cmocka_unit_test(limits),
                cmocka_unit_test(binding),
                cmocka_unit_test(silent_reconnect),
                cmocka_unit_test(without_client_key),
                cmocka_unit_test(trust),
                cmocka_unit_test(urls),
                cmocka_unit_test(addresses),
                cmocka_unit_test(cancels),
                cmocka_unit_test(broken_servers),
                cmocka_unit_test(not_tls),
        };
        return cmocka_run_group_tests_name("http", tests, world_make, world_drop);
}
