#include "attester/evidence/azure_imds.h"

#include "attester/evidence/azure_answers.h"
#include "lib/base/log.h"
#include "lib/net/http.h"

#define PATH_CERTIFICATES "/metadata/THIM/amd/certification"
#define PATH_TD_QUOTE     "/acc/tdquote"
#define CONNECT_MS        2000
#define REQUEST_MAX       ((size_t) 4 * 1024)

#define HTTP_OK       200
#define HTTP_TIMEOUT  408
#define HTTP_GONE     410 /* said while the service restarts: "retry", Microsoft writes */
#define HTTP_TOO_MANY 429
#define HTTP_SERVER   500

struct azure_imds {
        struct http *http;
        char *url;
        int64_t pause_ms, answer_ms;
};

struct fault *azure_imds_new(const struct azure_imds_options *o, struct azure_imds **ret)
{
        AUTO(azure_imds) struct azure_imds *i = NEW(struct azure_imds);
        i->url = alloc_string(o->url);
        i->pause_ms = o->pause_ms;
        i->answer_ms = o->answer_ms;
        const struct http_options options = {.base_url = i->url,
                                             .is_plain = true,
                                             .header = "Metadata: true",
                                             .body_max = AZURE_ANSWER_MAX,
                                             .connect_timeout_ms = CONNECT_MS,
                                             .user_agent = "vouchsafe/" VOUCHSAFE_VERSION};
        TRY(fault_rename(fault_prefix(http_new(&options, &i->http), "evidence.imds-url"), FAULT_INVALID,
                         "evidence.imds_url"));
        *ret = TAKE(i);
        return NULL;
}

void azure_imds_free(struct azure_imds *i)
{
        if (i == NULL)
                return;
        http_free(i->http);
        free(i->url);
        free(i);
}

/* ---- one try ---- */

struct call {
        struct azure_imds *imds;
        const char *path;
        struct span body; /* empty: GET */
        int64_t wait_ms;
};

static void give_up(void *arg)
{
        cancel_trip(arg);
}

/* Ends with the caller's work, and after wait_ms. */
static struct fault *exchange(const struct call *c, struct cancel *cancel, struct http_reply *ret)
{
        AUTO(cancel) struct cancel wait;
        int64_t left_ms = cancel_left_ms(cancel, c->wait_ms);
        cancel_init(&wait, &clock_system, (struct boot){clock_boot(&clock_system).ms + left_ms});
        if (cancel != NULL)
                cancel_set_wake(cancel, give_up, &wait);
        struct fault *f = c->body.len > 0 ? http_post(c->imds->http, c->path, c->body, &wait, ret)
                                          : http_get(c->imds->http, c->path, NULL, &wait, ret);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        if (f != NULL && fault_code(f) == FAULT_DEADLINE && left_ms == c->wait_ms) {
                fault_free(f);
                return fault(FAULT_UNAVAILABLE, "az.imds", "%s%s: no answer for %lld ms", c->imds->url, c->path,
                             (long long) c->wait_ms);
        }
        return f;
}

static struct fault *not_served(const struct call *c, const struct http_reply *r)
{
        bool is_passing = r->status == HTTP_TIMEOUT || r->status == HTTP_GONE || r->status == HTTP_TOO_MANY ||
                          r->status >= HTTP_SERVER;
        if (!is_passing)
                return fault(FAULT_INTERNAL, "az.imds_refused",
                             "%s%s: status %d, where 200 was expected: is this a confidential VM, and the service one "
                             "that knows its kind?",
                             c->imds->url, c->path, r->status);
        struct fault *f = fault(FAULT_UNAVAILABLE, "az.imds", "%s%s: status %d", c->imds->url, c->path, r->status);
        fault_set_retry_after_ms(f, r->retry_after_ms);
        return f;
}

static struct fault *try_once(const struct call *c, struct cancel *cancel, struct http_reply *ret)
{
        AUTO(http_reply) struct http_reply r = {0};
        AUTO(fault) struct fault *f = exchange(c, cancel, &r);
        if (f != NULL && fault_code(f) == FAULT_EXHAUSTED)
                return fault_rename(TAKE(f), FAULT_INTERNAL, "az.imds_answer");
        if (f != NULL && fault_code(f) == FAULT_UNAVAILABLE)
                return fault_rename(TAKE(f), FAULT_UNAVAILABLE, "az.imds");
        if (f != NULL)
                return TAKE(f);
        if (r.status != HTTP_OK)
                return not_served(c, &r);
        *ret = r;
        r = (struct http_reply){0}; /* the caller's now */
        return NULL;
}

/* ---- tries ---- */

static struct fault *ask(const struct call *c, unsigned tries_max, struct cancel *cancel, struct http_reply *ret)
{
        int64_t pause_ms = c->imds->pause_ms;
        for (unsigned tries = 1;; tries++) {
                TRY(cancel_check(cancel));
                AUTO(fault) struct fault *f = try_once(c, cancel, ret);
                if (f == NULL || strcmp(fault_token(f), "az.imds") != 0)
                        return TAKE(f);
                if (tries >= tries_max)
                        return fault_prefix(TAKE(f), "Azure's metadata service, try %u of %u", tries, tries_max);
                log_debug("azure_imds_another_try", KV("why", f));
                int64_t told_ms = fault_retry_after_ms(f);
                if (told_ms > AZURE_IMDS_RETRY_AFTER_MAX)
                        told_ms = AZURE_IMDS_RETRY_AFTER_MAX;
                TRY(cancel_sleep(cancel, told_ms > pause_ms ? told_ms : pause_ms));
                pause_ms *= 2;
        }
}

struct fault *azure_imds_certificates(struct azure_imds *i, int64_t wait_ms, struct cancel *cancel,
                                      struct buf *ret_vcek, struct buf *ret_chain)
{
        const struct call c = {.imds = i, .path = PATH_CERTIFICATES, .wait_ms = wait_ms};
        AUTO(http_reply) struct http_reply r = {0};
        TRY(ask(&c, 1, cancel, &r));
        return fault_prefix(azure_certificates_read(buf_span(&r.body), ret_vcek, ret_chain), "%s" PATH_CERTIFICATES,
                            i->url);
}

struct fault *azure_imds_td_quote(struct azure_imds *i, struct span tdreport, struct cancel *cancel,
                                  struct buf *ret_quote)
{
        AUTO(buf) struct buf request = BUF(REQUEST_MAX);
        AUTO(http_reply) struct http_reply r = {0};
        TRY(azure_td_request_write(tdreport, &request));
        const struct call c = {.imds = i, .path = PATH_TD_QUOTE, .body = buf_span(&request), .wait_ms = i->answer_ms};
        TRY(ask(&c, AZURE_IMDS_TRIES, cancel, &r));
        return fault_prefix(azure_td_quote_read(buf_span(&r.body), ret_quote), "%s" PATH_TD_QUOTE, i->url);
}
