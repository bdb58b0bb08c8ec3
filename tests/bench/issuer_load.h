/* issuer_load: requests of many pods for a whole issuer in this process, and the processor time that it and its signer take. For the
 * programs of this folder; each has one issuer. Requests are made before the clock starts. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/crypt/binding.h"
#include "lib/crypt/jwt.h"
#include "lib/wire/options.h"
#include "tests/fakes/issuer.h"

#define BATCH_MAX   64
#define THREADS_MAX 32
#define RSA_KID     "k2"

static struct fake_issuer issuer;
static pid_t signer_pid;
static clockid_t signer_clock;
static struct key *rsa_key; /* of the cluster as well: Kubernetes signs with RS256 unless it is told otherwise */

static int64_t clock_us(clockid_t id)
{
        struct timespec t;
        assert_int_equal(clock_gettime(id, &t), 0);
        return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* Of this process and its signer. */
static int64_t cpu_us(void)
{
        return clock_us(CLOCK_PROCESS_CPUTIME_ID) + clock_us(signer_clock);
}

/* The signer is this process's only child. */
static void find_signer(void)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/task/%d/children", (int) getpid());
        FILE *f = fopen(path, "r");
        char text[32] = "";
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof text, f));
        (void) fclose(f);
        uint64_t pid;
        expect_ok(parse_u64(span_make(text, strcspn(text, " \n")), 1, INT32_MAX, &pid));
        signer_pid = (pid_t) pid;
        assert_int_equal(clock_getcpuclockid(signer_pid, &signer_clock), 0);
}

/* ---- the issuer ---- */

/* The fake issuer's clock follows the real one, which its signer has. */
static void keep_time(void)
{
        int64_t behind_ms = clock_wall(&clock_system).unix_ms - clock_wall(&issuer.time.clock).unix_ms;
        fake_clock_advance_ms(&issuer.time, behind_ms);
}

static void make_rsa_key(void)
{
        EVP_PKEY *pkey = EVP_RSA_gen(2048);
        BIO *text = BIO_new(BIO_s_mem());
        char *pem = NULL;
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(text, pkey, NULL, NULL, 0, NULL, NULL), 1);
        long len = BIO_get_mem_data(text, &pem);
        expect_ok(key_from_pem_private(span_make(pem, (size_t) len), &rsa_key));
        BIO_free(text);
        EVP_PKEY_free(pkey);
}

/* The cluster's second key, published beside the first. */
static void publish_rsa_key(void)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(1 << 16);
        struct json *keys = json_new_array(), *ec = jwk_from_key(issuer.cluster_key), *rsa = jwk_from_key(rsa_key);
        json_set_text(ec, "kid", "k1");
        json_set_text(rsa, "kid", RSA_KID);
        json_push(keys, ec);
        json_push(keys, rsa);
        json_set(set, "keys", keys);
        expect_ok(json_write(set, &text));
        fake_issuer_write(&issuer, "jwks.json", buf_span(&text));
        expect_ok(policy_holder_reload(issuer.api.holder));
}

/* As the program starts, but for its listeners. */
static void start_issuer(void)
{
        log_set_level(LOG_ERROR);
        program_use_little_memory();
        fake_issuer_start(&issuer);
        fake_issuer_enrolled(&issuer, CLUSTER_NODE);
        find_signer();
        make_rsa_key();
        publish_rsa_key();
}

static void end_issuer(void)
{
        authority_stop(issuer.api.authority);
        fake_issuer_remove(issuer.folder); /* the rest goes with the process */
}

/* ---- requests ---- */

enum token_kind { TOKEN_ES256, TOKEN_RS256 };

static void append_part(struct span bytes, struct buf *out)
{
        expect_ok(base64url_encode(bytes, out));
        expect_ok(buf_append_byte(out, '.'));
}

