#include "lib/net/http_unix.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/un.h>

#define EXCHANGE_MAX_MS 30000 /* for callers without a deadline */
#define PATH_MAX_LEN    1024

struct receipt {
        struct buf body;
        bool is_too_large;
        struct cancel *cancel;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
        struct receipt *r = arg;
        struct fault *full = buf_append(&r->body, span_make(bytes, size * count));
        if (full == NULL)
                return size * count;
        fault_free(full); /* said again, with the path, when the exchange has ended */
        r->is_too_large = true;
        return 0;
}

static int on_progress(void *arg, curl_off_t down UNUSED, curl_off_t down_now UNUSED, curl_off_t up UNUSED,
                       curl_off_t up_now UNUSED)
{
        const struct receipt *r = arg;
        struct fault *stop = cancel_check(r->cancel);
        fault_free(stop); /* asked again when the exchange has ended */
        return stop != NULL;
}

static void must_set(CURLcode code)
{
        assert(code == CURLE_OK); /* an option that this libcurl does not have: our mistake */
        (void) code;
}

static struct fault *check_paths(const char *socket, const char *path)
{
        struct sockaddr_un address;
        if (strlen(socket) >= sizeof address.sun_path)
                return fault(FAULT_INVALID, "BAD_PATH", "%s: longer than a socket's path may be", socket);
        size_t len = strlen(path);
        bool plain = path[0] == '/' && len <= PATH_MAX_LEN;
        for (size_t i = 0; plain && i < len; i++)
                plain = path[i] > ' ' && path[i] <= '~' && path[i] != '#';
        return plain ? NULL : fault(FAULT_INVALID, "BAD_PATH", "the path of a request");
}

static void set_up(CURL *easy, const char *socket, const char *url, struct receipt *r)
{
        must_set(curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket));
        must_set(curl_easy_setopt(easy, CURLOPT_URL, url));
        must_set(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http"));
        must_set(curl_easy_setopt(easy, CURLOPT_PROXY, "")); /* also none from the environment */
        must_set(curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED));
        must_set(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
        must_set(curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L));
        must_set(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
        must_set(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) cancel_left_ms(r->cancel, EXCHANGE_MAX_MS) + 1));
        must_set(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
        must_set(curl_easy_setopt(easy, CURLOPT_WRITEDATA, r));
        must_set(curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress));
        must_set(curl_easy_setopt(easy, CURLOPT_XFERINFODATA, r));
        must_set(curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L));
}

static struct fault *exchange_fault(CURL *easy, CURLcode code, const char *socket, const struct receipt *r)
{
        if (r->is_too_large)
                return fault(FAULT_EXHAUSTED, "REPLY_TOO_LARGE", "%s: the reply has more than %u bytes", socket,
                             HTTP_UNIX_BODY_MAX);
        TRY(cancel_check(r->cancel));
        long os_error = 0;
        (void) curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error); /* stays 0 without an answer */
        if (code == CURLE_COULDNT_CONNECT)
                return fault_errno(FAULT_UNAVAILABLE, "CONNECT", os_error != 0 ? (int) os_error : ECONNREFUSED,
                                   "connect to %s", socket);
        return fault(FAULT_UNAVAILABLE, "HTTP", "%s: %s", socket, curl_easy_strerror(code));
}

static void take_reply(CURL *easy, struct receipt *r, struct http_reply *ret)
{
        long status = 0;
        char *type = NULL;
        must_set(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status));
        must_set(curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type));
        struct http_reply reply = {.status = (int) status, .body = r->body};
        if (type != NULL && strlen(type) < sizeof reply.content_type)
                (void) snprintf(reply.content_type, sizeof reply.content_type, "%s", type);
        r->body = BUF(0); /* it is the reply's now */
        *ret = reply;
}

static struct fault *exchange(const char *method, const char *socket, const char *path, const struct span *json,
                              struct cancel *cancel, struct http_reply *ret)
{
        TRY(check_paths(socket, path));
        TRY(cancel_check(cancel));
        CURL *easy = curl_easy_init(); /* starts the library on first use; a tool has one thread */
        assert(easy != NULL);
        AUTO_STRING char *url = alloc_printf("http://localhost%s", path);
        struct receipt r = {.body = BUF(HTTP_UNIX_BODY_MAX), .cancel = cancel};
        set_up(easy, socket, url, &r);
        struct curl_slist *headers = NULL;
        if (json != NULL) {
                headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
                assert(headers != NULL); /* no memory */
                must_set(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers));
                must_set(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) json->len));
                must_set(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json->len > 0 ? (const char *) json->data : ""));
        }
        must_set(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method));

        CURLcode code = curl_easy_perform(easy);
        struct fault *failed = code == CURLE_OK ? NULL : exchange_fault(easy, code, socket, &r);
        if (failed == NULL)
                take_reply(easy, &r, ret);
        buf_clear(&r.body);
        curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
        return failed;
}

struct fault *http_unix_get(const char *socket, const char *path, struct cancel *cancel, struct http_reply *ret)
{
        return exchange("GET", socket, path, NULL, cancel, ret);
}

struct fault *http_unix_delete(const char *socket, const char *path, struct cancel *cancel, struct http_reply *ret)
{
        return exchange("DELETE", socket, path, NULL, cancel, ret);
}

struct fault *http_unix_post(const char *socket, const char *path, struct span json, struct cancel *cancel,
                             struct http_reply *ret)
{
        return exchange("POST", socket, path, &json, cancel, ret);
}
