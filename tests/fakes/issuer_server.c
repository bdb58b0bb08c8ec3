#include "tests/fakes/issuer_server.h"

#include <stdio.h>

#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/jwe.h"
#include "lib/crypt/tls.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/release.h"
#include "lib/wire/cmw.h"
#include "lib/wire/problem.h"
#include "tests/fakes/expect.h"

#define PATIENCE_S 20
#define LIFE_S     600

static int64_t now_s(void)
{
        return wall_unix_s(clock_wall(&clock_system));
}

static struct buf fresh_nonce(void)
{
        uint8_t bytes[32];
        struct buf nonce = BUF(NONCE_MAX);
        random_bytes(bytes, sizeof bytes);
        expect_ok(buf_append(&nonce, SPAN_OF(bytes)));
        return nonce;
}

static void count(struct issuer_server *s, unsigned *counter)
{
        pthread_mutex_lock(&s->mu);
        (*counter)++;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mu);
}

static char *policy_of(struct issuer_server *s)
{
        pthread_mutex_lock(&s->mu);
        uint64_t policy = s->policy;
        pthread_mutex_unlock(&s->mu);
        return alloc_printf("sha256:%064llx", (unsigned long long) policy);
}

/* ---- challenge ---- */

static struct fault *get_challenge(void *self, const struct httpd_request *q UNUSED, struct httpd_response *r)
{
        struct issuer_server *s = self;
        static const struct profile_shape shapes[] = {
                {"default", MECHANISM_BACKGROUND_CHECK, 1, {{"x509", SLOT_TYPE_X509, 1, {"p256"}, ""}}},
                {"two",
                 MECHANISM_BACKGROUND_CHECK,
                 2,
                 {{"in", SLOT_TYPE_X509, 1, {"p256"}, ""}, {"out", SLOT_TYPE_X509, 1, {"p384"}, ""}}},
                {"key", MECHANISM_BACKGROUND_CHECK, 1, {{"key", SLOT_TYPE_KEY, 1, {"p256"}, ""}}},
                {"passport", MECHANISM_PASSPORT, 1, {{"x509", SLOT_TYPE_X509, 1, {"p256"}, ""}}},
                {"stored", MECHANISM_KEY_RELEASE, 1, {{"x509", SLOT_TYPE_X509, 1, {"p256"}, "api"}}},
                {"stored-two",
                 MECHANISM_KEY_RELEASE,
                 2,
                 {{"in", SLOT_TYPE_X509, 1, {"p256"}, "api"}, {"out", SLOT_TYPE_X509, 1, {"p256"}, "client"}}},
        };
        count(s, &s->challenges);
        AUTO(challenge)
        struct challenge c = {.time_unix_s = now_s(), .nonce = fresh_nonce(), .profile_count = COUNT_OF(shapes)};
        c.audience = alloc_string(ISSUER_SERVER_AUDIENCE);
        c.policy = policy_of(s);
        c.profiles = alloc_zero(COUNT_OF(shapes), sizeof shapes[0]);
        memcpy(c.profiles, shapes, sizeof shapes);
        return challenge_write(&c, &r->body);
}

/* ---- credentials ---- */

static struct fault *refusal(struct issuer_server *s)
{
        struct fault *f = NULL;
        pthread_mutex_lock(&s->mu);
        while (s->hold)
                pthread_cond_wait(&s->changed, &s->mu);
        if (s->refusals > 0) {
                s->refusals--;
                f = fault(s->refusal_code, s->refusal_token, "as the test wants it");
                fault_set_retry_after_ms(f, s->refusal_retry_ms);
        } else if (!s->knows_key) {
                f = fault(FAULT_DENIED, "tpm.ak_unknown", "enrol first");
        }
        pthread_mutex_unlock(&s->mu);
        return f;
}

