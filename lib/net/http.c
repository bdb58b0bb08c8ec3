#include "lib/net/http.h"

#include <pthread.h>

#include "lib/net/http_transfer.h"

#define PATH_MAX_LEN      4096
#define RETRY_AFTER_MAX_S 86400

/* ---- making ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
        CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

        assert(code == CURLE_OK);
        (void) code; /* as for memory: a program starts whole or not at all */
}

struct fault *http_new(const struct http_options *o, struct http **ret)
{
        const char *scheme = o->is_plain ? "http://" : "https://";
        const char *authority = strncmp(o->base_url, scheme, strlen(scheme)) == 0 ? o->base_url + strlen(scheme) : "";
        struct http *h;

        if (authority[0] == '\0' || strpbrk(authority, "/?#@ \t\r\n") != NULL)
                return fault(FAULT_INVALID, "BAD_URL", "%s is not of the form %shost[:port]", o->base_url, scheme);
        pthread_once(&curl_once, curl_start);

        h = NEW(struct http);
        h->base_url = alloc_string(o->base_url);
        h->tls = o->tls;
        h->body_max = o->body_max;
        h->connect_timeout_ms = o->connect_timeout_ms;
        h->is_public = o->is_public;
        h->is_plain = o->is_plain;
        h->header = o->header;
        h->keep = o->keep;
        h->multi = curl_multi_init();
        h->easy = curl_easy_init();
        assert(h->multi != NULL && h->easy != NULL); /* no memory */
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L);
        http_easy_setup(h, o->user_agent);
        *ret = h;
        return NULL;
}

void http_free(struct http *h)
{
        if (h == NULL)
                return;
        curl_easy_cleanup(h->easy);
        curl_multi_cleanup(h->multi);
        free(h->base_url);
        free(h);
}

/* ---- one exchange ---- */

static struct fault *reply_finish(struct http *h, struct exchange *x, struct http_reply *ret)
{
        curl_off_t retry_s = 0;
        long status = 0;

        must_set(curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status));
        must_set(curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &retry_s));
        x->reply.status = (int) status;
        if (retry_s > 0)
                x->reply.retry_after_ms = (retry_s < RETRY_AFTER_MAX_S ? retry_s : RETRY_AFTER_MAX_S) * 1000;
        *ret = x->reply;
        x->reply.body = BUF(0);
        x->reply.kept = NULL;
        return NULL;
}

static struct fault *url_set(struct http *h, const char *path)
{
        AUTO_STRING char *url = NULL;

        if (path[0] != '/' || strlen(path) > PATH_MAX_LEN || strpbrk(path, " \t\r\n#") != NULL)
                return fault(FAULT_INVALID, "BAD_PATH", "the path of a request");
        url = alloc_printf("%s%s", h->base_url, path);
        must_set(curl_easy_setopt(h->easy, CURLOPT_URL, url)); /* copied */
        return NULL;
}

static struct fault *exchange_run(struct http *h, const char *path, struct curl_slist *headers, struct exchange *x,
                                  struct cancel *cancel, struct http_reply *ret)
{
        struct fault *failed = url_set(h, path);

        must_set(curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, headers));
        x->reply.body = BUF(h->body_max);
        if (failed == NULL)
                failed = http_transfer(h, x, cancel);
        if (failed == NULL)
                failed = reply_finish(h, x, ret);
        must_set(curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL)); /* nothing lent stays behind */
        must_set(curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, NULL));
        http_reply_clear(&x->reply);
        fault_free(x->failed);
        return failed;
}

static struct curl_slist *header_add(struct curl_slist *headers, const char *line)
{
        struct curl_slist *longer = curl_slist_append(headers, line);

        assert(longer != NULL); /* no memory */
        return longer;
}

static struct curl_slist *headers_new(const struct http *h)
{
        return h->header == NULL ? NULL : header_add(NULL, h->header);
}

struct fault *http_get(struct http *h, const char *path, const char *etag, struct cancel *cancel,
                       struct http_reply *ret)
{
        struct curl_slist *headers = headers_new(h);
        struct exchange x = {0};
        struct fault *failed;

        if (etag != NULL && etag[0] != '\0' && strpbrk(etag, "\r\n") == NULL) {
                AUTO_STRING char *line = alloc_printf("If-None-Match: %s", etag);

                headers = header_add(headers, line);
        }
        must_set(curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L));
        failed = exchange_run(h, path, headers, &x, cancel, ret);
        curl_slist_free_all(headers);
        return failed;
}

static struct fault *post(struct http *h, const char *path, struct span json, const uint8_t *bound,
                          struct cancel *cancel, struct http_reply *ret)
{
        /* No "Expect: 100-continue": it costs a round trip. */
        struct curl_slist *headers =
                header_add(header_add(headers_new(h), "Content-Type: application/json"), "Expect:");
        struct exchange x = {.bound = bound};
        struct fault *failed;

        /* The body is lent, not copied: it may hold tokens, and its owner wipes it. What libcurl has in its send buffer is out of reach. */
        must_set(curl_easy_setopt(h->easy, CURLOPT_POST, 1L));
        must_set(curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) json.len));
        must_set(curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, json.len > 0 ? (const char *) json.data : ""));
        failed = exchange_run(h, path, headers, &x, cancel, ret);
        curl_slist_free_all(headers);
        return failed;
}

struct fault *http_post(struct http *h, const char *path, struct span json, struct cancel *cancel,
                        struct http_reply *ret)
{
        return post(h, path, json, NULL, cancel, ret);
}

struct fault *http_post_bound(struct http *h, const char *path, struct span json, const uint8_t exporter[32],
                              struct cancel *cancel, struct http_reply *ret)
{
        return post(h, path, json, exporter, cancel, ret);
}

struct fault *http_exporter(struct http *h, uint8_t ret[32])
{
        if (!h->has_exporter)
                return fault(FAULT_PRECONDITION, "NO_CONNECTION", "%s: there is no connection", h->base_url);
        memcpy(ret, h->exporter, sizeof h->exporter);
        return NULL;
}

uint64_t http_exchanges(const struct http *h)
{
        return h->exchanges;
}

void http_reply_clear(struct http_reply *r)
{
        buf_wipe(&r->body);
        free(r->kept);
        *r = (struct http_reply){0};
}
