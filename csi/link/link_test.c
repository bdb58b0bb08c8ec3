/* The plugin's side of the connection against an attester that answers as each test says. */
#include "csi/link/link.h"

#include <stdio.h>

#include "lib/wire/pbcheck.h"
#include "proto/attester.pb-c.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define CALLS_SEEN_MAX 16
#define PATIENCE_S     20

typedef Vouchsafe__Attester__V1__Call call_t;
typedef Vouchsafe__Attester__V1__Answer answer_t;

/* ---- the other side ---- */

struct seen {
        uint64_t id, cancels; /* cancels: the id that a Cancel names */
        int64_t deadline_ms;
        char volume[32];
};
static struct {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        struct frames_server *server;
        struct frames_conn *conn; /* a reference to the last one */
        struct seen calls[CALLS_SEEN_MAX];
        size_t count;
        char folder[sizeof FOLDER_TEMPLATE];
        char *path;
        struct link *link;
        struct acquirer acquirer;
} world;

static void on_open(void *self UNUSED, struct frames_conn *c)
{
        pthread_mutex_lock(&world.mu);
        frames_unref(world.conn);
        world.conn = frames_ref(c);
        pthread_mutex_unlock(&world.mu);
}

static void on_frame(void *self UNUSED, struct frames_conn *c UNUSED, struct span frame)
{
        ProtobufCMessage *message = NULL;
        expect_ok(pb_unpack(&vouchsafe__attester__v1__call__descriptor, frame, &PBCHECK_LIMITS, &message));
        const call_t *call = (const void *) message;
        pthread_mutex_lock(&world.mu);
        assert_true(world.count < CALLS_SEEN_MAX);
        struct seen *s = &world.calls[world.count++];
        *s = (struct seen){.id = call->id, .deadline_ms = call->deadline_ms};
        if (call->body_case == VOUCHSAFE__ATTESTER__V1__CALL__BODY_CANCEL)
                s->cancels = call->cancel->call;
        if (call->body_case == VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE)
                (void) snprintf(s->volume, sizeof s->volume, "%s", call->acquire->volume);
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
        protobuf_c_message_free_unpacked(message, NULL);
}

static void on_close(void *self UNUSED, struct frames_conn *c UNUSED, struct fault *why UNUSED)
{
}

static void start_attester(void)
{
        const struct frames_server_options options = {
                .path = world.path,
                .mode = 0600,
                .allowed_uids = {getuid()},
                .allowed_count = 1,
                .connections_max = 4,
                .events = {on_open, on_frame, on_close, NULL},
        };
        expect_ok(frames_server_start(&options, &world.server));
}

static void stop_attester(void)
{
        frames_server_stop(TAKE(world.server));
}

static struct seen wait_call(size_t index)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PATIENCE_S;
        pthread_mutex_lock(&world.mu);
        while (world.count <= index)
                if (pthread_cond_timedwait(&world.changed, &world.mu, &until) != 0)
                        break;
        assert_true(world.count > index);
        struct seen s = world.calls[index];
        pthread_mutex_unlock(&world.mu);
        return s;
}

static void send_bytes(struct span bytes)
{
        pthread_mutex_lock(&world.mu);
        struct frames_conn *c = frames_ref(world.conn);
        pthread_mutex_unlock(&world.mu);
        expect_ok(frames_send(c, bytes));
        frames_unref(c);
}

static void send_answer(const answer_t *a)
{
        AUTO(buf) struct buf bytes = BUF(FRAME_MAX);
        expect_ok(pb_pack(&a->base, &bytes));
        send_bytes(buf_span(&bytes));
}

static void send_problem(uint64_t id, enum fault_code code, const char *token)
{
        Vouchsafe__Attester__V1__Problem problem = VOUCHSAFE__ATTESTER__V1__PROBLEM__INIT;
        problem.code = code;
        problem.token = (char *) token;
        answer_t a = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        a.id = id;
        a.problem = &problem;
        send_answer(&a);
}

static void send_bundle(uint64_t id, uint64_t sequence)
{
        Vouchsafe__Attester__V1__Bundle bundle = VOUCHSAFE__ATTESTER__V1__BUNDLE__INIT;
        bundle.sequence = sequence;
        bundle.roots_pem = bundle.json = (ProtobufCBinaryData){1, (uint8_t *) "x"};
        answer_t a = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        a.id = id;
        a.body_case = VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_BUNDLE;
        a.bundle = &bundle;
        send_answer(&a);
}

static void send_acquired(uint64_t id, const char *serial)
{
        Vouchsafe__Attester__V1__Bundle bundle = VOUCHSAFE__ATTESTER__V1__BUNDLE__INIT;
        bundle.roots_pem = bundle.json = (ProtobufCBinaryData){1, (uint8_t *) "x"};
        Vouchsafe__Attester__V1__Credential credential = VOUCHSAFE__ATTESTER__V1__CREDENTIAL__INIT;
        credential.private_key_pem = credential.chain_pem = (ProtobufCBinaryData){1, (uint8_t *) "k"};
        credential.serial = (char *) serial;
        credential.not_after_unix_s = 1;
        Vouchsafe__Attester__V1__Credential *credentials[] = {&credential};
        Vouchsafe__Attester__V1__Acquired acquired = VOUCHSAFE__ATTESTER__V1__ACQUIRED__INIT;
        acquired.n_credentials = 1;
        acquired.credentials = credentials;
        acquired.bundle = &bundle;
        answer_t a = VOUCHSAFE__ATTESTER__V1__ANSWER__INIT;
        a.id = id;
        a.body_case = VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED;
        a.acquired = &acquired;
        send_answer(&a);
}

