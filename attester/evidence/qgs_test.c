/* A quote generation service at the other end of a socket pair: messages byte for byte, and all that it may do instead of answering. */
#include "attester/evidence/qgs.h"

#include <pthread.h>
#include <sys/socket.h>

#include "lib/base/auto.h"
#include "tests/fakes/expect.h"

#define REPORT_LEN 1024
#define PATIENT_MS 20000

/* u16 major, u16 minor, u32 type, size, error */
#define HEADER(size, error) "\x01\x00\x01\x00\x01\x00\x00\x00" size error
#define NONE                "\x00\x00\x00\x00"
#define GOOD                                                                                                           \
        HEADER("\x1d\x00\x00\x00", NONE)                                                                               \
        NONE "\x05\x00\x00\x00"                                                                                        \
             "quote"

static const uint8_t report[REPORT_LEN] = {0x81};

/* ---- messages */

static void request_is_the_librarys_own(void **state)
{
        (void) state;
        static const char wanted[] = "\x01\x00\x01\x00"
                                     "\x00\x00\x00\x00"
                                     "\x18\x04\x00\x00" NONE "\x00\x04\x00\x00" NONE;
        AUTO(buf) struct buf out = BUF(2048);
        expect_ok(qgs_request_write(SPAN_OF(report), &out));
        assert_int_equal(out.len, sizeof wanted - 1 + REPORT_LEN);
        assert_memory_equal(out.data, wanted, sizeof wanted - 1);
        assert_memory_equal(out.data + sizeof wanted - 1, report, REPORT_LEN);
}

