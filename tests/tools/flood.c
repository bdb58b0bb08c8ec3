/* flood: many attesters at once, of the development kind, for what the issuer does under load. Each is a connection of its own with its own key.
 *
 * usage: flood once COUNT --config attester.yaml         all are connected and hold a finished request: prints "ready", waits for a line on stdin, sends
 *                                                        all at the same time; a line of JSON for each answer as it comes
 *        flood for SECONDS COUNT --config attester.yaml  each sends another as soon as it is answered, or when Retry-After is over; one JSON document
 *                                                        at the end
 *        flood rudely SECONDS COUNT --config …           the same without waiting for anything
 * The issuer must have no clusters (no tokens are sent) and admit insecure-development. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "attester/config.h"
#include "attester/evidence/source.h"
#include "attester/issuer.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"

#define DEADLINE_MS 40000
#define CLIENTS_MAX 1024
#define SAMPLES_MAX 200000

struct flood {
        const struct attester_config *config;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        size_t ready; /* guarded by mu, as all below */
        bool is_open; /* go */
        bool is_rude;
        struct boot end; /* 0: one request each */
        uint64_t issued, busy, without_retry_after, failed;
        size_t sample_count;
        int64_t samples_us
                [SAMPLES_MAX]; /* of those that were issued: from the sending that was accepted to the answer */
};
struct client {
        struct flood *flood;
        size_t number;
        struct issuer *issuer;
        struct evidence_source source;
        struct cancel cancel;
        struct buf r;
        struct binding binding;
        struct cmw evidence;
};

static int64_t now_us(void)
{
        struct timespec t;
        (void) clock_gettime(CLOCK_MONOTONIC, &t); /* it is there */
        return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- a finished request ---- */

static struct fault *fill_pod(const struct client *c, struct pod_request *pod)
{
        AUTO(key) struct key *key = NULL;
        pod->volume = alloc_printf("csi-%zu", c->number);
        pod->profile = alloc_string("default");
        pod->node.namespace = alloc_string("flood");
        pod->node.name = alloc_printf("app-%zu", c->number);
        pod->node.uid = alloc_printf("uid-%zu", c->number);
        pod->node.service_account = alloc_string("app");
        pod->credential_count = 1;
        struct credential_request *credential = &pod->credentials[0];
        TRY(key_generate(KEY_P256, &key));
        credential->slot = alloc_string("x509");
        credential->spki = BUF(SPKI_MAX);
        credential->pop = BUF(SIGNATURE_MAX);
        TRY(buf_append(&credential->spki, key_spki(key)));
        return pop_sign(key, issuer_nonce(c->issuer), span_str(issuer_audience(c->issuer)), &credential->pop);
}

static struct fault *prepare(struct client *c)
{
        AUTO(issue_request) struct issue_request request = {0};
        cancel_clear(&c->cancel);
        cancel_init(&c->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + DEADLINE_MS});
        TRY(issuer_prepare(c->issuer, &c->cancel));
        request.audience = alloc_string(issuer_audience(c->issuer));
        request.policy = alloc_string(issuer_policy(c->issuer));
        request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&request.nonce, issuer_nonce(c->issuer)));
        request.pod_count = 1;
        request.pods = alloc_zero(1, sizeof *request.pods);
        TRY(fill_pod(c, &request.pods[0]));
        buf_clear(&c->r);
        cmw_clear(&c->evidence);
        c->r = BUF(BODY_MAX);
        TRY(issue_request_write(&request, &c->r));
        TRY(issuer_binding(c->issuer, BINDING_ISSUE, buf_span(&c->r), &c->binding));
        return c->source.collect(c->source.self, &c->binding, &c->cancel, &c->evidence);
}

static struct fault *send_request(struct client *c)
{
        AUTO(http_reply) struct http_reply reply = {0};
        AUTO(issue_reply) struct issue_reply read = {0};
        TRY(issuer_post(c->issuer, PATH_CREDENTIALS, buf_span(&c->r), &c->evidence, &c->binding, &c->cancel, &reply));
        TRY(issue_reply_read(buf_span(&reply.body), &read));
        return read.result_count == 1 ? TAKE(read.results[0].problem)
                                      : fault(FAULT_INTERNAL, "reply.results", "%zu results", read.result_count);
}