/* ---- calls in threads of their own ---- */

struct asked {
        pthread_t thread;
        struct cancel cancel;
        const char *volume;
        struct fault *failed;
        struct acquired acquired;
};

static void *run_acquire(void *arg)
{
        struct asked *a = arg;
        const struct acquire_order order = {a->volume, "default", "ns", "pod", "uid", "sa", NULL, false};
        a->failed = world.acquirer.acquire(world.acquirer.self, &order, &a->cancel, &a->acquired);
        return NULL;
}

static void ask_within(struct asked *a, const char *volume, int64_t budget_ms)
{
        memset(a, 0, sizeof *a);
        a->volume = volume;
        cancel_init(&a->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + budget_ms});
        assert_int_equal(pthread_create(&a->thread, NULL, run_acquire, a), 0);
}

static void ask(struct asked *a, const char *volume)
{
        ask_within(a, volume, PATIENCE_S * 1000);
}

/* The fault is the caller's. */
static struct fault *answered(struct asked *a)
{
        pthread_join(a->thread, NULL);
        cancel_clear(&a->cancel);
        return TAKE(a->failed);
}

static void expect_serial(struct asked *a, const char *serial)
{
        expect_ok(answered(a));
        assert_string_equal(a->acquired.credentials[0].serial, serial);
        acquired_clear(&a->acquired);
}

/* ---- tests ---- */

static void answers_come_in_any_order(void **state UNUSED)
{
        struct asked first, second;
        start_attester();
        ask(&first, "v1");
        struct seen one = wait_call(0);
        ask(&second, "v2");
        struct seen two = wait_call(1);
        assert_string_equal(one.volume, "v1");
        assert_string_equal(two.volume, "v2");
        assert_true(one.id != 0 && two.id != 0 && one.id != two.id);
        send_acquired(two.id, "02");
        expect_serial(&second, "02");
        send_acquired(one.id, "01");
        expect_serial(&first, "01");
}

static void problem_becomes_the_calls_fault(void **state UNUSED)
{
        struct asked a;
        start_attester();
        ask(&a, "v1");
        send_problem(wait_call(0).id, FAULT_DENIED, "tpm.pcr");
        expect_fault(answered(&a), FAULT_DENIED, "tpm.pcr");
}

static void other_body_is_refused(void **state UNUSED)
{
        struct asked a;
        start_attester();
        ask(&a, "v1");
        send_bundle(wait_call(0).id, 3);
        expect_fault(answered(&a), FAULT_INTERNAL, "ATTESTER_ANSWER");
}

static void lost_connection_fails_what_waits(void **state UNUSED)
{
        struct asked first, second;
        start_attester();
        ask(&first, "v1");
        ask(&second, "v2");
        (void) wait_call(1);
        stop_attester();
        expect_fault(answered(&first), FAULT_UNAVAILABLE, "ATTESTER_GONE");
        expect_fault(answered(&second), FAULT_UNAVAILABLE, "ATTESTER_GONE");
}

static void attester_that_comes_later_is_waited_for(void **state UNUSED)
{
        struct asked a;
        ask_within(&a, "v1", PATIENCE_S * 1000);
        const struct timespec while_it_is_away = {.tv_nsec = 50000000};
        (void) nanosleep(&while_it_is_away, NULL); /* real time: the budget must have shrunk by it */
        start_attester();
        struct seen s = wait_call(0);
        assert_in_range(s.deadline_ms, 1, PATIENCE_S * 1000 - 50);
        send_acquired(s.id, "01");
        expect_serial(&a, "01");
        assert_true(link_is_up(world.link));
}

static void absent_attester_is_unavailable_at_the_deadline(void **state UNUSED)
{
        struct asked a;
        ask_within(&a, "v1", 30);
        expect_fault(answered(&a), FAULT_UNAVAILABLE, "ATTESTER_GONE");
        assert_false(link_is_up(world.link));
}

static void cancel_tells_the_attester(void **state UNUSED)
{
        struct asked a, next;
        start_attester();
        ask(&a, "v1");
        uint64_t id = wait_call(0).id;
        cancel_trip(&a.cancel);
        expect_fault(answered(&a), FAULT_CANCELLED, "CANCELLED");
        assert_int_equal(wait_call(1).cancels, id);

        send_acquired(id, "01"); /* too late: belongs to nobody */
        ask(&next, "v2");
        send_acquired(wait_call(2).id, "02");
        expect_serial(&next, "02");
}

