/* http_world: an HTTPS server with a CA of its own, and clients that trust it, for the tests of lib/net/http.
 *
 * GET and POST / answer "{}" and are remembered; /busy is a 503, /sized?n=fits just small enough, /moved a redirect, and /hold
 * waits until `released`. */
#pragma once

#include <pthread.h>

#include "lib/crypt/key.h"
#include "lib/net/http.h"
#include "lib/net/httpd.h"

#define PATIENCE_MS 20000
#define BODY_MAX    1000

struct http_world {
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
};
extern struct http_world http_world;

/* cmocka's group set-up: a TLS CA, a server certificate for 127.0.0.1, and another CA. */
int http_world_make(void **state);
int http_world_drop(void **state);

struct side { /* a server and a client that trusts it */
        uint16_t port;
        struct tls_server *tls_server;
        struct httpd *httpd;
        struct tls_client *tls_client;
        struct http *http;
};
void side_up(struct side *s);
void side_restart(struct side *s); /* the server, on the same port */
void side_down(struct side *s);

struct http *client_with(const struct tls_client_options *tls, uint16_t port, struct tls_client **ret_tls);
struct tls_client_options good_client(void);

/* The last request; the memory behind its pointers is gone. */
struct httpd_request seen(void);
/* Compares and forgets the last body. */
void assert_body(const char *wanted);
/* Frees the fault. */
void http_assert_fault(struct fault *f, const char *token);
