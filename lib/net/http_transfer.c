#include "lib/net/http_transfer.h"

#include <strings.h>

#define EXCHANGE_MAX_MS 120000 /* for callers without a deadline */
#define POLL_MAX_MS     60000
#define REPLY_HEAD_MAX  (64u << 10)
#define VERIFY_PIN      50 /* X509_V_ERR_APPLICATION_VERIFICATION: lib/crypt/tls has it for a pin that does not fit */
#define VERIFY_NOT_YET  9  /* X509_V_ERR_CERT_NOT_YET_VALID */
#define VERIFY_EXPIRED  10 /* X509_V_ERR_CERT_HAS_EXPIRED */

/* ---- what libcurl calls ---- */

static CURLcode on_ssl_ctx(CURL *easy UNUSED, void *ssl_ctx, void *arg)
{
        struct http *h = arg;

        h->current->failed = tls_client_configure(h->tls, ssl_ctx);
        return h->current->failed == NULL ? CURLE_OK : CURLE_SSL_CONNECT_ERROR;
}

/* The connection is there and nothing was sent on it: the only place where its SSL can be had. libcurl comes here again when it
 * silently repeats a request on a new connection. */
static int on_before_request(void *arg, char *peer UNUSED, char *local UNUSED, int peer_port UNUSED,
                             int local_port UNUSED)
{
        struct http *h = arg;
        struct exchange *x = h->current;
        struct curl_tlssessioninfo *tls = NULL;

        h->has_exporter = false;
        if (h->is_public || h->is_plain) {
                h->exchanges++;
                return CURL_PREREQFUNC_OK;
        }
        if (curl_easy_getinfo(h->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL || tls->internals == NULL)
                x->failed = fault(FAULT_INTERNAL, "TLS", "the connection has no TLS");
        else
                x->failed = tls_exporter(tls->internals, h->exporter);
        if (x->failed != NULL)
                return CURL_PREREQFUNC_ABORT;

        h->has_exporter = true;
        x->has_changed =
                x->bound != NULL && !span_eq_secret(SPAN_OF(h->exporter), span_make(x->bound, sizeof h->exporter));
        if (x->has_changed)
                return CURL_PREREQFUNC_ABORT;
        h->exchanges++;
        return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
        struct http *h = arg;
        struct fault *full = buf_append(&h->current->reply.body, span_make(bytes, size * count));

        if (full == NULL)
                return size * count;
        fault_free(full); /* said again, with the URL, when the exchange has ended */
        h->current->is_too_large = true;
        return 0;
}

/* "name: value\r\n" of `line` into `out`, when it is that header, fits, and is printable. */
static void header_take(struct span line, const char *name, char *out, size_t out_len)
{
        size_t name_len = strlen(name), start = name_len + 1, end = line.len;

        if (line.len <= name_len || strncasecmp((const char *) line.data, name, name_len) != 0 ||
            line.data[name_len] != ':')
                return;
        while (start < end && (line.data[start] == ' ' || line.data[start] == '\t'))
                start++;
        while (end > start && line.data[end - 1] <= ' ')
                end--;
        if (end - start >= out_len)
                return;
        for (size_t i = start; i < end; i++)
                if (line.data[i] < ' ' || line.data[i] > '~')
                        return;
        memcpy(out, line.data + start, end - start);
        out[end - start] = '\0';
}

/* The first wanted header of the last head. */
static void header_keep(const char *const *wanted, struct span line, char **kept)
{
        for (size_t i = 0; wanted != NULL && wanted[i] != NULL && *kept == NULL; i++) {
                char *value = alloc_zero(1, HTTP_KEPT_MAX);
                header_take(line, wanted[i], value, HTTP_KEPT_MAX);
                if (value[0] != '\0')
                        *kept = value;
                else
                        free(value);
        }
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
        struct http *h = arg;
        struct exchange *x = h->current;
        struct span line = span_make(bytes, size * count);
        char connection[32] = "";

        x->head_len += line.len;
        if (x->head_len > REPLY_HEAD_MAX) {
                x->is_too_large = true;
                return 0;
        }
        if (span_starts_with(line, SPAN("HTTP/"))) { /* another head: what stood in an interim one does not count */
                x->reply.content_type[0] = '\0';
                x->reply.etag[0] = '\0';
                free(x->reply.kept);
                x->reply.kept = NULL;
        }
        header_take(line, "content-type", x->reply.content_type, sizeof x->reply.content_type);
        header_take(line, "etag", x->reply.etag, sizeof x->reply.etag);
        header_keep(h->keep, line, &x->reply.kept);
        header_take(line, "connection", connection, sizeof connection);
        if (strcasecmp(connection, "close") == 0)
                h->has_exporter = false; /* it is the last exchange on this connection */
        return line.len;
}

/* ---- options ---- */

void http_easy_setup(struct http *h, const char *user_agent)
{
        CURL *e = h->easy;

        must_set(curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error));
        must_set(curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, h->is_plain ? "http" : "https"));
        must_set(curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1));
        must_set(curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L));
        must_set(curl_easy_setopt(e, CURLOPT_PROXY, "")); /* also none from the environment */
        must_set(curl_easy_setopt(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED));
        must_set(curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L));
        must_set(curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L));
        must_set(curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L));
        must_set(curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L));
        must_set(curl_easy_setopt(e, CURLOPT_USERAGENT, user_agent));
        must_set(curl_easy_setopt(e, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_3));
        must_set(curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L));
        /* Verification is lib/crypt/tls's alone, set up in on_ssl_ctx: libcurl's own would want the system's CAs. */
        must_set(curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L));
        must_set(curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L));
        must_set(curl_easy_setopt(e, CURLOPT_CAINFO, NULL));
        must_set(curl_easy_setopt(e, CURLOPT_CAPATH, NULL));
        must_set(curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx));
        must_set(curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, h));
        must_set(curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_before_request));
        must_set(curl_easy_setopt(e, CURLOPT_PREREQDATA, h));
        must_set(curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body));
        must_set(curl_easy_setopt(e, CURLOPT_WRITEDATA, h));
        must_set(curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header));
        must_set(curl_easy_setopt(e, CURLOPT_HEADERDATA, h));
}

