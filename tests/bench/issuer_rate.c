/* issuer_rate: what a credential costs the issuer, in processor time: the whole way of POST /v1/credentials (parse, proofs, TPM quote,
 * token, policy, ledger commit, signature by the signer's process, reply), without TLS. Requests are made before the clock starts.
 * Beside it, in turns with it, the bare OpenSSL operations that can't be avoided.
 *
 * usage: issuer_rate REQUESTS BATCHES STORM
 *   REQUESTS of one pod each, by one thread, then by as many as there are processors; then BATCHES of 32 pods in the same two ways, with pods'
 *   tokens signed by ES256 and by RS256; STORM pods in batches of 64 by a thread a processor; ledger commits of one record by one thread and
 *   by 32. Prints one JSON object. */
#include "tests/bench/issuer_load.h"

#define PODS  256
#define BATCH 32
#define ROUNDS                                                                                                         \
        4 /* of what is compared in ratios: their parts take turns, so that other work on the machine meets both */
#define OPERATIONS  500
#define COMMITS     320
#define STORM_BATCH 64

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
        return (double) took / OPERATIONS / ROUNDS; /* its part of the mean */
}

/* ---- the report ---- */

static void print_cost(const char *name, struct cost c)
{
        printf("\"%s\":{\"cpu_us\":%.1f,\"per_core_per_s\":%.0f,\"per_s\":%.0f},", name, c.cpu_us, 1e6 / c.cpu_us,
               1e6 / c.wall_us);
}

struct figures {
        struct cost single, single_parallel, batch[2], batch_parallel[2]; /* by token_kind */
        double sign, verify, verify_p384, verify_rsa;
};

static void add(struct cost *sum, struct cost part)
{
        sum->cpu_us += part.cpu_us / ROUNDS;
        sum->wall_us += part.wall_us / ROUNDS;
}

static void measure_round(struct figures *f, struct load_pod *const pods[2], size_t requests, size_t batches,
                          size_t threads)
{
        const struct load_pod *usual = pods[TOKEN_ES256];
        add(&f->single, measure_posts(usual, PODS, requests, 1, 1));
        f->sign += bare_us("P-256", true);
        f->verify += bare_us("P-256", false);
        add(&f->single_parallel, measure_posts(usual, PODS, requests, 1, 4 * threads));
        for (int kind = 0; kind < 2; kind++) {
                add(&f->batch[kind], measure_posts(pods[kind], PODS, batches, BATCH, 1));
                f->verify_rsa += bare_us("RSA", false) / 2;
                add(&f->batch_parallel[kind], measure_posts(pods[kind], PODS, batches, BATCH, 2 * threads));
        }
        f->verify_p384 += bare_us("P-384", false);
}

static void print_figures(const struct figures *f)
{
        print_cost("single", f->single);
        print_cost("single_parallel", f->single_parallel);
        print_cost("batch32", f->batch[TOKEN_ES256]);
        print_cost("batch32_parallel", f->batch_parallel[TOKEN_ES256]);
        print_cost("batch32_rs256", f->batch[TOKEN_RS256]);
        print_cost("batch32_rs256_parallel", f->batch_parallel[TOKEN_RS256]);
        printf("\"bare\":{\"p256_sign_us\":%.1f,\"p256_verify_us\":%.1f,\"p384_verify_us\":%.1f,\"rsa2048_verify_us\":%"
               ".1f},",
               f->sign, f->verify, f->verify_p384, f->verify_rsa);
}

/* All pods of many nodes at once, on as many processors as there are. */
static void print_storm(size_t count, size_t threads)
{
        struct load_pod *pods = alloc_zero(count, sizeof *pods);
        for (size_t i = 0; i < count; i++)
                pods[i] = make_pod((unsigned) i, TOKEN_ES256);
        size_t requests = count / STORM_BATCH;
        struct cost c = measure_posts(pods, count, requests, STORM_BATCH, threads);
        double pods_served = (double) (requests * STORM_BATCH);
        printf("\"storm\":{\"pods\":%.0f,\"wall_s\":%.2f,\"cpu_s\":%.2f},", pods_served, c.wall_us * pods_served / 1e6,
               c.cpu_us * pods_served / 1e6);
}

int main(int argc, char **argv)
{
        if (argc != 4) {
                (void) fprintf(stderr, "usage: issuer_rate REQUESTS BATCHES STORM\n");
                return 2;
        }
        uint64_t requests, batches, storm;
        expect_ok(parse_u64(span_str(argv[1]), ROUNDS, 100000, &requests));
        expect_ok(parse_u64(span_str(argv[2]), ROUNDS, 10000, &batches));
        expect_ok(parse_u64(span_str(argv[3]), STORM_BATCH, 100000, &storm));
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        size_t threads = cores > 0 && cores < THREADS_MAX / 4 ? (size_t) cores : THREADS_MAX / 4;
        start_issuer();

        struct load_pod *pods[2];
        for (int kind = 0; kind < 2; kind++) {
                pods[kind] = alloc_zero(PODS, sizeof **pods);
                for (unsigned i = 0; i < PODS; i++)
                        pods[kind][i] = make_pod(i, (enum token_kind) kind);
        }
        struct figures f = {0};
        for (int round = 0; round < ROUNDS; round++)
                measure_round(&f, pods, requests / ROUNDS, batches / ROUNDS, threads);
        printf("{");
        print_figures(&f);
        print_storm(storm, threads);
        print_cost("commit", measure_commits(1));
        print_cost("commit_grouped", measure_commits(THREADS_MAX));
        printf("\"cores\":%ld}\n", cores);
        end_issuer();
        return 0;
}