/* ---- counting ---- */

static bool is_for_want_of_room(const struct fault *f)
{
        return fault_code(f) == FAULT_UNAVAILABLE || fault_code(f) == FAULT_EXHAUSTED;
}

static void count(struct flood *f, const struct fault *failed, int64_t took_us, bool is_told)
{
        pthread_mutex_lock(&f->mu);
        if (failed == NULL) {
                f->issued++;
                if (f->sample_count < SAMPLES_MAX)
                        f->samples_us[f->sample_count++] = took_us;
        } else if (is_for_want_of_room(failed)) {
                f->busy++;
                f->without_retry_after += fault_retry_after_ms(failed) == 0;
        } else {
                f->failed++;
        }
        if (is_told) {
                printf("{\"check\":\"%s\",\"code\":\"%s\",\"retry_after_ms\":%lld,\"took_us\":%lld}\n",
                       failed != NULL ? fault_token(failed) : "issued",
                       failed != NULL ? fault_code_name(fault_code(failed)) : "OK",
                       failed != NULL ? (long long) fault_retry_after_ms(failed) : 0, (long long) took_us);
                (void) fflush(stdout); /* whoever reads waits for it */
        }
        pthread_mutex_unlock(&f->mu);
}

/* ---- one client ---- */

static bool has_time(struct flood *f)
{
        return clock_boot(&clock_system).ms < f->end.ms;
}

static void wait_as_told(struct flood *f, const struct fault *failed)
{
        int64_t ms = f->is_rude ? 0 : fault_retry_after_ms(failed), left_ms = f->end.ms - clock_boot(&clock_system).ms;
        ms = ms < left_ms ? ms : left_ms;
        if (ms > 0)
                (void) nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000},
                                 NULL); /* a shorter one does no harm */
}

static void wait_for_go(struct flood *f)
{
        pthread_mutex_lock(&f->mu);
        f->ready++;
        pthread_cond_broadcast(&f->changed);
        while (!f->is_open)
                pthread_cond_wait(&f->changed, &f->mu);
        pthread_mutex_unlock(&f->mu);
}

static void *run_client(void *arg)
{
        struct client *c = arg;
        struct flood *f = c->flood;
        bool is_once = f->end.ms == 0;
        AUTO(fault) struct fault *unprepared = prepare(c);
        while (unprepared != NULL &&
               is_for_want_of_room(unprepared)) { /* all come together: some are sent away at first */
                (void) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* a shorter one does no harm */
                fault_free(unprepared);
                unprepared = prepare(c);
        }
        if (unprepared != NULL)
                fprintf(stderr, "client %zu: %s\n", c->number, fault_text(unprepared));
        wait_for_go(f);
        while (unprepared == NULL) {
                int64_t began_us = now_us();
                AUTO(fault) struct fault *failed = send_request(c);
                count(f, failed, now_us() - began_us, is_once);
                if (is_once || !has_time(f))
                        break;
                /* a refusal has spent the nonce in hand, and the problem of a full queue has none: ask again, and make a new request */
                wait_as_told(f, failed);
                unprepared = prepare(c);
                while (unprepared != NULL && is_for_want_of_room(unprepared) && has_time(f)) {
                        count(f, unprepared, 0, false);
                        wait_as_told(f, unprepared);
                        fault_free(unprepared);
                        unprepared = prepare(c);
                }
        }
        return NULL;
}

static struct fault *make_client(struct flood *f, size_t number, struct client *c)
{
        const struct attester_config *config = f->config;
        assert(config != NULL); /* read before anybody is made */
        const struct issuer_options options = {.url = config->issuer_url,
                                               .audience = config->issuer_audience,
                                               .ca_file = config->issuer_ca_file,
                                               .pin = config->issuer_pin,
                                               .server_name = config->issuer_server_name,
                                               .clock = &clock_system};
        const struct evidence_options evidence = {.kind = config->evidence_kind,
                                                  .insecure_development = true,
                                                  .software_claims = config->software_claims};
        c->flood = f;
        c->number = number;
        cancel_init(&c->cancel, &clock_system, CANCEL_NO_DEADLINE);
        TRY(issuer_new(&options, &c->issuer));
        return evidence_open(&evidence, &c->source);
}

