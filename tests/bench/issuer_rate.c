/* issuer_rate: what a credential costs the issuer, in processor time: the whole way of POST /v1/credentials (parse, proofs, TPM quote,
 * token, policy, ledger commit, signature by the signer's process, reply), without TLS. Requests are made before the clock starts.
 * Beside it, in the same run, the bare OpenSSL operations that can't be avoided.
 *
 * usage: issuer_rate REQUESTS BATCHES
 *   REQUESTS of one pod each, by one thread, then by as many as there are processors; then BATCHES of 32 pods in the same two ways;
 *   ledger commits of one record by one thread and by 32. Prints one JSON object. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/crypt/binding.h"
#include "lib/crypt/jwt.h"
#include "tests/fakes/issuer.h"

#define BATCH       32
#define OPERATIONS  2000
#define THREADS_MAX 32
#define COMMITS     320

static struct fake_issuer issuer;
static clockid_t signer_clock;

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
        assert_int_equal(clock_getcpuclockid((pid_t) pid, &signer_clock), 0);
}

/* ---- requests ---- */

static void fill_pod(struct issue_request *r, struct key **keys, unsigned number)
{
        struct pod_request *pod = &r->pods[r->pod_count];
        struct credential_request *c = &pod->credentials[0];
        struct fake_token token;
        pod->volume = alloc_printf("csi-%064u", number);
        pod->profile = alloc_string("default");
        pod->node.namespace = alloc_string("payroll");
        pod->node.name = alloc_printf("app-%u", number);
        pod->node.uid = alloc_printf("11111111-2222-3333-4444-%012u", number);
        pod->node.service_account = alloc_string("app");
        token = fake_token_of("app", pod->node.name, pod->node.uid);
        pod->token = fake_token_sign(&issuer, &token);
        pod->credential_count = 1;
        c->slot = alloc_string("x509");
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        expect_ok(key_generate(KEY_P256, &keys[r->pod_count]));
        expect_ok(buf_append(&c->spki, key_spki(keys[r->pod_count])));
        expect_ok(pop_sign(keys[r->pod_count], buf_span(&r->nonce), span_str(ISSUER_AUDIENCE), &c->pop));
        r->pod_count++;
}

static void get_nonce(struct issue_request *r)
{
        struct httpd_request q = fake_request(&issuer, "GET", PATH_CHALLENGE, SPAN_NONE);
        struct httpd_response reply = fake_response();
        AUTO(challenge) struct challenge c = {0};
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
        quote.clock_ms = (uint64_t) clock_wall(&issuer.time.clock).unix_ms;
        (void) snprintf(evidence.items[0].type, sizeof evidence.items[0].type, "%s", CMW_TPM_QUOTE);
        evidence.items[0].value = BUF(EVIDENCE_ITEM_MAX);
        fake_quote_evidence(&quote, &issuer.tpm, &evidence.items[0].value);
        expect_ok(envelope_write(r, &evidence, body));
        fake_quote_clear(&quote);
}

/* The body of a request of `pods` pods. */
static struct buf make_body(size_t pods)
{
        static unsigned number;
        struct buf body = BUF(BODY_MAX);
        struct key *keys[BATCH] = {NULL};
        const struct httpd_request q = fake_request(&issuer, "POST", PATH_CREDENTIALS, SPAN_NONE);
        AUTO(buf) struct buf text = BUF(BODY_MAX);
        AUTO(issue_request) struct issue_request r = {0};
        r.audience = alloc_string(ISSUER_AUDIENCE);
        r.nonce = BUF(NONCE_MAX);
        r.pods = alloc_zero(pods, sizeof *r.pods);
        get_nonce(&r);
        for (size_t i = 0; i < pods; i++)
                fill_pod(&r, keys, number++);
        expect_ok(issue_request_write(&r, &text));
        add_quote(&q, buf_span(&r.nonce), buf_span(&text), &body);
        for (size_t i = 0; i < pods; i++)
                key_free(keys[i]);
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
        struct httpd_request q = fake_request(&issuer, "POST", PATH_CREDENTIALS, buf_span(&w->bodies[i]));
        struct httpd_response r = fake_response();
        expect_ok(credentials_post(&issuer.api, &q, &r));
        if (r.status != 200 || strstr(buf_str(&r.body), "\"problem\"") != NULL) {
                (void) fprintf(stderr, "issuer_rate: %d %s\n", r.status, buf_str(&r.body));
                _exit(1);
        }
        buf_clear(&r.body);
}

