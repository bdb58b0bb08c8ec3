/* issuer_soak: does the issuer's memory stay flat, and are records found quickly, when it has issued very many?
 *
 * usage: issuer_soak CREDENTIALS
 *   Issues that many in batches of 32, by two threads, and notes the memory of the issuer (with the requests that wait) and of its signer ten
 *   times on the way, the first time after a tenth; then asks for the records of 1,000 serials from all over, by the ledger's own call.
 *   Prints one JSON object. */
#include "tests/bench/issuer_load.h"

#define BATCH   32
#define WAITING 128 /* requests that are made in one go */
#define SAMPLES 10
#define LOOKUPS 1000
#define THREADS 2

static long rss_kib(pid_t pid)
{
        AUTO_STRING char *path = alloc_printf("/proc/%d/status", (int) pid);
        AUTO(buf) struct buf text = BUF(1 << 16);
        expect_ok(file_read(path, &text));
        const char *line = strstr(buf_str(&text), "VmRSS:");
        assert_non_null(line);
        line += strcspn(line, "0123456789");
        uint64_t kib;
        expect_ok(parse_u64(span_make(line, strspn(line, "0123456789")), 0, INT32_MAX, &kib));
        return (long) kib;
}

/* Serials of the records: remembered from the replies, every so many. */
struct serials {
        size_t count;
        char all[LOOKUPS][33];
};

static void remember(const struct buf *reply, struct serials *s)
{
        AUTO(issue_reply) struct issue_reply r = {0};
        AUTO(cert) struct cert *leaf = NULL;
        uint8_t serial[16] = {0};
        expect_ok(issue_reply_read(buf_span(reply), &r));
        expect_ok(cert_from_der(buf_span(&r.results[0].credentials[0].chain[0]), &leaf));
        struct span bytes = cert_serial(leaf);
        memcpy(serial + sizeof serial - bytes.len, bytes.data, bytes.len); /* at most 127 bits */
        if (s->count < LOOKUPS)
                hex_string(SPAN_OF(serial), s->all[s->count++]);
}

static void post_and_remember(const struct load_pod *pods, struct serials *s)
{
        AUTO(buf) struct buf body = make_body(pods, 0, 1);
        struct httpd_request q = fake_request(&issuer, "POST", PATH_CREDENTIALS, buf_span(&body));
        keep_time();
        struct httpd_response r = fake_response();
        expect_ok(credentials_post(&issuer.api, &q, &r));
        assert_int_equal(r.status, 200);
        remember(&r.body, s);
        buf_clear(&r.body);
}

static int compare(const void *a, const void *b)
{
        return *(const int64_t *) a < *(const int64_t *) b ? -1 : 1;
}

static void print_lookups(const struct serials *s)
{
        int64_t *took = alloc_zero(s->count, sizeof *took);
        for (size_t i = 0; i < s->count; i++) {
                AUTO(json) struct json *record = NULL;
                int64_t began = clock_us(CLOCK_MONOTONIC);
                expect_ok(ledger_find(issuer.api.ledger, s->all[i], &record));
                took[i] = clock_us(CLOCK_MONOTONIC) - began;
        }
        qsort(took, s->count, sizeof *took, compare);
        printf("\"lookup\":{\"records\":%llu,\"count\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld}",
               (unsigned long long) ledger_records(issuer.api.ledger), s->count, (long long) took[s->count / 2],
               (long long) took[s->count * 99 / 100], (long long) took[s->count - 1]);
        free(took);
}

int main(int argc, char **argv)
{
        uint64_t wanted;
        if (argc != 2) {
                (void) fprintf(stderr, "usage: issuer_soak CREDENTIALS\n");
                return 2;
        }
        expect_ok(parse_u64(span_str(argv[1]), (uint64_t) BATCH * WAITING, 100000000, &wanted));
        start_issuer();
        struct load_pod pods[BATCH];
        for (unsigned i = 0; i < BATCH; i++)
                pods[i] = make_pod(i, TOKEN_ES256);
        static struct serials serials;

        uint64_t rounds = wanted / ((uint64_t) BATCH * WAITING), step = rounds / SAMPLES > 0 ? rounds / SAMPLES : 1;
        double cpu_us = 0, wall_us = 0;
        printf("{\"memory\":[");
        for (uint64_t round = 0; round < rounds; round++) {
                struct cost c = measure_posts(pods, BATCH, WAITING, BATCH, THREADS);
                cpu_us += c.cpu_us / (double) rounds;
                wall_us += c.wall_us / (double) rounds;
                for (uint64_t more = round * LOOKUPS / rounds; more < (round + 1) * LOOKUPS / rounds; more++)
                        post_and_remember(pods, &serials);
                if ((round + 1) % step == 0) {
                        printf("%s{\"records\":%llu,\"issuer_kib\":%ld,\"signer_kib\":%ld}",
                               round + 1 > step ? "," : "", (unsigned long long) ledger_records(issuer.api.ledger),
                               rss_kib(getpid()), rss_kib(signer_pid));
                        (void) fflush(stdout); /* for whoever watches */
                }
        }
        printf("],\"cpu_us\":%.1f,\"wall_us\":%.1f,", cpu_us, wall_us);
        print_lookups(&serials);
        printf("}\n");
        end_issuer();
        return 0;
}