static void responses(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span bytes;
                enum fault_code code;
                const char *token; /* NULL: it has "quote" */
        } rows[] = {
                {"a quote", SPAN(GOOD), FAULT_UNKNOWN, NULL},
                {"a quote by a key that was chosen",
                 SPAN(HEADER("\x1f\x00\x00\x00", NONE) "\x02\x00\x00\x00"
                                                       "\x05\x00\x00\x00"
                                                       "idquote"),
                 FAULT_UNKNOWN, NULL},
                {"an older minor version",
                 SPAN("\x01\x00\x00\x00\x01\x00\x00\x00\x1d\x00\x00\x00" NONE NONE "\x05\x00\x00\x00"
                      "quote"),
                 FAULT_UNKNOWN, NULL},
                {"nothing", SPAN(""), FAULT_UNAVAILABLE, "tee.blob"},
                {"a byte short", {(const uint8_t *) GOOD, sizeof GOOD - 2}, FAULT_UNAVAILABLE, "tee.blob"},
                {"a byte long", SPAN(GOOD "x"), FAULT_UNAVAILABLE, "tee.blob"},
                {"a byte long, and its size as well",
                 SPAN(HEADER("\x1e\x00\x00\x00", NONE) NONE "\x05\x00\x00\x00"
                                                            "quotex"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"another major version",
                 SPAN("\x02\x00\x01\x00\x01\x00\x00\x00\x1d\x00\x00\x00" NONE NONE "\x05\x00\x00\x00"
                      "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"a request",
                 SPAN("\x01\x00\x01\x00\x00\x00\x00\x00\x1d\x00\x00\x00" NONE NONE "\x05\x00\x00\x00"
                      "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"collateral",
                 SPAN("\x01\x00\x01\x00\x03\x00\x00\x00\x1d\x00\x00\x00" NONE NONE "\x05\x00\x00\x00"
                      "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"a header alone", SPAN(HEADER("\x10\x00\x00\x00", NONE)), FAULT_UNAVAILABLE, "tee.blob"},
                {"no quote", SPAN(HEADER("\x18\x00\x00\x00", NONE) NONE NONE), FAULT_UNAVAILABLE, "tee.blob"},
                {"a quote that is longer than all",
                 SPAN(HEADER("\x1d\x00\x00\x00", NONE) NONE "\xff\xff\xff\xff"
                                                            "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"an id that is longer than all",
                 SPAN(HEADER("\x1d\x00\x00\x00", NONE) "\xff\xff\xff\xff"
                                                       "\x05\x00\x00\x00"
                                                       "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"sizes that come out right when they overflow",
                 SPAN(HEADER("\x1d\x00\x00\x00", NONE) "\x0a\x00\x00\x00"
                                                       "\xfb\xff\xff\xff"
                                                       "quote"),
                 FAULT_UNAVAILABLE, "tee.blob"},
                {"unexpected error", SPAN(HEADER("\x10\x00\x00\x00", "\x01\x20\x01\x00")), FAULT_UNAVAILABLE,
                 "tee.host"},
                {"out of memory", SPAN(HEADER("\x10\x00\x00\x00", "\x02\x20\x01\x00")), FAULT_UNAVAILABLE, "tee.busy"},
                {"invalid parameter", SPAN(HEADER("\x10\x00\x00\x00", "\x03\x20\x01\x00")), FAULT_INTERNAL,
                 "tee.refused"},
                {"invalid version", SPAN(HEADER("\x10\x00\x00\x00", "\x04\x20\x01\x00")), FAULT_INTERNAL,
                 "tee.refused"},
                {"invalid type", SPAN(HEADER("\x10\x00\x00\x00", "\x05\x20\x01\x00")), FAULT_INTERNAL, "tee.refused"},
                {"invalid size", SPAN(HEADER("\x10\x00\x00\x00", "\x06\x20\x01\x00")), FAULT_INTERNAL, "tee.refused"},
                {"invalid error code", SPAN(HEADER("\x10\x00\x00\x00", "\x07\x20\x01\x00")), FAULT_INTERNAL,
                 "tee.refused"},
                {"an error that is new", SPAN(HEADER("\x10\x00\x00\x00", "\x08\x20\x01\x00")), FAULT_UNAVAILABLE,
                 "tee.host"},
                {"an error with sizes behind it", SPAN(HEADER("\x18\x00\x00\x00", "\x01\x20\x01\x00") NONE NONE),
                 FAULT_UNAVAILABLE, "tee.host"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span quote = SPAN("before");
                struct fault *f = qgs_response_read(rows[i].bytes, &quote);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, rows[i].code, rows[i].token, rows[i].name);
                assert_true(span_eq_str(quote, rows[i].token == NULL ? "quote" : "before"));
        }
}

/* ---- the exchange */

struct pair {
        int ours, service;
};
static void pair_clear(struct pair *p)
{
        if (p->ours >= 0)
                close(p->ours);
        if (p->service >= 0)
                close(p->service);
}
DEFINE_AUTO_VALUE(pair)

static struct pair pair_make(void)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        return (struct pair){fds[0], fds[1]};
}

/* What the service will say waits in the socket already. */
static void say(const struct pair *p, struct span bytes)
{
        assert_int_equal(send(p->service, bytes.data, bytes.len, 0), (ssize_t) bytes.len);
}

static void a_quote_comes_back(void **state)
{
        (void) state;
        AUTO(pair) struct pair p = pair_make();
        AUTO(buf) struct buf quote = BUF(QGS_QUOTE_MAX);
        uint8_t request[2048];
        say(&p, SPAN("\x00\x00\x00\x1d" GOOD));
        expect_ok(qgs_quote(p.ours, SPAN_OF(report), PATIENT_MS, NULL, &quote));
        assert_true(span_eq_str(buf_span(&quote), "quote"));
        assert_int_equal(recv(p.service, request, sizeof request, 0), 4 + 24 + REPORT_LEN);
        assert_memory_equal(request, "\x00\x00\x04\x18\x01\x00\x01\x00", 8);
}

static void what_the_service_does(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span says;
                bool hangs_up;
                int64_t patience_ms;
                const char *token;
        } rows[] = {
                {"hangs up at once", SPAN(""), true, PATIENT_MS, "tee.host"},
                {"hangs up within the length", SPAN("\x00\x00"), true, PATIENT_MS, "tee.host"},
                {"hangs up within the message", SPAN("\x00\x00\x00\x1d\x01\x00"), true, PATIENT_MS, "tee.host"},
                {"says nothing", SPAN(""), false, 60, "tee.timeout"},
                {"stops in the middle", SPAN("\x00\x00\x00\x1d\x01\x00"), false, 60, "tee.timeout"},
                {"announces too little", SPAN("\x00\x00\x00\x0f"), false, PATIENT_MS, "tee.blob"},
                {"announces too much", SPAN("\x00\x00\x81\x19"), false, PATIENT_MS, "tee.blob"},
                {"announces 4 GiB", SPAN("\xff\xff\xff\xff"), false, PATIENT_MS, "tee.blob"},
                {"little-endian length", SPAN("\x1d\x00\x00\x00" GOOD), false, PATIENT_MS, "tee.blob"},
                {"another length outside than inside", SPAN("\x00\x00\x00\x1c" GOOD), false, PATIENT_MS, "tee.blob"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(pair) struct pair p = pair_make();
                AUTO(buf) struct buf quote = BUF(QGS_QUOTE_MAX);
                say(&p, rows[i].says);
                if (rows[i].hangs_up)
                        assert_int_equal(shutdown(p.service, SHUT_WR), 0);
                expect_fault_row(qgs_quote(p.ours, SPAN_OF(report), rows[i].patience_ms, NULL, &quote),
                                 FAULT_UNAVAILABLE, rows[i].token, rows[i].name);
                assert_int_equal(quote.len, 0);
        }
}

static void nobody_reads_the_request(void **state)
{
        (void) state;
        AUTO(pair) struct pair p = pair_make();
        AUTO(buf) struct buf quote = BUF(QGS_QUOTE_MAX);
        close(p.service);
        p.service = -1;
        expect_fault(qgs_quote(p.ours, SPAN_OF(report), PATIENT_MS, NULL, &quote), FAULT_UNAVAILABLE, "tee.host");
}

static void *dribble(void *arg)
{
        const struct pair *p = arg;
        static const char bytes[] = "\x00\x00\x00\x1d" GOOD;
        for (size_t i = 0; i < sizeof bytes - 1; i++)
                if (send(p->service, bytes + i, 1, 0) != 1)
                        break;
        return NULL;
}

static void byte_by_byte(void **state)
{
        (void) state;
        AUTO(pair) struct pair p = pair_make();
        AUTO(buf) struct buf quote = BUF(QGS_QUOTE_MAX);
        pthread_t service;
        assert_int_equal(pthread_create(&service, NULL, dribble, &p), 0);
        expect_ok(qgs_quote(p.ours, SPAN_OF(report), PATIENT_MS, NULL, &quote));
        pthread_join(service, NULL);
        assert_true(span_eq_str(buf_span(&quote), "quote"));
}

static void *trip(void *arg)
{
        (void) usleep(20000); /* while it waits */
        cancel_trip(arg);
        return NULL;
}

static void cancel_and_deadline(void **state)
{
        (void) state;
        AUTO(pair) struct pair p = pair_make();
        AUTO(buf) struct buf quote = BUF(QGS_QUOTE_MAX);
        struct cancel late, given_up;
        pthread_t other;
        cancel_init(&late, &clock_system, (struct boot){clock_boot(&clock_system).ms + 60});
        expect_fault(qgs_quote(p.ours, SPAN_OF(report), PATIENT_MS, &late, &quote), FAULT_DEADLINE, "DEADLINE");
        cancel_clear(&late);
        cancel_init(&given_up, &clock_system, CANCEL_NO_DEADLINE);
        assert_int_equal(pthread_create(&other, NULL, trip, &given_up), 0);
        expect_fault(qgs_quote(p.ours, SPAN_OF(report), PATIENT_MS, &given_up, &quote), FAULT_CANCELLED, "CANCELLED");
        pthread_join(other, NULL);
        cancel_clear(&given_up);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(request_is_the_librarys_own), cmocka_unit_test(responses),
                cmocka_unit_test(a_quote_comes_back),          cmocka_unit_test(what_the_service_does),
                cmocka_unit_test(nobody_reads_the_request),    cmocka_unit_test(byte_by_byte),
                cmocka_unit_test(cancel_and_deadline),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
