/* csi_load: kubelet's calls, many of them, with a clock beside each. What is sent comes from a file (frames of u32 length, big-endian,
 * and that many bytes), so that nothing but sending, waiting and receiving is timed.
 *
 * usage: csi_load SOCKET METHOD FILE serial | paced PER_SECOND | at-once WIDTH
 *   serial    one after the other
 *   paced     each at its own moment, whether or not those before it have ended
 *   at-once   WIDTH calls start together; when all have ended, the next WIDTH
 * Prints one JSON object. Exits 1 when a call failed, after saying how. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/reader.h"
#include "lib/net/rpc.h"
#include "tests/fakes/rpc_client.h"

#define FILE_MAX    (256u << 20)
#define CALLS_MAX   100000
#define DEADLINE_MS 120000
#define STACK_LEN   (256u << 10)

struct call {
        const struct load *load;
        struct span request;
        int64_t start_us; /* not before */
        int64_t began_us, took_us;
        int status;
        char message[256];
};
struct load {
        struct rpc_client *client;
        const char *method;
        struct buf file;
        struct call *calls;
        size_t count;
};

static int64_t now_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void sleep_until_us(int64_t us)
{
        const struct timespec t = {us / 1000000, us % 1000000 * 1000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
                continue;
}

static void *call_run(void *arg)
{
        struct call *c = arg;
        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};
        if (c->start_us > 0)
                sleep_until_us(c->start_us);
        c->began_us = now_us();
        c->status = rpc_client_call(c->load->client, c->load->method, c->request, DEADLINE_MS, &reply);
        c->took_us = now_us() - c->began_us;
        (void) snprintf(c->message, sizeof c->message, "%.*s", (int) sizeof c->message - 1, reply.message);
        return NULL;
}

static bool run_together(struct call *calls, size_t count)
{
        pthread_t *threads = alloc_zero(count, sizeof *threads);
        pthread_attr_t attributes;
        size_t started = 0;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_LEN);
        while (started < count && pthread_create(&threads[started], &attributes, call_run, &calls[started]) == 0)
                started++;
        for (size_t i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
        pthread_attr_destroy(&attributes);
        free(threads);
        return started == count;
}

static struct fault *run(struct load *l, const char *mode, const char *argument)
{
        uint64_t n = 0;
        if (strcmp(mode, "serial") == 0) {
                for (size_t i = 0; i < l->count; i++)
                        call_run(&l->calls[i]);
                return NULL;
        }
        TRY(parse_u64(span_str(argument), 1, CALLS_MAX, &n));
        bool is_paced = strcmp(mode, "paced") == 0;
        if (!is_paced && strcmp(mode, "at-once") != 0)
                return fault(FAULT_INVALID, "USAGE", "mode %s is none of serial, paced, at-once", mode);
        for (size_t at = 0; at < l->count;) {
                size_t width = is_paced || l->count - at < n ? l->count - at : n;
                int64_t start = now_us() + 20000; /* the threads are there by then */
                for (size_t i = 0; i < width; i++)
                        l->calls[at + i].start_us = start + (is_paced ? (int64_t) (i * 1000000 / n) : 0);
                if (!run_together(&l->calls[at], width))
                        return fault(FAULT_EXHAUSTED, "THREAD", "start %zu threads", width);
                at += width;
        }
        return NULL;
}

static struct fault *read_calls(struct load *l, const char *path)
{
        l->file = BUF(FILE_MAX);
        TRY(file_read(path, &l->file));
        l->calls = alloc_zero(CALLS_MAX, sizeof *l->calls);
        struct reader r = READER(buf_span(&l->file));
        while (reader_left(&r) > 0 && l->count < CALLS_MAX) {
                uint32_t len;
                struct call *c = &l->calls[l->count++];
                c->load = l;
                TRY(reader_u32be(&r, &len));
                TRY(reader_span(&r, len, &c->request));
        }
        return NULL;
}

static int by_time(const void *a, const void *b)
{
        int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
        return (x > y) - (x < y);
}

static int report(const struct load *l)
{
        int64_t *took = alloc_zero(l->count, sizeof *took), first = INT64_MAX, last = 0;
        size_t good = 0, failed = 0;
        for (size_t i = 0; i < l->count; i++) {
                const struct call *c = &l->calls[i];
                first = c->began_us < first ? c->began_us : first;
                last = c->began_us + c->took_us > last ? c->began_us + c->took_us : last;
                if (c->status == 0)
                        took[good++] = c->took_us;
                else if (failed++ < 3)
                        (void) fprintf(stderr, "csi_load: call %zu: status %d: %s\n", i, c->status, c->message);
        }
        qsort(took, good, sizeof *took, by_time);
        size_t half = good / 2, of_99 = good * 99 / 100;
        if (good > 0)
                printf("{\"calls\":%zu,\"failed\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"all_ms\":%.1f}"
                       "\n",
                       l->count, failed, (double) took[half] / 1e3, (double) took[of_99] / 1e3,
                       (double) took[good - 1] / 1e3, (double) (last - first) / 1e3);
        free(took);
        return failed == 0 && good > 0 ? 0 : 1;
}

/* The connection stands before the first call that counts. */
static void connect_first(const struct load *l)
{
        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};
        (void) rpc_client_call(l->client, "/csi.v1.Identity/Probe", SPAN_NONE, DEADLINE_MS,
                               &reply); /* only to connect */
}

static int load_main(struct load *l, char **words, int count)
{
        const struct rpc_client_options options = {.socket_path = words[1]};
        AUTO(fault) struct fault *failed = NULL;
        l->client = rpc_client_new(&options);
        l->method = words[2];
        failed = read_calls(l, words[3]);
        connect_first(l);
        if (failed == NULL)
                failed = run(l, words[4], count > 5 ? words[5] : "");
        if (failed != NULL)
                (void) fprintf(stderr, "csi_load: %s\n", fault_text(failed));
        return failed != NULL ? 2 : report(l);
}

int main(int argc, char **argv)
{
        struct load l = {0};
        if (argc < 5) {
                (void) fprintf(stderr,
                               "usage: csi_load SOCKET METHOD FILE serial | paced PER_SECOND | at-once WIDTH\n");
                return 2;
        }
        rpc_init();
        int code = load_main(&l, argv, argc);
        rpc_client_free(l.client);
        free(l.calls);
        buf_clear(&l.file);
        return code;
}
