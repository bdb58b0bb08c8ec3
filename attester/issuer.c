#include "attester/issuer.h"

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/wire/problem.h"

#define NONCE_USABLE_MS    240000 /* of 300 s: leaves time for a slow quote */
#define REPLY_MAX          (4u << 20)
#define CONNECT_TIMEOUT_MS 5000
#define CA_FILE_MAX        (256u * 1024)

struct issuer {
        const struct clock *clock;
        char *audience;
        struct key *key; /* of this process's TLS client certificate */
        struct tls_client *tls;
        struct http *http;
        bool has_challenge;
        struct challenge challenge;
        struct boot nonce_since;
};

/* "https://[::1]:8443" → "::1" */
static char *host_of(const char *url)
{
        struct span rest = span_str(url);
        if (span_starts_with(rest, SPAN("https://")))
                rest = span_slice(rest, 8, rest.len - 8);
        bool is_bracketed = rest.len > 0 && rest.data[0] == '[';
        size_t from = is_bracketed ? 1 : 0, end = from;
        while (end < rest.len && rest.data[end] != '/' && rest.data[end] != (is_bracketed ? ']' : ':'))
                end++;
        return span_to_string(span_slice(rest, from, end - from));
}

static struct fault *make_tls(struct issuer *i, const struct issuer_options *o)
{
        AUTO(buf) struct buf ca = BUF(CA_FILE_MAX), pin = BUF(SHA256_LEN);
        if (o->ca_file != NULL)
                TRY_AS(file_read(o->ca_file, &ca), "read issuer.ca-file");
        if (o->pin != NULL)
                TRY_AS(hex_decode(span_str(o->pin), &pin), "issuer.pin");
        if (o->pin != NULL && pin.len != SHA256_LEN)
                return fault(FAULT_INVALID, "CONFIG", "issuer.pin must be the hex of a SHA-256, 64 digits");
        if (o->ca_file == NULL && o->pin == NULL)
                return fault(FAULT_INVALID, "CONFIG",
                             "issuer.ca-file or issuer.pin is needed: the issuer must be known beforehand");

        AUTO_STRING char *host = o->server_name != NULL ? alloc_string(o->server_name) : host_of(o->url);
        const struct tls_client_options options = {
                .ca_pem = buf_span(&ca),
                .spki_sha256 = pin.len > 0 ? pin.data : NULL,
                .server_name = host,
                .key = i->key,
                .now = clock_wall(o->clock),
        };
        return tls_client_new(&options, &i->tls);
}

static struct fault *copy_key(const struct key *key, struct key **ret)
{
        AUTO(secret) struct secret *pem = NULL;
        TRY(key_to_pem_private(key, &pem));
        return key_from_pem_private(secret_span(pem), ret);
}

static struct fault *make(struct issuer *i, const struct issuer_options *o)
{
        TRY(o->key_of != NULL ? copy_key(o->key_of->key, &i->key) : key_generate(KEY_P256, &i->key));
        TRY(make_tls(i, o));
        const struct http_options options = {
                .base_url = o->url,
                .tls = i->tls,
                .body_max = REPLY_MAX,
                .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                .user_agent = "vouchsafe-attester/" VOUCHSAFE_VERSION,
        };
        return http_new(&options, &i->http);
}

struct fault *issuer_new(const struct issuer_options *o, struct issuer **ret)
{
        AUTO(issuer) struct issuer *i = NEW(struct issuer);
        i->clock = o->clock;
        i->audience = alloc_string(o->audience);
        TRY(make(i, o));
        *ret = TAKE(i);
        return NULL;
}

/* The problem of a reply that isn't 2xx, with its nonce kept for the next try. */
static struct fault *problem_of(struct issuer *i, const struct http_reply *reply)
{
        AUTO(json) struct json *body = NULL;
        fault_free(json_parse(buf_span(&reply->body), &body)); /* unreadable: problem_read says so */
        struct fault *problem = problem_read(reply->status, body);
        if (reply->retry_after_ms > 0 && fault_retry_after_ms(problem) == 0)
                fault_set_retry_after_ms(problem, reply->retry_after_ms);
        AUTO(buf) struct buf nonce = BUF(NONCE_MAX);
        AUTO(fault) struct fault *no_nonce = body != NULL ? reply_nonce(body, &nonce) : NULL;
        if (no_nonce == NULL && nonce.len > 0 && i->has_challenge) {
                buf_clear(&i->challenge.nonce);
                i->challenge.nonce = nonce;
                nonce = BUF(0);
                i->nonce_since = clock_boot(i->clock);
        }
        return problem;
}

static struct fault *fetch_challenge(struct issuer *i, struct cancel *cancel)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_get(i->http, PATH_CHALLENGE, NULL, cancel, &reply), "ask the issuer for a challenge");
        if (reply.status != 200)
                return fault_prefix(problem_of(i, &reply), "ask the issuer for a challenge");
        AUTO(challenge) struct challenge fresh = {0};
        TRY_AS(challenge_read(buf_span(&reply.body), &fresh), "read the issuer's challenge");
        if (strcmp(fresh.audience, i->audience) != 0)
                return fault(FAULT_PRECONDITION, "AUDIENCE", "the issuer calls itself %s, issuer.audience here is %s",
                             fresh.audience, i->audience);

        challenge_clear(&i->challenge);
        i->challenge = fresh;
        fresh = (struct challenge){0};
        i->has_challenge = true;
        i->nonce_since = clock_boot(i->clock);
        return NULL;
}