static void sign(struct issuer_server *s, const struct credential_request *wanted, const char *account,
                 struct issued_credential *c)
{
        pthread_mutex_lock(&s->mu);
        unsigned serial = ++s->serial;
        bool twisted = s->twisted;
        pthread_mutex_unlock(&s->mu);
        AUTO_STRING char *uri = alloc_printf("spiffe://demo.example/sa/%s%s", account, twisted ? "-twisted" : "");
        struct leaf_spec spec = {.serial = {1, (uint8_t) (serial >> 8), (uint8_t) serial},
                                 .issuer_name_der = cert_subject_der(s->root),
                                 .not_before = wall_from_unix_s(now_s() - 30),
                                 .not_after = wall_from_unix_s(now_s() + LIFE_S),
                                 .spki = buf_span(&wanted->spki),
                                 .uri = uri};
        key_id(s->root_key, spec.issuer_key_id);
        *c = (struct issued_credential){
                .type = SLOT_TYPE_X509, .chain_count = 1, .chain = {BUF(CERT_MAX)}, .record = "r-1"};
        (void) snprintf(c->slot, sizeof c->slot, "%s", wanted->slot);
        c->identity = alloc_printf("spiffe://demo.example/sa/%s", account);
        c->not_before_unix_s = wall_unix_s(spec.not_before);
        c->not_after_unix_s = wall_unix_s(spec.not_after);
        expect_ok(leaf_build(&spec, s->root_key, &c->chain[0]));
}

static void decide(struct issuer_server *s, const struct pod_request *pod, struct pod_result *result)
{
        (void) snprintf(result->volume, sizeof result->volume, "%s", pod->volume);
        if (strcmp(pod->node.name, "denied") == 0) {
                result->problem = fault(FAULT_DENIED, "policy.no_match", "no workload matches");
                return;
        }
        result->credential_count = pod->credential_count;
        for (size_t i = 0; i < pod->credential_count; i++)
                sign(s, &pod->credentials[i], pod->node.service_account, &result->credentials[i]);
}

static struct fault *issue(struct issuer_server *s, const struct issue_request *q, struct httpd_response *r)
{
        AUTO(issue_reply) struct issue_reply reply = {.time_unix_s = now_s(), .nonce = fresh_nonce()};
        reply.policy = policy_of(s);
        reply.results = alloc_zero(q->pod_count, sizeof *reply.results);
        for (size_t i = 0; i < q->pod_count; i++)
                decide(s, &q->pods[i], &reply.results[reply.result_count++]);
        pthread_mutex_lock(&s->mu);
        s->pods += (unsigned) q->pod_count;
        reply.bundle_sequence = s->bundle_named != 0 ? s->bundle_named : s->bundle;
        pthread_mutex_unlock(&s->mu);
        return issue_reply_write(&reply, &r->body);
}

