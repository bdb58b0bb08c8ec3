/* The issuer's end of the pair, with the other end in the test's hands; and the signer's own limits, asked past what the issuer would send. */
#include "issuer/authority/link.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "issuer/authority/authority.h"
#include "issuer/authority/signer.h"
#include "lib/base/log.h"
#include "lib/wire/pbcheck.h"
#include "tests/fakes/expect.h"

typedef Vouchsafe__Signer__V1__Call PbCall;
typedef Vouchsafe__Signer__V1__Order PbOrder;
typedef Vouchsafe__Signer__V1__Answer PbAnswer;
typedef Vouchsafe__Signer__V1__Intermediate PbIntermediate;

static void ignore_death(void *arg UNUSED)
{
}

static void make_pair(int pair[2], struct link **ret)
{
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        expect_ok(link_start(pair[0], ignore_death, NULL, ret));
}

static void start_cancel(struct cancel *c, int64_t ms)
{
        cancel_init(c, &clock_system, (struct boot){clock_boot(&clock_system).ms + ms});
}

/* ---- answers ---- */

struct answering {
        int socket;
        struct span bytes; /* of the answer; its id is 1, the first call's */
};

static void *answer_one(void *arg)
{
        static uint8_t room[SIGNER_MESSAGE_MAX];
        const struct answering *a = arg;
        if (read(a->socket, room, sizeof room) > 0)
                (void) !write(a->socket, a->bytes.data, a->bytes.len); /* the other end says what it got */
        return NULL;
}

static void answers_are_judged(void **state UNUSED)
{
        PbIntermediate intermediate;
        vouchsafe__signer__v1__intermediate__init(&intermediate);
        static const struct {
                const char *name;
                uint32_t code;
                const char *token;
                bool has_intermediate, is_garbage;
                enum fault_code want_code;
                const char *want; /* NULL: good */
        } rows[] = {
                {"good", 0, "", true, false, 0, NULL},
                {"done, without an intermediate", 0, "", false, false, FAULT_INTERNAL, "SIGNER_ANSWER"},
                {"a refusal", 7, "authority.dns", false, false, FAULT_DENIED, "authority.dns"},
                {"no message", 0, "", false, true, FAULT_UNAVAILABLE, "SIGNER_GONE"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                int pair[2];
                struct link *l = NULL;
                pthread_t thread;
                AUTO(buf) struct buf packed = BUF(SIGNER_MESSAGE_MAX);
                AUTO(cancel) struct cancel cancel;
                PbAnswer answer, *got = NULL;
                PbCall call;
                vouchsafe__signer__v1__answer__init(&answer);
                vouchsafe__signer__v1__call__init(&call);
                answer.id = 1;
                answer.code = rows[i].code;
                answer.token = (char *) rows[i].token;
                answer.text = (char *) "said by a test";
                answer.intermediate = rows[i].has_intermediate ? &intermediate : NULL;
                expect_ok(pb_pack(&answer.base, &packed));
                make_pair(pair, &l);
                struct answering a = {pair[1], rows[i].is_garbage ? SPAN("\xff\xff") : buf_span(&packed)};
                assert_int_equal(pthread_create(&thread, NULL, answer_one, &a), 0);
                start_cancel(&cancel, 10000);
                struct fault *refused = link_call(l, &call, &cancel, &got);
                pthread_join(thread, NULL);
                if (rows[i].want == NULL)
                        expect_ok(refused);
                else
                        expect_fault_row(refused, rows[i].want_code, rows[i].want, rows[i].name);
                if (got != NULL)
                        vouchsafe__signer__v1__answer__free_unpacked(got, NULL);
                link_stop(l);
                close(pair[1]);
        }
}

/* ---- a signer that takes nothing ---- */

static void a_signer_that_takes_nothing_is_busy(void **state UNUSED)
{
        int pair[2];
        struct link *l = NULL;
        make_pair(pair, &l);
        const struct timeval little = {.tv_usec = 5000}; /* instead of seconds */
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &little, sizeof little), 0);
        bool was_busy = false;
        for (int i = 0; i < 10000 && !was_busy; i++) {
                AUTO(cancel) struct cancel cancel;
                PbCall call;
                PbAnswer *none = NULL;
                vouchsafe__signer__v1__call__init(&call);
                start_cancel(&cancel, 0);
                AUTO(fault) struct fault *f = link_call(l, &call, &cancel, &none);
                assert_non_null(f);
                was_busy = strcmp(fault_token(f), "SIGNER_BUSY") == 0;
                if (!was_busy)
                        assert_string_equal(fault_token(f), "DEADLINE");
        }
        assert_true(was_busy);
        assert_false(link_is_dead(l)); /* it may come to */
        link_stop(l);
        close(pair[1]);
}

/* ---- the signer itself ---- */

#define DIR_TEMPLATE "/tmp/link-XXXXXX"

static void too_many_orders_are_refused(void **state UNUSED)
{
        char dir[] = DIR_TEMPLATE, certificate[64], key[64];
        assert_non_null(mkdtemp(dir));
        snprintf(certificate, sizeof certificate, "%s/root.pem", dir);
        snprintf(key, sizeof key, "%s/root.key", dir);
        const struct authority_options o = {.trust_domain = "example.org",
                                            .root_certificate = certificate,
                                            .root_key = key,
                                            .intermediate_life_ms = 3600000,
                                            .max_leaf_life_ms = 600000};
        expect_ok(authority_init_root(&o, clock_wall(&clock_system)));
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        pid_t parent = getpid(), signer = fork();
        if (signer == 0)
                signer_run(&o, parent, pair[1]);
        close(pair[1]);
        PbAnswer *first = NULL, *none = NULL;
        expect_ok(link_receive(pair[0], &first));
        vouchsafe__signer__v1__answer__free_unpacked(first, NULL);

        struct link *l = NULL;
        AUTO(cancel) struct cancel cancel;
        PbCall call;
        PbOrder order, *orders[SIGNER_ORDERS_MAX + 1];
        vouchsafe__signer__v1__call__init(&call);
        vouchsafe__signer__v1__order__init(&order);
        for (size_t i = 0; i < COUNT_OF(orders); i++)
                orders[i] = &order;
        call.orders = orders;
        call.n_orders = COUNT_OF(orders);
        start_cancel(&cancel, 10000);
        expect_ok(link_start(pair[0], ignore_death, NULL, &l));
        expect_fault(link_call(l, &call, &cancel, &none), FAULT_INVALID, "authority.batch");
        call.n_orders--;
        expect_fault(link_call(l, &call, &cancel, &none), FAULT_DENIED,
                     "authority.serial"); /* as many as may be are looked at */
        link_stop(l);
        assert_int_equal(waitpid(signer, NULL, 0), signer);
        assert_int_equal(unlink(certificate), 0);
        assert_int_equal(unlink(key), 0);
        assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(too_many_orders_are_refused), /* forks: before there are threads */
                cmocka_unit_test(answers_are_judged),
                cmocka_unit_test(a_signer_that_takes_nothing_is_busy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
