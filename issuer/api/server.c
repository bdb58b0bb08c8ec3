#include "issuer/api/server.h"

#include "issuer/api/admin.h"
#include "issuer/api/metrics.h"
#include "issuer/config.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/crypt/tls.h"

#define CHAIN_PEM_MAX      (256u * 1024)
#define CONNECTIONS_MAX    4096
#define BODIES_MAX         (64u << 20)
#define IDLE_TIMEOUT_MS    120000 /* attesters keep their connection warm */
#define REQUEST_TIMEOUT_MS 15000
#define GRACE_MS           10000
#define CERTIFICATE_WARN_S (30LL * 24 * 3600)

struct server {
        struct tls_server *tls;
        struct httpd *api, *admin, *health;
};

static void on_done(void *arg UNUSED, const char *route_path, int status, int64_t took_us)
{
        count_request(route_path, status, took_us);
}

/* ---- HTTPS ---- */

static void warn_of_end(struct span chain_pem, struct wall now)
{
        AUTO(cert_list) struct cert_list chain = {0};
        AUTO(fault) struct fault *bad = cert_list_from_pem(chain_pem, &chain);
        if (bad != NULL || chain.count == 0)
                return; /* tls_server_new has said it */
        int64_t left_s = wall_unix_s(cert_not_after(chain.certs[0])) - wall_unix_s(now);
        if (left_s < CERTIFICATE_WARN_S)
                log_warn("tls_certificate_ends", KV("left_s", left_s),
                         KV("hint", "move tls.certificate and tls.key away and run init"));
}

static struct fault *load_tls(struct server *s, const struct api *a, const struct issuer_config *c)
{
        AUTO(buf) struct buf chain = BUF(CHAIN_PEM_MAX);
        AUTO(secret) struct secret *key = NULL;
        TRY_AS(file_read(c->tls_certificate, &chain), "tls.certificate");
        TRY_AS(file_read_secret(c->tls_key, &key), "tls.key");
        TRY(tls_server_new(buf_span(&chain), key, &s->tls));
        warn_of_end(buf_span(&chain), clock_wall(a->clock));
        return NULL;
}

static struct fault *listen_api(struct server *s, struct api *a, const struct issuer_config *c)
{
        TRY(load_tls(s, a, c));
        const struct httpd_route routes[] = {
                {"GET", PATH_CHALLENGE, 0, challenge_get, a},
                {"POST", PATH_ATTESTATION_KEYS, BODY_MAX, attestation_keys_post, a},
                {"POST", PATH_ACTIVATE, BODY_MAX, activate_post, a},
                {"POST", PATH_CREDENTIALS, BODY_MAX, credentials_post, a},
                {"GET", PATH_BUNDLE, 0, bundle_get, a},
        };
        const struct httpd_options options = {
                .name = "api",
                .routes = routes,
                .route_count = COUNT_OF(routes),
                .workers = (unsigned) c->workers,
                .queue_max = c->queue_max,
                .connections_max = CONNECTIONS_MAX,
                .bodies_max = BODIES_MAX,
                .idle_timeout_ms = IDLE_TIMEOUT_MS,
                .request_timeout_ms = REQUEST_TIMEOUT_MS,
                .clock = a->clock,
                .on_done = on_done,
        };
        uint16_t port = 0;
        TRY(httpd_new(&options, &s->api));
        TRY_AS(httpd_listen_tls(s->api, c->listen, s->tls, &port), "listen on %s", c->listen);
        TRY(httpd_start(s->api));
        log_info("listening", KV("address", (const char *) c->listen), KV("port", (unsigned) port));
        return NULL;
}

static struct fault *start(struct server *s, struct api *a, const struct issuer_config *c)
{
        struct httpd_route admin[ADMIN_ROUTES], health[HEALTH_ROUTES];
        admin_routes(a, admin);
        api_health_routes(a, health);
        TRY(local_serve("admin", c->admin_socket, 0600, admin, ADMIN_ROUTES, a->clock, &s->admin));
        TRY(listen_api(s, a, c));
        /* last: whoever finds it ready finds the API listening */
        if (c->health_socket != NULL)
                TRY(local_serve("health", c->health_socket, 0660, health, HEALTH_ROUTES, a->clock, &s->health));
        return NULL;
}

struct fault *server_start(struct api *a, const struct issuer_config *c, struct server **ret)
{
        struct server *s = NEW(struct server);
        struct fault *failed = start(s, a, c);
        if (failed != NULL) {
                server_stop(s);
                return failed;
        }
        *ret = s;
        return NULL;
}

void server_stop(struct server *s)
{
        if (s == NULL)
                return;
        httpd_stop(s->api, GRACE_MS);
        local_stop(s->health);
        local_stop(s->admin);
        tls_server_free(s->tls);
        free(s);
}