static struct fault *post_credentials(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct issuer_server *s = self;
        AUTO(buf) struct buf bytes = BUF(BODY_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        AUTO(issue_request) struct issue_request request = {0};
        count(s, &s->requests);
        TRY(refusal(s));
        TRY(envelope_read(q->body, &bytes, &evidence));
        TRY(issue_request_read(buf_span(&bytes), &request));
        return issue(s, &request, r);
}

/* ---- stored keys ---- */

static void seal(const struct release_request *q, enum release_wrong wrong, const struct key *stored, char **ret_jwe)
{
        const struct credential_request *c = &q->request.pods[0].credentials[0];
        const struct jwe_parties parties = {.producer = SPAN(ISSUER_SERVER_AUDIENCE),
                                            .recipient = wrong == RELEASE_OTHER_NONCE ? SPAN("another")
                                                                                      : buf_span(&q->request.nonce)};
        AUTO(key) struct key *wrap = NULL;
        AUTO(secret) struct secret *pem = NULL;
        AUTO(buf) struct buf jwe = BUF(RELEASE_JWE_MAX);
        if (wrong == RELEASE_TO_OTHER)
                expect_ok(key_generate(KEY_P256, &wrap));
        else
                expect_ok(key_from_spki(buf_span(&c->spki), &wrap));
        if (wrong == RELEASE_NO_KEY)
                pem = secret_copy(SPAN("no key"));
        else
                expect_ok(key_to_pem_private(stored, &pem));
        expect_ok(jwe_seal(wrap, &parties, NULL, NULL, pem, &jwe));
        if (wrong == RELEASE_CHANGED)
                jwe.data[jwe.len - 2] = jwe.data[jwe.len - 2] == 'A' ? 'B' : 'A';
        *ret_jwe = span_to_string(buf_span(&jwe));
}

static struct fault *release(struct issuer_server *s, const struct release_request *q, struct httpd_response *r)
{
        const struct pod_request *pod = &q->request.pods[0];
        AUTO(key) struct key *stored = NULL, *other = NULL;
        AUTO(release_reply) struct release_reply reply = {.time_unix_s = now_s(), .nonce = fresh_nonce(), .version = 1};
        pthread_mutex_lock(&s->mu);
        enum release_wrong wrong = s->release_wrong;
        reply.bundle_sequence = s->bundle;
        s->releases++;
        pthread_mutex_unlock(&s->mu);
        if (strcmp(pod->node.name, "denied") == 0)
                return fault(FAULT_DENIED, "release/api", "no");
        expect_ok(key_generate(KEY_P256, &stored));
        expect_ok(key_generate(KEY_P256, &other));
        reply.policy = policy_of(s);
        (void) snprintf(reply.key, sizeof reply.key, "%s", wrong == RELEASE_OTHER_NAME ? "other" : q->key);
        seal(q, wrong, wrong == RELEASE_OTHER_KEY ? other : stored, &reply.jwe);
        AUTO(buf) struct buf spki = BUF(SPKI_MAX);
        expect_ok(buf_append(&spki, key_spki(stored)));
        const struct credential_request certified = {
                .slot = wrong == RELEASE_OTHER_SLOT ? (char[]){"other"} : pod->credentials[0].slot, .spki = spki};
        sign(s, &certified, pod->node.service_account, &reply.credential);
        return release_reply_write(&reply, &r->body);
}

static struct fault *post_release(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct issuer_server *s = self;
        AUTO(buf) struct buf bytes = BUF(BODY_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        AUTO(release_request) struct release_request request = {0};
        TRY(refusal(s));
        TRY(envelope_read(q->body, &bytes, &evidence));
        TRY(release_request_read(buf_span(&bytes), &request));
        return release(s, &request, r);
}

/* ---- enrolment, bundle ---- */

static struct fault *post_key(void *self UNUSED, const struct httpd_request *q UNUSED, struct httpd_response *r)
{
        AUTO(enrol_reply)
        struct enrol_reply reply = {now_s(), fresh_nonce(), fresh_nonce(), fresh_nonce(), fresh_nonce()};
        return enrol_reply_write(&reply, &r->body);
}

static struct fault *post_activate(void *self, const struct httpd_request *q UNUSED, struct httpd_response *r)
{
        struct issuer_server *s = self;
        AUTO(activate_reply)
        struct activate_reply reply = {.time_unix_s = now_s(), .nonce = fresh_nonce(), .ak = "000b"};
        issuer_server_set(s, knows_key, true);
        count(s, &s->enrolments);
        return activate_reply_write(&reply, &r->body);
}

static struct fault *get_bundle(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct issuer_server *s = self;
        pthread_mutex_lock(&s->mu);
        bool fails = s->bundle_fails;
        struct bundle b = {.sequence = s->bundle, .refresh_hint_s = 3600, .root_count = 1};
        pthread_mutex_unlock(&s->mu);
        (void) snprintf(r->etag, sizeof r->etag, "\"%llu\"", (unsigned long long) b.sequence);
        bool unchanged = q->if_none_match != NULL && strcmp(q->if_none_match, r->etag) == 0;
        count(s, unchanged ? &s->bundles_unchanged : &s->bundles);
        if (fails)
                return fault(FAULT_UNAVAILABLE, "DOWN", "as the test wants it");
        if (unchanged) {
                r->status = 304;
                return NULL;
        }
        b.roots[0] = BUF(CERT_MAX);
        b.token_keys = json_new_array();
        struct fault *f = buf_append(&b.roots[0], cert_der(s->root));
        if (f == NULL)
                f = bundle_write(&b, &r->body);
        bundle_clear(&b);
        return f;
}

/* ---- life ---- */

static void make_root(struct issuer_server *s)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        expect_ok(key_generate(KEY_P256, &s->root_key));
        const struct ca_spec spec = {"root",
                                     "spiffe://demo.example",
                                     {1, 2, 3},
                                     wall_from_unix_s(now_s() - 3600),
                                     wall_from_unix_s(now_s() + 86400),
                                     s->root_key,
                                     -1};
        expect_ok(ca_build(&spec, NULL, s->root_key, &der));
        expect_ok(cert_from_der(buf_span(&der), &s->root));
}

static void make_tls(struct issuer_server *s)
{
        AUTO(key) struct key *key = NULL;
        AUTO(cert) struct cert *cert = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX), pem = BUF(1 << 16);
        AUTO(secret) struct secret *key_pem = NULL;
        uint8_t pin[SHA256_LEN];
        static const char *const ips[] = {"127.0.0.1", NULL}, *const no_names[] = {NULL};
        expect_ok(key_generate(KEY_P256, &key));
        const struct tls_cert_spec spec = {
                "issuer", no_names, ips, {1}, wall_from_unix_s(now_s() - 60), wall_from_unix_s(now_s() + 3600), key};
        expect_ok(tls_cert_build(&spec, NULL, key, &der));
        expect_ok(cert_from_der(buf_span(&der), &cert));
        expect_ok(cert_to_pem(cert, &pem));
        expect_ok(key_to_pem_private(key, &key_pem));
        expect_ok(tls_server_new(buf_span(&pem), key_pem, &s->tls));
        key_spki_sha256(key, pin);
        hex_string(SPAN_OF(pin), s->pin);
}