static void deadline_tells_the_attester(void **state UNUSED)
{
        struct asked a;
        start_attester();
        ask_within(&a, "v1", 500);
        uint64_t id = wait_call(0).id;
        expect_fault(answered(&a), FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(wait_call(1).cancels, id);
}

static void cancel_ends_the_wait_for_an_attester(void **state UNUSED)
{
        struct asked a;
        ask(&a, "v1");
        cancel_trip(&a.cancel);
        expect_fault(answered(&a), FAULT_UNAVAILABLE, "ATTESTER_GONE");
}

static void unreadable_answers_fail_what_waits(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"no message", SPAN("\xff\xff\xff")},
                {"cut off", SPAN("\x08")},
                {"NUL in a text", SPAN("\x08\x01\x12\x04\x12\x02"
                                       "a\0")},
                {"an answer to what the attester could not read", SPAN("\x12\x02\x08\x03")},
                {"nothing at all", SPAN("")},
        };
        start_attester();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct asked a;
                ask(&a, "v1");
                (void) wait_call(2 * i);
                send_bytes(rows[i].bytes);
                expect_fault_row(answered(&a), FAULT_UNAVAILABLE, "ATTESTER_GONE", rows[i].name);
                assert_true(wait_call(2 * i + 1).cancels != 0);
        }
}

static void connection_is_made_again(void **state UNUSED)
{
        struct asked a;
        start_attester();
        ask(&a, "v1");
        uint64_t old = wait_call(0).id;
        stop_attester();
        expect_fault(answered(&a), FAULT_UNAVAILABLE, "ATTESTER_GONE");
        start_attester();
        ask(&a, "v1");
        struct seen s = wait_call(1);
        assert_true(s.id != old);
        send_acquired(s.id, "01");
        expect_serial(&a, "01");
}

static void *run_watch(void *arg)
{
        struct trust_bundle *bundle = arg;
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, &clock_system, CANCEL_NO_DEADLINE);
        expect_ok(world.acquirer.watch(world.acquirer.self, 4, &cancel, bundle));
        return NULL;
}

static void watch_gives_the_next_bundle(void **state UNUSED)
{
        pthread_t thread;
        AUTO(trust_bundle) struct trust_bundle bundle = {0};
        start_attester();
        assert_int_equal(pthread_create(&thread, NULL, run_watch, &bundle), 0);
        send_bundle(wait_call(0).id, 9);
        pthread_join(thread, NULL);
        assert_int_equal(bundle.sequence, 9);
}

static void stop_fails_what_waits(void **state UNUSED)
{
        struct asked a;
        start_attester();
        ask(&a, "v1");
        (void) wait_call(0);
        link_stop(TAKE(world.link));
        expect_fault(answered(&a), FAULT_UNAVAILABLE, "ATTESTER_GONE");
}

/* Calls, answers, cancels and lost connections at once, for the sanitizers. */
static void storm(void **state UNUSED)
{
        struct asked asked[8];
        for (int round = 0; round < 10; round++) {
                start_attester();
                for (size_t i = 0; i < COUNT_OF(asked); i++)
                        ask(&asked[i], "v1");
                send_acquired(wait_call(0).id, "01");
                cancel_trip(&asked[3].cancel);
                cancel_trip(&asked[5].cancel);
                stop_attester();
                for (size_t i = 0; i < COUNT_OF(asked); i++)
                        cancel_trip(&asked[i].cancel); /* those that would wait for the next attester */
                for (size_t i = 0; i < COUNT_OF(asked); i++) {
                        fault_free(answered(&asked[i]));
                        acquired_clear(&asked[i].acquired);
                }
                pthread_mutex_lock(&world.mu);
                world.count = 0;
                pthread_mutex_unlock(&world.mu);
        }
}

static int set_up(void **state UNUSED)
{
        memset(&world, 0, sizeof world);
        pthread_mutex_init(&world.mu, NULL);
        cond_init_boot(&world.changed);
        memcpy(world.folder, FOLDER_TEMPLATE, sizeof world.folder);
        assert_true(folder_make(world.folder));
        world.path = alloc_printf("%s/attester.sock", world.folder);
        expect_ok(link_start(world.path, getuid(), &world.link));
        world.acquirer = link_acquirer(world.link);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        link_stop(world.link);
        stop_attester();
        frames_unref(world.conn);
        free(world.path);
        pthread_cond_destroy(&world.changed);
        pthread_mutex_destroy(&world.mu);
        assert_true(folder_remove(world.folder));
        return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(answers_come_in_any_order),
                TEST(problem_becomes_the_calls_fault),
                TEST(other_body_is_refused),
                TEST(lost_connection_fails_what_waits),
                TEST(attester_that_comes_later_is_waited_for),
                TEST(absent_attester_is_unavailable_at_the_deadline),
                TEST(cancel_tells_the_attester),
                TEST(deadline_tells_the_attester),
                TEST(cancel_ends_the_wait_for_an_attester),
                TEST(unreadable_answers_fail_what_waits),
                TEST(connection_is_made_again),
                TEST(watch_gives_the_next_bundle),
                TEST(stop_fails_what_waits),
                TEST(storm),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
