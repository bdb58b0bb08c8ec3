#include "tests/fakes/http_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"

struct http_world http_world = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- the server ---- */

static struct fault *answer(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        pthread_mutex_lock(&http_world.mu);
        http_world.last = *q;
        (void) snprintf(http_world.last_body, sizeof http_world.last_body, "%.*s", (int) q->body.len,
                        (const char *) q->body.data);
        pthread_mutex_unlock(&http_world.mu);
        (void) self;
        if (q->if_none_match != NULL)
                r->status = 304;
        (void) snprintf(r->etag, sizeof r->etag, "\"7\"");
        return buf_append_str(&r->body, "{}");
}
struct httpd_request seen(void)
{
        struct httpd_request q;

        pthread_mutex_lock(&http_world.mu);
        q = http_world.last;
        pthread_mutex_unlock(&http_world.mu);
        return q;
}
void assert_body(const char *wanted)
{
        pthread_mutex_lock(&http_world.mu);
        assert_string_equal(http_world.last_body, wanted);
        http_world.last_body[0] = '\0';
        pthread_mutex_unlock(&http_world.mu);
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
        pthread_mutex_lock(&http_world.mu);
        http_world.entered++;
        pthread_cond_broadcast(&http_world.changed);
        while (!http_world.released)
                pthread_cond_wait(&http_world.changed, &http_world.mu);
        pthread_mutex_unlock(&http_world.mu);
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

        assert_null(tls_server_new(buf_span(&http_world.chain_pem), http_world.key_pem, ret_tls));
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

struct http *client_with(const struct tls_client_options *tls, uint16_t port, struct tls_client **ret_tls)
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
struct tls_client_options good_client(void)
{
        return (struct tls_client_options){.ca_pem = buf_span(&http_world.ca_pem),
                                           .server_name = "127.0.0.1",
                                           .key = http_world.client_key,
                                           .now = clock_wall(&clock_system)};
}
void side_up(struct side *s)
{
        struct tls_client_options tls = good_client();

        *s = (struct side){0};
        http_world.released = false;
        http_world.entered = 0;
        s->httpd = server_at(&s->port, &s->tls_server);
        s->http = client_with(&tls, s->port, &s->tls_client);
}
void side_restart(struct side *s)
{
        httpd_stop(s->httpd, 0);
        tls_server_free(s->tls_server);
        s->httpd = server_at(&s->port, &s->tls_server);
}
void side_down(struct side *s)
{
        http_free(s->http);
        tls_client_free(s->tls_client);
        httpd_stop(s->httpd, 0);
        tls_server_free(s->tls_server);
}
void http_assert_fault(struct fault *f, const char *token)
{
        assert_non_null(f);
        print_message("  %s\n", fault_text(f));
        assert_string_equal(fault_token(f), token);
        fault_free(f);
}

/* ---- certificates ---- */

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

int http_world_make(void **state)
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
        http_world.ca_pem = http_world.other_ca_pem = http_world.chain_pem = BUF(CERT_MAX);
        assert_null(key_generate(KEY_P256, &http_world.ca_key));
        assert_null(key_generate(KEY_P256, &http_world.server_key));
        assert_null(key_generate(KEY_P256, &http_world.client_key));
        assert_null(key_generate(KEY_P256, &other_key));
        ca_make(http_world.ca_key, "TLS CA", &ca_der);
        ca_make(other_key, "other CA", &other_der);
        assert_null(cert_from_der(buf_span(&ca_der), &ca));
        spec.key = http_world.server_key;
        serial_make(spec.serial);
        assert_null(tls_cert_build(&spec, ca, http_world.ca_key, &server_der));
        cert_pem(buf_span(&ca_der), &http_world.ca_pem);
        cert_pem(buf_span(&other_der), &http_world.other_ca_pem);
        cert_pem(buf_span(&server_der), &http_world.chain_pem);
        assert_null(key_to_pem_private(http_world.server_key, &http_world.key_pem));
        key_spki_sha256(http_world.server_key, http_world.pin);
        return 0;
}
int http_world_drop(void **state)
{
        (void) state;
        buf_clear(&http_world.ca_pem);
        buf_clear(&http_world.other_ca_pem);
        buf_clear(&http_world.chain_pem);
        secret_free(http_world.key_pem);
        key_free(http_world.ca_key);
        key_free(http_world.server_key);
        key_free(http_world.client_key);
        return 0;
}