static struct cost measure_posts(size_t requests, size_t pods, size_t threads)
{
        struct work w = {.one = post_one, .count = requests, .bodies = alloc_zero(requests, sizeof(struct buf))};
        for (size_t i = 0; i < requests; i++)
                w.bodies[i] = make_body(pods);
        struct cost c = measure(&w, threads);
        for (size_t i = 0; i < requests; i++)
                buf_clear(&w.bodies[i]);
        free(w.bodies);
        return (struct cost){c.cpu_us / (double) pods, c.wall_us / (double) pods};
}

static void commit_one(struct work *w UNUSED, size_t i)
{
        struct ledger_entry e = {.record = json_new_object(), .issued = true, .serial_count = 1};
        struct ledger_commit c = {.count = 1, .entries = &e};
        uint8_t serial[16];
        authority_serial(serial);
        hex_string(SPAN_OF(serial), e.serials[0]);
        e.expires_unix_s = c.nonce_expires_unix_s = wall_unix_s(clock_wall(&issuer.time.clock)) + 300;
        memcpy(c.nonce_digest, serial, sizeof serial);
        json_set_int(e.record, "number", (int64_t) i);
        json_set_hex(e.record, "padding", SPAN_OF((uint8_t[600]){0}));
        json_set_hex(e.record, "serial", SPAN_OF(serial));
        expect_ok(ledger_commit(issuer.api.ledger, &c, NULL));
        json_free(e.record);
}

static struct cost measure_commits(size_t threads)
{
        struct work w = {.one = commit_one, .count = COMMITS};
        return measure(&w, threads);
}

/* ---- the bare operations ---- */

static const uint8_t message[32] = {1, 2, 3};

static EVP_PKEY *make_key(const char *kind)
{
        return strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
}

static size_t sign_once(EVP_PKEY *key, uint8_t *signature, size_t room)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t len = room;
        assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &len, message, sizeof message), 1);
        EVP_MD_CTX_free(context);
        return len;
}

static void verify_once(EVP_PKEY *key, const uint8_t *signature, size_t len)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestVerify(context, signature, len, message, sizeof message), 1);
        EVP_MD_CTX_free(context);
}

static double bare_us(const char *kind, bool is_signature)
{
        EVP_PKEY *key = make_key(kind);
        uint8_t signature[512];
        size_t len = sign_once(key, signature, sizeof signature);
        int64_t began = clock_us(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < OPERATIONS; i++) {
                if (is_signature)
                        (void) sign_once(key, signature, sizeof signature);
                else
                        verify_once(key, signature, len);
        }
        int64_t took = clock_us(CLOCK_THREAD_CPUTIME_ID) - began;
        EVP_PKEY_free(key);
        return (double) took / OPERATIONS;
}

/* ---- the report ---- */

static void print_cost(const char *name, struct cost c)
{
        printf("\"%s\":{\"cpu_us\":%.1f,\"per_core_per_s\":%.0f,\"per_s\":%.0f},", name, c.cpu_us, 1e6 / c.cpu_us,
               1e6 / c.wall_us);
}

int main(int argc, char **argv)
{
        if (argc != 3) {
                (void) fprintf(stderr, "usage: issuer_rate REQUESTS BATCHES\n");
                return 2;
        }
        uint64_t requests, batches;
        expect_ok(parse_u64(span_str(argv[1]), 1, 100000, &requests));
        expect_ok(parse_u64(span_str(argv[2]), 1, 10000, &batches));
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        size_t threads = cores > 0 && cores < THREADS_MAX ? (size_t) cores : THREADS_MAX;
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        fake_issuer_enrolled(&issuer, CLUSTER_NODE);
        find_signer();

        printf("{");
        print_cost("single", measure_posts(requests, 1, 1));
        print_cost("single_parallel", measure_posts(requests, 1, 4 * threads));
        print_cost("batch32", measure_posts(batches, BATCH, 1));
        print_cost("batch32_parallel", measure_posts(batches, BATCH, 2 * threads));
        print_cost("commit", measure_commits(1));
        print_cost("commit_grouped", measure_commits(THREADS_MAX));
        printf("\"bare\":{\"p256_sign_us\":%.1f,\"p256_verify_us\":%.1f,\"p384_verify_us\":%.1f,\"rsa2048_verify_us\":%"
               ".1f},",
               bare_us("P-256", true), bare_us("P-256", false), bare_us("P-384", false), bare_us("RSA", false));
        printf("\"cores\":%ld}\n", cores);
        authority_stop(issuer.api.authority);
        fake_issuer_remove(issuer.folder); /* the rest goes with the process */
        return 0;
}