/* ---- one transfer ---- */

static void wake(void *arg)
{
        (void) curl_multi_wakeup(arg); /* fails only when a wake-up is on its way already */
}

/* Drives the transfer until it has ended. A cancel during a name look-up waits for the resolver, whose call can't be broken off. */
static struct fault *transfer_run(struct http *h, struct cancel *cancel, CURLcode *ret_code)
{
        for (;;) {
                int running = 0, left = 0;
                CURLMsg *done;

                if (curl_multi_perform(h->multi, &running) != CURLM_OK)
                        return fault(FAULT_INTERNAL, "HTTP", "libcurl does not go on");
                done = curl_multi_info_read(h->multi, &left);
                if (done != NULL && done->msg == CURLMSG_DONE) {
                        *ret_code = done->data.result;
                        return NULL;
                }
                TRY(cancel_check(cancel));
                (void) curl_multi_poll(h->multi, NULL, 0, (int) cancel_left_ms(cancel, POLL_MAX_MS) + 1,
                                       NULL); /* woken or not */
        }
}

static bool is_tls_code(CURLcode code)
{
        switch (code) {
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CLIENTCERT:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
                return true;
        default:
                return false;
        }
}

static bool is_connected(const struct http *h)
{
        CURLINFO moment = h->is_plain ? CURLINFO_CONNECT_TIME_T : CURLINFO_APPCONNECT_TIME_T;
        curl_off_t after_us = 0;

        return curl_easy_getinfo(h->easy, moment, &after_us) == CURLE_OK && after_us > 0;
}

/* What a transfer's end means, in the words of http.h. */
static struct fault *transfer_fault(struct http *h, struct exchange *x, CURLcode code)
{
        const char *text = h->error[0] != '\0' ? h->error : curl_easy_strerror(code);
        long verified = 0;

        if (x->failed != NULL)
                return TAKE(x->failed);
        if (x->has_changed)
                return fault(FAULT_ABORTED, "CONNECTION_CHANGED",
                             "%s: the connection is not the one that the request is bound to", h->base_url);
        if (x->is_too_large)
                return fault(FAULT_EXHAUSTED, "REPLY_TOO_LARGE", "%s: the reply has more than %zu bytes", h->base_url,
                             h->body_max);
        (void) curl_easy_getinfo(h->easy, CURLINFO_SSL_VERIFYRESULT, &verified); /* stays 0 without an answer */
        if (is_tls_code(code) && verified == VERIFY_PIN)
                return fault(FAULT_UNAVAILABLE, "TLS", "%s: the server's key is not the pinned one", h->base_url);
        char why[TLS_WHY_MAX] = "";
        if (is_tls_code(code) && verified != 0)
                tls_client_why(h->tls, why);
        if (is_tls_code(code))
                return fault(FAULT_UNAVAILABLE, "TLS", "%s: %s%s", h->base_url, why[0] != '\0' ? why : text,
                             verified == VERIFY_NOT_YET || verified == VERIFY_EXPIRED ? ": is the clock right?" : "");
        if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
            (code == CURLE_OPERATION_TIMEDOUT && !is_connected(h)))
                return fault(FAULT_UNAVAILABLE, "CONNECT", "%s: %s", h->base_url, text);
        return fault(FAULT_UNAVAILABLE, "HTTP", "%s: %s", h->base_url, text);
}

struct fault *http_transfer(struct http *h, struct exchange *x, struct cancel *cancel)
{
        int64_t left_ms = cancel_left_ms(cancel, EXCHANGE_MAX_MS);
        CURLcode code = CURLE_OK;
        struct fault *failed;
        CURLMcode added;

        TRY(cancel_check(cancel));
        h->error[0] = '\0';
        h->current = x;
        must_set(curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long) left_ms + 1));
        must_set(curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS,
                                  (long) (h->connect_timeout_ms < left_ms ? h->connect_timeout_ms : left_ms) + 1));
        added = curl_multi_add_handle(h->multi, h->easy);
        assert(added == CURLM_OK);
        (void) added; /* our own mistake otherwise; the assert is for it */
        if (cancel != NULL)
                cancel_set_wake(cancel, wake, h->multi);
        failed = transfer_run(h, cancel, &code);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        if (failed == NULL && code != CURLE_OK) {
                failed = cancel_check(cancel); /* libcurl's own timeout is the caller's deadline in other words */
                if (failed == NULL)
                        failed = transfer_fault(h, x, code);
        }
        (void) curl_multi_remove_handle(h->multi, h->easy); /* it was added above */
        h->current = NULL;
        if (failed != NULL)
                h->has_exporter = false;
        return failed;
}
