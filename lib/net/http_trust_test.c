/* Whom the HTTPS client trusts, what it proves of itself, and addresses that are none. */
#include "lib/net/http.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/fakes/http_world.h"

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

static void trust(void **state)
{
        uint8_t wrong_pin[SHA256_LEN];
        const struct {
                const char *name;
                struct span ca;
                const uint8_t *pin;
                const char *server_name, *token;
        } rows[] = {
                {"the CA and the name", buf_span(&http_world.ca_pem), NULL, "127.0.0.1", NULL},
                {"only the pin", SPAN_NONE, http_world.pin, NULL, NULL},
                {"CA, name and pin", buf_span(&http_world.ca_pem), http_world.pin, "127.0.0.1", NULL},
                {"another CA", buf_span(&http_world.other_ca_pem), NULL, "127.0.0.1", "TLS"},
                {"another name", buf_span(&http_world.ca_pem), NULL, "127.0.0.2", "TLS"},
                {"another pin", SPAN_NONE, wrong_pin, NULL, "TLS"},
                {"the CA, another pin", buf_span(&http_world.ca_pem), wrong_pin, "127.0.0.1", "TLS"},
                {"another CA, the pin", buf_span(&http_world.other_ca_pem), http_world.pin, "127.0.0.1", "TLS"},
        };
        struct side s;

        (void) state;
        memcpy(wrong_pin, http_world.pin, sizeof wrong_pin);
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
                        http_assert_fault(failed, rows[i].token);
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

                http_assert_fault(http_new(&(struct http_options){.base_url = rows[i], .user_agent = "x"}, &h),
                                  "BAD_URL");
        }
        static const char *const plain[] = {"https://127.0.0.1", "http://", "http://a/", "http://u@a",
                                            "169.254.169.254"};
        for (size_t i = 0; i < COUNT_OF(plain); i++) {
                struct http *h = NULL;

                http_assert_fault(
                        http_new(&(struct http_options){.base_url = plain[i], .is_plain = true, .user_agent = "x"}, &h),
                        "BAD_URL");
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
                http_assert_fault(httpd_listen_tls(h, rows[i], NULL, NULL), "BAD_ADDRESS");
                httpd_stop(h, 0);
        }
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
        http_assert_fault(http_get(http, "/", NULL, NULL, &r), "TLS");
        pthread_join(server, NULL);
        http_free(http);
        tls_client_free(tls_client);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_client_key), cmocka_unit_test(trust),   cmocka_unit_test(urls),
                cmocka_unit_test(addresses),          cmocka_unit_test(not_tls),
        };
        return cmocka_run_group_tests_name("http_trust", tests, http_world_make, http_world_drop);
}