static struct secret *sign_rs256(const struct fake_token *t)
{
        AUTO(json) struct json *claims = fake_token_claims(&issuer, t);
        AUTO(buf) struct buf payload = BUF(1 << 14), token = BUF(1 << 14), signature = BUF(SIGNATURE_MAX);
        expect_ok(json_write(claims, &payload));
        append_part(SPAN("{\"alg\":\"RS256\",\"kid\":\"" RSA_KID "\"}"), &token);
        append_part(buf_span(&payload), &token);
        buf_truncate(&token, token.len - 1);
        expect_ok(key_sign(rsa_key, HASH_SHA256, SIGNATURE_RSASSA, buf_span(&token), &signature));
        expect_ok(buf_append_byte(&token, '.'));
        expect_ok(base64url_encode(buf_span(&signature), &token));
        return secret_copy(buf_span(&token));
}

/* The same pod has the same key and token each time: what is measured does not depend on it, and a million requests get made. */
struct load_pod {
        struct key *key;
        struct secret *token;
};

static struct load_pod make_pod(unsigned number, enum token_kind kind)
{
        struct load_pod p = {0};
        AUTO_STRING char *name = alloc_printf("app-%u", number);
        AUTO_STRING char *uid = alloc_printf("11111111-2222-3333-4444-%012u", number);
        struct fake_token token = fake_token_of("app", name, uid);
        token.life_s = 86400; /* for the longest run */
        expect_ok(key_generate(KEY_P256, &p.key));
        p.token = kind == TOKEN_RS256 ? sign_rs256(&token) : fake_token_sign(&issuer, &token);
        return p;
}

static void fill_pod(struct issue_request *r, const struct load_pod *p, unsigned number)
{
        struct pod_request *pod = &r->pods[r->pod_count++];
        struct credential_request *c = &pod->credentials[0];
        pod->volume = alloc_printf("csi-%064u", number);
        pod->profile = alloc_string("default");
        pod->node.namespace = alloc_string("payroll");
        pod->node.name = alloc_printf("app-%u", number);
        pod->node.uid = alloc_printf("11111111-2222-3333-4444-%012u", number);
        pod->node.service_account = alloc_string("app");
        pod->token = secret_copy(secret_span(p->token));
        pod->credential_count = 1;
        c->slot = alloc_string("x509");
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        expect_ok(buf_append(&c->spki, key_spki(p->key)));
        expect_ok(pop_sign(p->key, buf_span(&r->nonce), span_str(ISSUER_AUDIENCE), &c->pop));
}

static void get_nonce(struct issue_request *r)
{
        struct httpd_request q = fake_request(&issuer, "GET", PATH_CHALLENGE, SPAN_NONE);
        struct httpd_response reply = fake_response();
        AUTO(challenge) struct challenge c = {0};
        keep_time();
        expect_ok(challenge_get(&issuer.api, &q, &reply));
        expect_ok(challenge_read(buf_span(&reply.body), &c));
        expect_ok(buf_append(&r->nonce, buf_span(&c.nonce)));
        r->policy = alloc_string(c.policy);
        buf_clear(&reply.body);
}

static void add_quote(const struct httpd_request *q, struct span nonce, struct span r, struct buf *body)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = nonce, .audience = SPAN(ISSUER_AUDIENCE)};
        struct fake_quote quote;
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        AUTO(cmw) struct cmw evidence = {.count = 1};
        sha256(r, b.request_digest);
        memcpy(b.client_spki_digest, q->client_spki_sha256, SHA256_LEN);
        memcpy(b.exporter, q->exporter, BINDING_EXPORTER_LEN);
        expect_ok(binding_write(&b, &transcript));
        fake_quote_init(&quote, &issuer.tpm, buf_span(&transcript));
        quote.clock_ms = 1; /* stands still: threads may overtake one another, and a TPM's clock never goes back */
        (void) snprintf(evidence.items[0].type, sizeof evidence.items[0].type, "%s", CMW_TPM_QUOTE);
        evidence.items[0].value = BUF(EVIDENCE_ITEM_MAX);
        fake_quote_evidence(&quote, &issuer.tpm, &evidence.items[0].value);
        expect_ok(envelope_write(r, &evidence, body));
        fake_quote_clear(&quote);
}

