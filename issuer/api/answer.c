#include "issuer/api/answer.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "issuer/api/metrics.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/wire/problem.h"

#define RETRY_MS      2000 /* for want of room, disk or signer, when nobody knows better: nobody shall come back at once */
#define ADDRESS_SHARE 16 /* buckets of one address: many clients may share it */

void answer_nonce(const struct api *a, struct buf *out)
{
        uint8_t random[NONCE_RANDOM_LEN], nonce[NONCE_LEN];
        random_bytes(random, sizeof random);
        nonce_make(a->master, a->audience, clock_wall(a->clock), random, nonce);
        struct fault *full = buf_append(out, SPAN_OF(nonce));
        if (full != NULL)
                abort(); /* the callers' limits are ours */
}

void answer_client(const struct httpd_request *q, char ret[17])
{
        ret[0] = '\0';
        if (q->has_client_spki)
                hex_string(span_make(q->client_spki_sha256, 8), ret);
}

/* A host has a /64 of IPv6 to itself: all of it is one address. IPv4 in IPv6's clothes is itself. */
static void network_of(const char *remote, char ret[INET6_ADDRSTRLEN])
{
        struct in6_addr a;
        (void) snprintf(ret, INET6_ADDRSTRLEN, "%.*s", INET6_ADDRSTRLEN - 1, remote); /* an address fits */
        if (inet_pton(AF_INET6, remote, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
                return;
        memset(&a.s6_addr[8], 0, 8);
        (void) inet_ntop(AF_INET6, &a, ret, INET6_ADDRSTRLEN); /* it fits */
}

/* One bucket a client key, and ADDRESS_SHARE an address: keys cost nothing to make. Which of them an
 * exchange meets follows from the client key, so that one greedy key doesn't use up its neighbours'. */
struct fault *answer_admit(const struct api *a, const struct httpd_request *q)
{
        struct boot now = clock_boot(a->clock);
        char key[160], client[2 * SHA256_LEN + 1] = "", network[INET6_ADDRSTRLEN];
        if (q->has_client_spki) {
                hex_string(SPAN_OF(q->client_spki_sha256), client);
                (void) snprintf(key, sizeof key, "key:%s", client); /* it fits */
                TRY(rate_limit_take(a->rates, key, now));
        }
        network_of(q->remote, network);
        (void) snprintf(key, sizeof key, "address:%s:%d", network, q->client_spki_sha256[0] % ADDRESS_SHARE);
        return rate_limit_take(a->rates, key, now);
}

static struct json *document(const struct api *a, const struct fault *refused, const struct json *extra)
{
        struct json *problem = problem_write(refused);
        const char *key;
        const struct json *value;
        for (void *at = NULL; extra != NULL && json_next(extra, &at, &key, &value);)
                json_set(problem, key, json_copy(value));
        AUTO(buf) struct buf nonce = BUF(NONCE_LEN);
        answer_nonce(a, &nonce);
        json_set_base64url(problem, "nonce", buf_span(&nonce));
        return problem;
}

struct fault *answer_refusal(struct api *a, const struct httpd_request *q, struct fault *refused,
                             const struct json *extra, struct httpd_response *r)
{
        char client[17];
        AUTO(fault) struct fault *owned = refused;
        answer_client(q, client);
        bool is_passing = fault_code(owned) == FAULT_UNAVAILABLE || fault_code(owned) == FAULT_EXHAUSTED;
        if (is_passing && fault_retry_after_ms(owned) == 0)
                fault_set_retry_after_ms(owned, RETRY_MS);
        count_refusal(fault_token(owned));
        refusals_add(a->refusals, clock_wall(a->clock), q->path, q->remote, client, owned);
        log_info("request_refused", KV("path", q->path), KV("remote", q->remote), KV("client", (const char *) client),
                 KV("problem", owned));

        AUTO(json) struct json *problem = document(a, owned, extra);
        buf_clear(&r->body);
        r->status = problem_http_status(fault_code(owned));
        r->retry_after_s = (fault_retry_after_ms(owned) + 999) / 1000;
        (void) snprintf(r->content_type, sizeof r->content_type, "application/problem+json"); /* it fits */
        return json_write(problem, &r->body);
}