void issuer_server_start(struct issuer_server *s)
{
        *s = (struct issuer_server){.knows_key = true, .policy = 1, .bundle = 1};
        pthread_mutex_init(&s->mu, NULL);
        cond_init_boot(&s->changed);
        make_root(s);
        make_tls(s);
        const struct httpd_route routes[] = {
                {"GET", PATH_CHALLENGE, 0, get_challenge, s},
                {"POST", PATH_CREDENTIALS, BODY_MAX, post_credentials, s},
                {"POST", PATH_KEYS "/*", BODY_MAX, post_release, s},
                {"POST", PATH_ATTESTATION_KEYS, BODY_MAX, post_key, s},
                {"POST", PATH_ACTIVATE, BODY_MAX, post_activate, s},
                {"GET", PATH_BUNDLE, 0, get_bundle, s},
        };
        const struct httpd_options options = {.name = "fake-issuer",
                                              .routes = routes,
                                              .route_count = COUNT_OF(routes),
                                              .workers = 4,
                                              .queue_max = 16,
                                              .connections_max = 16,
                                              .idle_timeout_ms = 60000,
                                              .clock = &clock_system};
        uint16_t port = 0;
        expect_ok(httpd_new(&options, &s->httpd));
        expect_ok(httpd_listen_tls(s->httpd, "127.0.0.1:0", s->tls, &port));
        expect_ok(httpd_start(s->httpd));
        (void) snprintf(s->url, sizeof s->url, "https://127.0.0.1:%u", port);
}

void issuer_server_stop(struct issuer_server *s)
{
        issuer_server_hold(s, false);
        httpd_stop(s->httpd, 1000);
        tls_server_free(s->tls);
        cert_free(s->root);
        key_free(s->root_key);
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->mu);
}

void issuer_server_refuse_next(struct issuer_server *s, unsigned times, enum fault_code code, const char *token)
{
        pthread_mutex_lock(&s->mu);
        s->refusals = times;
        s->refusal_code = code;
        s->refusal_token = token;
        pthread_mutex_unlock(&s->mu);
}

void issuer_server_hold(struct issuer_server *s, bool hold)
{
        issuer_server_set(s, hold, hold);
}

unsigned issuer_server_count(struct issuer_server *s, const unsigned *counter)
{
        pthread_mutex_lock(&s->mu);
        unsigned n = *counter;
        pthread_mutex_unlock(&s->mu);
        return n;
}

void issuer_server_wait(struct issuer_server *s, const unsigned *counter, unsigned at_least)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PATIENCE_S;
        pthread_mutex_lock(&s->mu);
        while (*counter < at_least)
                if (pthread_cond_timedwait(&s->changed, &s->mu, &until) != 0)
                        break;
        assert_true(*counter >= at_least);
        pthread_mutex_unlock(&s->mu);
}
