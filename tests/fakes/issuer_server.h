/* issuer_server: an issuer over real TLS that says what a test tells it to; for tests of the attester. Thread-safe.
 *
 *     struct issuer_server s;
 *     issuer_server_start(&s);
 *     issuer_server_refuse_next(&s, FAULT_UNAUTHENTICATED, "nonce.expired");
 *     issuer_new(&options_with(s.url, s.pin), &issuer);
 *
 * Profiles: "default" (x509), "two" (x509 twice), "key" (a type that the attester can't ask for), "passport" (a mechanism that it does
 * not have), "stored" and "stored-two" (one and two keys of the Key store). A pod whose name is "denied" is refused alone. Certificates are real, from a root of this struct's own. The struct must not
 * move. */
#pragma once

#include <pthread.h>

#include "lib/base/cancel.h"
#include "lib/model/bundle.h"
#include "lib/model/reply.h"
#include "lib/net/httpd.h"

#define ISSUER_SERVER_AUDIENCE "https://issuer.example"

/* What is wrong with a released key. */
enum release_wrong {
        RELEASE_FINE,
        RELEASE_OTHER_KEY,  /* sealed is not the certificate's key */
        RELEASE_OTHER_NAME, /* the reply names another key */
        RELEASE_OTHER_SLOT,
        RELEASE_TO_OTHER,    /* sealed to somebody else */
        RELEASE_OTHER_NONCE, /* sealed for another exchange */
        RELEASE_CHANGED,     /* a byte of the JWE */
        RELEASE_NO_KEY,      /* what is sealed is no key */
};
struct issuer_server {
        char url[64], pin[65];
        struct httpd *httpd;
        struct tls_server *tls;
        struct key *root_key;
        struct cert *root;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        /* guarded by mu */
        unsigned refusals; /* how many requests for credentials are refused with what follows */
        enum fault_code refusal_code;
        const char *refusal_token;
        int64_t refusal_retry_ms; /* Retry-After of these; 0: none */
        bool knows_key;           /* false: "tpm.ak_unknown" until an enrolment */
        bool hold;                /* requests for credentials wait */
        bool bundle_fails;        /* 503 */
        enum release_wrong release_wrong;
        bool twisted;                          /* certificates are for another identity than promised */
        uint64_t policy, bundle, bundle_named; /* bundle_named: in replies, when it differs; 0 otherwise */
        unsigned releases, challenges, requests, pods, enrolments, bundles, bundles_unchanged, serial;
};
void issuer_server_start(struct issuer_server *s);
void issuer_server_stop(struct issuer_server *s);
void issuer_server_refuse_next(struct issuer_server *s, unsigned count, enum fault_code code, const char *token);
void issuer_server_hold(struct issuer_server *s, bool hold);
/* Sets a field under the lock, wakes who waits. */
#define issuer_server_set(s, field, value)                                                                             \
        do {                                                                                                           \
                pthread_mutex_lock(&(s)->mu);                                                                          \
                (s)->field = (value);                                                                                  \
                pthread_cond_broadcast(&(s)->changed);                                                                 \
                pthread_mutex_unlock(&(s)->mu);                                                                        \
        } while (0)
unsigned issuer_server_count(struct issuer_server *s, const unsigned *counter);
/* Waits until a counter has got there; it must within 20 s. */
void issuer_server_wait(struct issuer_server *s, const unsigned *counter, unsigned at_least);