struct fault *issuer_prepare(struct issuer *i, struct cancel *cancel)
{
        uint8_t exporter[BINDING_EXPORTER_LEN];
        AUTO(fault) struct fault *no_connection = http_exporter(i->http, exporter);
        bool is_warm = no_connection == NULL && i->has_challenge && i->challenge.nonce.len > 0 &&
                       clock_boot(i->clock).ms - i->nonce_since.ms < NONCE_USABLE_MS;
        return is_warm ? NULL : fetch_challenge(i, cancel);
}

const struct profile_shape *issuer_profile(const struct issuer *i, const char *name)
{
        for (size_t at = 0; at < i->challenge.profile_count; at++) {
                if (strcmp(i->challenge.profiles[at].name, name) == 0)
                        return &i->challenge.profiles[at];
        }
        return NULL;
}

const char *issuer_policy(const struct issuer *i)
{
        return i->challenge.policy;
}

const char *issuer_audience(const struct issuer *i)
{
        return i->audience;
}

struct span issuer_nonce(const struct issuer *i)
{
        return buf_span(&i->challenge.nonce);
}

struct fault *issuer_binding(struct issuer *i, enum binding_purpose purpose, struct span r, struct binding *ret)
{
        *ret = (struct binding){.purpose = purpose, .nonce = issuer_nonce(i), .audience = span_str(i->audience)};
        sha256(r, ret->request_digest);
        key_spki_sha256(i->key, ret->client_spki_digest);
        return http_exporter(i->http, ret->exporter);
}

static struct fault *post(struct issuer *i, const char *path, struct buf *body,
                          const uint8_t exporter[BINDING_EXPORTER_LEN], struct cancel *cancel, struct http_reply *ret)
{
        AUTO(http_reply) struct http_reply reply = {0};
        struct fault *failed = http_post_bound(i->http, path, buf_span(body), exporter, cancel, &reply);
        buf_wipe(body);                 /* it may hold tokens */
        buf_clear(&i->challenge.nonce); /* spent, or not worth keeping: `binding` must not be used any more */
        if (failed != NULL)
                return fault_prefix(failed, "send the request to the issuer");
        if (reply.status < 200 || reply.status > 299)
                return problem_of(i, &reply);

        AUTO(json) struct json *json = NULL;
        TRY_AS(json_parse(buf_span(&reply.body), &json), "read the issuer's reply");
        i->challenge.nonce = BUF(NONCE_MAX);
        TRY_AS(reply_nonce(json, &i->challenge.nonce), "read the issuer's reply");
        i->nonce_since = clock_boot(i->clock);
        *ret = reply;
        reply = (struct http_reply){0};
        return NULL;
}

struct fault *issuer_post(struct issuer *i, const char *path, struct span r, const struct cmw *evidence,
                          const struct binding *binding, struct cancel *cancel, struct http_reply *ret)
{
        AUTO(buf) struct buf body = BUF(BODY_MAX);
        TRY(envelope_write(r, evidence, &body));
        return post(i, path, &body, binding->exporter, cancel, ret);
}

struct fault *issuer_post_result(struct issuer *i, const char *path, struct span r, const char *result,
                                 struct cancel *cancel, struct http_reply *ret)
{
        uint8_t exporter[BINDING_EXPORTER_LEN];
        AUTO(buf) struct buf body = BUF(BODY_MAX);
        TRY(http_exporter(i->http, exporter));
        TRY(envelope_write_result(r, result, &body));
        return post(i, path, &body, exporter, cancel, ret);
}

struct span issuer_client_spki(const struct issuer *i)
{
        return key_spki(i->key);
}

void issuer_forget(struct issuer *i)
{
        challenge_clear(&i->challenge);
        i->challenge = (struct challenge){0};
        i->has_challenge = false;
}

void issuer_saw_policy(struct issuer *i, const char *policy)
{
        if (i->has_challenge && strcmp(policy, i->challenge.policy) != 0)
                issuer_forget(i);
}

struct fault *issuer_get_bundle(struct issuer *i, const char *etag, struct cancel *cancel, struct http_reply *ret)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_get(i->http, PATH_BUNDLE, etag, cancel, &reply), "ask the issuer for the trust bundle");
        if (reply.status != 200 && reply.status != 304)
                return fault_prefix(problem_of(i, &reply), "ask the issuer for the trust bundle");
        *ret = reply;
        reply = (struct http_reply){0};
        return NULL;
}

void issuer_free(struct issuer *i)
{
        if (i == NULL)
                return;
        http_free(i->http);
        tls_client_free(i->tls);
        key_free(i->key);
        challenge_clear(&i->challenge);
        free(i->audience);
        free(i);
}