/* The body of a request of the `count` pods from `first` on. */
static struct buf make_body(const struct load_pod *pods, unsigned first, size_t count)
{
        struct buf body = BUF(BODY_MAX);
        const struct httpd_request q = fake_request(&issuer, "POST", PATH_CREDENTIALS, SPAN_NONE);
        AUTO(buf) struct buf text = BUF(BODY_MAX);
        AUTO(issue_request) struct issue_request r = {0};
        r.audience = alloc_string(ISSUER_AUDIENCE);
        r.nonce = BUF(NONCE_MAX);
        r.pods = alloc_zero(count, sizeof *r.pods);
        get_nonce(&r);
        for (size_t i = 0; i < count; i++)
                fill_pod(&r, &pods[first + i], first + (unsigned) i);
        expect_ok(issue_request_write(&r, &text));
        add_quote(&q, buf_span(&r.nonce), buf_span(&text), &body);
        return body;
}

/* ---- threads that take turns ---- */

struct work {
        void (*one)(struct work *w, size_t i);
        size_t count, next; /* next: under mu */
        pthread_mutex_t mu;
        struct buf *bodies;
};
struct cost {
        double cpu_us, wall_us; /* of one */
};

static void *work_run(void *arg)
{
        struct work *w = arg;
        (void) pthread_setname_np(pthread_self(), "worker"); /* so that a profiler tells serving from preparing */
        for (;;) {
                pthread_mutex_lock(&w->mu);
                size_t i = w->next < w->count ? w->next++ : SIZE_MAX;
                pthread_mutex_unlock(&w->mu);
                if (i == SIZE_MAX)
                        return NULL;
                w->one(w, i);
        }
}

static struct cost measure(struct work *w, size_t threads)
{
        pthread_t ids[THREADS_MAX];
        int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC);
        pthread_mutex_init(&w->mu, NULL);
        for (size_t i = 0; i < threads; i++)
                assert_int_equal(pthread_create(&ids[i], NULL, work_run, w), 0);
        for (size_t i = 0; i < threads; i++)
                pthread_join(ids[i], NULL);
        pthread_mutex_destroy(&w->mu);
        return (struct cost){(double) (cpu_us() - cpu) / (double) w->count,
                             (double) (clock_us(CLOCK_MONOTONIC) - wall) / (double) w->count};
}

static void post_one(struct work *w, size_t i)
{
        keep_time();
        struct httpd_request q = fake_request(&issuer, "POST", PATH_CREDENTIALS, buf_span(&w->bodies[i]));
        struct httpd_response r = fake_response();
        expect_ok(credentials_post(&issuer.api, &q, &r));
        if (r.status != 200 || strstr(buf_str(&r.body), "\"problem\"") != NULL) {
                (void) fprintf(stderr, "refused: %d %s\n", r.status, buf_str(&r.body));
                _exit(1);
        }
        buf_clear(&r.body);
}

/* `count` requests of `size` pods each. A pod comes again when all had their turn. */
static struct cost measure_posts(const struct load_pod *pods, size_t pod_count, size_t count, size_t size,
                                 size_t threads)
{
        struct work w = {.one = post_one, .count = count, .bodies = alloc_zero(count, sizeof(struct buf))};
        for (size_t i = 0; i < count; i++)
                w.bodies[i] = make_body(pods, (unsigned) (i % (pod_count / size) * size), size);
        struct cost c = measure(&w, threads);
        for (size_t i = 0; i < count; i++)
                buf_clear(&w.bodies[i]);
        free(w.bodies);
        return (struct cost){c.cpu_us / (double) size, c.wall_us / (double) size};
}
