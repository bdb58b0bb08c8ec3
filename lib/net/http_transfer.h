/* http_transfer: what libcurl does for http.c: its options, its callbacks, and one transfer. Private to http. */
#pragma once

#include <assert.h>
#include <curl/curl.h>

#include "lib/net/http.h"

/* One exchange, from the caller's request to its reply; lent to the callbacks while it runs. */
struct exchange {
        struct http_reply reply;
        size_t head_len;
        bool is_too_large;
        const uint8_t *bound; /* the exporter that the connection must have, or NULL */
        bool has_changed;     /* it has another one */
        struct fault *failed; /* found in a callback; owned */
};
struct http {
        CURLM *multi; /* holds the one warm connection */
        CURL *easy;
        char *base_url;
        struct tls_client *tls;
        size_t body_max;
        int64_t connect_timeout_ms;
        bool is_public, is_plain;
        const char *header;
        const char *const *keep;
        char error[CURL_ERROR_SIZE];
        struct exchange *current;
        bool has_exporter;
        uint8_t exporter[32];
        uint64_t exchanges;
};

/* Sets what holds for all requests. */
void http_easy_setup(struct http *h, const char *user_agent);
/* Runs what the easy handle is set up for; *x has the reply. Faults as http.h has them. */
struct fault *http_transfer(struct http *h, struct exchange *x, struct cancel *cancel) MUST_USE;

static inline void must_set(CURLcode code)
{
        assert(code == CURLE_OK); /* an option that this libcurl does not have: our mistake */
        (void) code;
}
