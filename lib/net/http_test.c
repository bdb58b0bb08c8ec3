/* The HTTPS client against our own server: exchanges, limits, the binding to a connection, cancels. */
#include "lib/net/http.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/fakes/http_world.h"

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
        http_assert_fault(http_get(s.http, "/sized?n=more", NULL, NULL, &r), "REPLY_TOO_LARGE");
        http_assert_fault(http_get(s.http, "no-slash", NULL, NULL, &r), "BAD_PATH");
        http_assert_fault(http_get(s.http, "/a b", NULL, NULL, &r), "BAD_PATH");
        http_assert_fault(http_get(s.http, "/a\r\nX: y", NULL, NULL, &r), "BAD_PATH");
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
        http_assert_fault(http_exporter(s.http, exporter), "NO_CONNECTION");
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, exporter));
        q = seen();
        assert_true(q.has_exporter && q.has_client_spki);
        assert_memory_equal(q.exporter, exporter, sizeof exporter);
        key_spki_sha256(http_world.client_key, spki);
        assert_memory_equal(q.client_spki_sha256, spki, sizeof spki);

        assert_null(http_post_bound(s.http, "/", SPAN("bound"), exporter, NULL, &r));
        assert_body("bound");
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, again));
        assert_memory_equal(again, exporter, sizeof exporter);

        exporter[31] ^= 1;
        http_assert_fault(http_post_bound(s.http, "/", SPAN("other"), exporter, NULL, &r), "CONNECTION_CHANGED");
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
        side_restart(&s);
        http_assert_fault(http_post_bound(s.http, "/", SPAN("secret"), exporter, NULL, &r), "CONNECTION_CHANGED");
        assert_body("");
        http_assert_fault(http_exporter(s.http, exporter), "NO_CONNECTION");
        assert_null(http_get(s.http, "/", NULL, NULL, &r));
        http_reply_clear(&r);
        assert_null(http_exporter(s.http, exporter));
        assert_null(http_post_bound(s.http, "/", SPAN("good"), exporter, NULL, &r));
        assert_body("good");
        side_down(&s);
}

/* ---- cancels and broken servers ---- */

struct later { /* trips `cancel` once the server has the request */
        struct cancel *cancel;
        unsigned entered;
};

static void *trip_run(void *arg)
{
        struct later *l = arg;

        pthread_mutex_lock(&http_world.mu);
        while (http_world.entered < l->entered)
                pthread_cond_wait(&http_world.changed, &http_world.mu);
        pthread_mutex_unlock(&http_world.mu);
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
        http_assert_fault(http_get(s.http, "/hold", NULL, &cancel, &r), "CANCELLED");
        pthread_join(tripper, NULL);
        http_assert_fault(http_get(s.http, "/", NULL, &cancel, &r), "CANCELLED"); /* before it has begun */
        cancel_clear(&cancel);

        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 30});
        http_assert_fault(http_get(s.http, "/hold", NULL, &cancel, &r), "DEADLINE");
        cancel_clear(&cancel);

        pthread_mutex_lock(&http_world.mu);
        http_world.released = true;
        pthread_cond_broadcast(&http_world.changed);
        pthread_mutex_unlock(&http_world.mu);
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
        http_assert_fault(http_get(http, "/", NULL, NULL, &r), "CONNECT");
        assert_int_equal(listen(fd, 4), 0);
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 30});
        http_assert_fault(http_get(http, "/", NULL, &cancel, &r), "DEADLINE");
        cancel_clear(&cancel);
        peer = accept(fd, NULL, NULL);
        close(peer);
        close(fd);
        http_assert_fault(http_get(http, "/", NULL, NULL, &r), "CONNECT");
        http_free(http);
        tls_client_free(tls_client);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replies),          cmocka_unit_test(limits),  cmocka_unit_test(binding),
                cmocka_unit_test(silent_reconnect), cmocka_unit_test(cancels), cmocka_unit_test(broken_servers),
        };
        return cmocka_run_group_tests_name("http", tests, http_world_make, http_world_drop);
}