static void free_client(struct client *c)
{
        if (c->source.close != NULL)
                c->source.close(c->source.self);
        issuer_free(c->issuer);
        buf_clear(&c->r);
        cmw_clear(&c->evidence);
        cancel_clear(&c->cancel);
}

/* ---- all ---- */

static int compare(const void *a, const void *b)
{
        int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
        return x < y ? -1 : x > y;
}

static double sample_ms(struct flood *f, size_t of_1000)
{
        if (f->sample_count == 0)
                return 0;
        size_t at = (f->sample_count - 1) * of_1000 / 1000;
        return (double) f->samples_us[at] / 1000.0;
}

static void print_sum(struct flood *f, double seconds)
{
        qsort(f->samples_us, f->sample_count, sizeof f->samples_us[0], compare);
        printf("{\"issued\":%llu,\"busy\":%llu,\"without_retry_after\":%llu,\"failed\":%llu,\"issued_per_s\":%.1f,"
               "\"p50_ms\":%.2f,"
               "\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
               (unsigned long long) f->issued, (unsigned long long) f->busy,
               (unsigned long long) f->without_retry_after, (unsigned long long) f->failed,
               (double) f->issued / seconds, sample_ms(f, 500), sample_ms(f, 990), sample_ms(f, 1000));
}

static struct fault *run(struct flood *f, size_t clients, int64_t seconds)
{
        struct client *all = alloc_zero(clients, sizeof *all);
        pthread_t *threads = alloc_zero(clients, sizeof *threads);
        if (seconds > 0)
                f->end = (struct boot){INT64_MAX}; /* until all are ready */
        for (size_t i = 0; i < clients; i++) {
                TRY(make_client(f, i, &all[i]));
                if (pthread_create(&threads[i], NULL, run_client, &all[i]) != 0)
                        return fault(FAULT_INTERNAL, "THREAD", "start client %zu", i);
        }
        pthread_mutex_lock(&f->mu);
        while (f->ready < clients)
                pthread_cond_wait(&f->changed, &f->mu);
        pthread_mutex_unlock(&f->mu);
        if (seconds == 0) {
                printf("ready\n");
                (void) fflush(stdout);
                (void) getchar(); /* an end of file is a go as well */
        }
        pthread_mutex_lock(&f->mu);
        if (seconds > 0)
                f->end = (struct boot){clock_boot(&clock_system).ms + seconds * 1000};
        f->is_open = true;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->mu);
        for (size_t i = 0; i < clients; i++) {
                pthread_join(threads[i], NULL);
                free_client(&all[i]);
        }
        free(threads);
        free(all);
        if (seconds > 0)
                print_sum(f, (double) seconds);
        return NULL;
}

static struct fault *run_words(struct flood *f, const struct program_args *args)
{
        uint64_t seconds = 0, clients = 0;
        bool is_once = args->word_count == 2 && strcmp(args->words[0], "once") == 0;
        f->is_rude = args->word_count == 3 && strcmp(args->words[0], "rudely") == 0;
        if (!is_once && !f->is_rude && (args->word_count != 3 || strcmp(args->words[0], "for") != 0))
                return fault(FAULT_INVALID, "USAGE",
                             "flood once COUNT, or flood for SECONDS COUNT, or flood rudely SECONDS COUNT");
        if (!is_once)
                TRY(parse_u64(span_str(args->words[1]), 1, 3600, &seconds));
        TRY(parse_u64(span_str(args->words[args->word_count - 1]), 1, CLIENTS_MAX, &clients));
        return run(f, (size_t) clients, (int64_t) seconds);
}

int main(int argc, char **argv)
{
        static struct flood f = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        program_init("flood");
        log_set_level(LOG_ERROR);
        struct program_args args = {0};
        enum program_next next;
        struct fault *failed = program_args_read(&attester_program, argc, argv, NULL, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        f.config = args.config;
        failed = run_words(&f, &args);
        options_free(&attester_program, args.config);
        return failed != NULL ? program_fail(failed) : 0;
}
