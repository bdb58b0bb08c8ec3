#include "issuer/api/server.h"

#include "issuer/api/admin.h"
#include "issuer/api/answer.h"
#include "issuer/api/metrics.h"
#include "issuer/config.h"
#include "lib/base/log.h"

#define BODIES_MAX         (64u << 20)
#define IDLE_TIMEOUT_MS    120000 /* attesters keep their connection warm */
#define REQUEST_TIMEOUT_MS 15000
#define GRACE_MS           10000
#define KEYS_WORKERS       2
#define KEYS_QUEUE_MAX     16
#define KEYS_CONNECTIONS   64
#define KEYS_BODIES_MAX    (1u << 20)

struct server {
        struct httpd *api, *admin, *keys, *remote_keys, *health;
};

static void on_done(void *arg UNUSED, const char *route_path, int status, int64_t took_us)
{
        count_request(route_path, status, took_us);
}

/* Whoever asks the wrong process of several learns that from the answer. */
static struct fault *role_absent(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct fault *refused = fault(FAULT_NOT_FOUND, "role.absent",
                                      "%s is served by a role that this process does not have (roles in its "
                                      "configuration)",
                                      q->path);
        return answer_refusal(self, q, refused, NULL, r);
}

static struct fault *listen_api(struct server *s, struct api *a, const struct issuer_config *c)
{
        httpd_handler verifier[] = {attestation_keys_post, activate_post, results_post};
        httpd_handler authority[] = {credentials_post, bundle_get}, keystore = release_post;
        for (size_t i = 0; i < COUNT_OF(verifier) && !c->is_verifier; i++)
                verifier[i] = role_absent;
        for (size_t i = 0; i < COUNT_OF(authority) && !c->is_authority; i++)
                authority[i] = role_absent;
        if (!c->is_keystore)
                keystore = role_absent;
        const struct httpd_route routes[] = {
                {"GET", PATH_CHALLENGE, 0, challenge_get, a},
                {"POST", PATH_ATTESTATION_KEYS, BODY_MAX, verifier[0], a},
                {"POST", PATH_ACTIVATE, BODY_MAX, verifier[1], a},
                {"POST", PATH_RESULTS, BODY_MAX, verifier[2], a},
                {"POST", PATH_CREDENTIALS, BODY_MAX, authority[0], a},
                {"GET", PATH_BUNDLE, 0, authority[1], a},
                {"POST", PATH_KEYS "/*", BODY_MAX, keystore, a},
        };
        const struct httpd_options options = {
                .name = "api",
                .routes = routes,
                .route_count = COUNT_OF(routes),
                .workers = (unsigned) c->workers,
                .queue_max = c->queue_max,
                .connections_max = a->connections_max,
                .bodies_max = BODIES_MAX,
                .idle_timeout_ms = IDLE_TIMEOUT_MS,
                .request_timeout_ms = REQUEST_TIMEOUT_MS,
                .clock = a->clock,
                .on_done = on_done,
        };
        uint16_t port = 0;
        TRY(httpd_new(&options, &s->api));
        TRY_AS(httpd_listen_tls(s->api, c->listen, tls_holder_server(a->tls), &port), "listen on %s", c->listen);
        TRY(httpd_start(s->api));
        log_info("listening", KV("address", (const char *) c->listen), KV("port", (unsigned) port));
        return NULL;
}

/* For owners of stored keys on other machines; the certificate is the API's. */
static struct fault *listen_keys(struct server *s, struct api *a, const struct issuer_config *c)
{
        struct httpd_route routes[KEY_ROUTES];
        uint16_t port = 0;
        keys_routes(a, routes);
        const struct httpd_options options = {
                .name = "keys",
                .routes = routes,
                .route_count = KEY_ROUTES,
                .workers = KEYS_WORKERS,
                .queue_max = KEYS_QUEUE_MAX,
                .connections_max = KEYS_CONNECTIONS,
                .bodies_max = KEYS_BODIES_MAX,
                .idle_timeout_ms = IDLE_TIMEOUT_MS,
                .request_timeout_ms = REQUEST_TIMEOUT_MS,
                .clock = a->clock,
        };
        TRY(httpd_new(&options, &s->remote_keys));
        TRY_AS(httpd_listen_tls(s->remote_keys, c->keystore_listen, tls_holder_server(a->keys_tls), &port),
               "listen on %s", c->keystore_listen);
        TRY(httpd_start(s->remote_keys));
        log_info("listening_for_owners", KV("address", (const char *) c->keystore_listen), KV("port", (unsigned) port));
        return NULL;
}

static struct fault *start(struct server *s, struct api *a, const struct issuer_config *c)
{
        struct httpd_route admin[ADMIN_ROUTES], keys[KEY_ROUTES], health[HEALTH_ROUTES];
        admin_routes(a, admin);
        api_health_routes(a, health);
        TRY(local_serve("admin", c->admin_socket, 0600, admin, ADMIN_ROUTES, a->clock, &s->admin));
        if (c->keystore_socket != NULL) {
                keys_routes(a, keys);
                TRY(local_serve("keys", c->keystore_socket, 0666, keys, KEY_ROUTES, a->clock, &s->keys));
        }
        if (c->keystore_listen != NULL)
                TRY(listen_keys(s, a, c));
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
        httpd_stop(s->remote_keys, GRACE_MS);
        local_stop(s->keys);
        local_stop(s->admin);
        free(s);
}
