/* The attester's socket as the node plugin meets it: answers matched by id, watches, cancels, and calls that are wrong. */
#include "attester/server.h"

#include <unistd.h>

#include "lib/net/frames.h"
#include "lib/wire/pbcheck.h"
#include "proto/attester.pb-c.h"
#include "tests/fakes/attester_fixture.h"
#include "tests/fakes/folder.h"

typedef Vouchsafe__Attester__V1__Call call_t;
typedef Vouchsafe__Attester__V1__Answer answer_t;
typedef Vouchsafe__Attester__V1__Acquire acquire_t;
typedef Vouchsafe__Attester__V1__PodInfo pod_t;

#define ANSWERS_MAX 32

static struct fixture f;
static struct {
        char folder[sizeof FOLDER_TEMPLATE];
        char *path;
        struct server *server;
        struct frames_client *client;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        answer_t *answers[ANSWERS_MAX]; /* owned; guarded by mu, as all below */
        size_t count;
        unsigned opened, closed;
} world;

static void on_open(void *self UNUSED, struct frames_conn *c UNUSED)
{
        pthread_mutex_lock(&world.mu);
        world.opened++;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

static void on_frame(void *self UNUSED, struct frames_conn *c UNUSED, struct span frame)
{
        ProtobufCMessage *message = NULL;
        expect_ok(pb_unpack(&vouchsafe__attester__v1__answer__descriptor, frame, &PBCHECK_LIMITS, &message));
        pthread_mutex_lock(&world.mu);
        assert_true(world.count < ANSWERS_MAX);
        world.answers[world.count++] = (answer_t *) message;
        pthread_cond_broadcast(&world.changed);
        pthread_mutex_unlock(&world.mu);
}

static void on_close(void *self UNUSED, struct frames_conn *c UNUSED, struct fault *why UNUSED)
{
        pthread_mutex_lock(&world.mu);
        world.closed++;
        pthread_mutex_unlock(&world.mu);
}

static void wait_changed(void)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += FIXTURE_TIMEOUT_MS / 1000;
        assert_int_equal(pthread_cond_timedwait(&world.changed, &world.mu, &until), 0);
}

/* The answer of that id; it stays the world's. */
static const answer_t *answer_of(uint64_t id)
{
        const answer_t *found = NULL;
        pthread_mutex_lock(&world.mu);
        while (found == NULL) {
                for (size_t i = 0; i < world.count && found == NULL; i++)
                        found = world.answers[i]->id == id ? world.answers[i] : NULL;
                if (found == NULL)
                        wait_changed();
        }
        pthread_mutex_unlock(&world.mu);
        return found;
}

static size_t answer_count(void)
{
        pthread_mutex_lock(&world.mu);
        size_t count = world.count;
        pthread_mutex_unlock(&world.mu);
        return count;
}

static void expect_problem(uint64_t id, enum fault_code code, const char *token)
{
        const answer_t *a = answer_of(id);
        assert_non_null(a->problem);
        assert_string_equal(a->problem->token, token);
        assert_int_equal(a->problem->code, code);
}

static void send_call(const call_t *call)
{
        AUTO(buf) struct buf bytes = BUF(FRAME_MAX);
        expect_ok(pb_pack(&call->base, &bytes));
        expect_ok(frames_client_send(world.client, buf_span(&bytes)));
}

static acquire_t plain_acquire(pod_t *pod)
{
        *pod = (pod_t) VOUCHSAFE__ATTESTER__V1__POD_INFO__INIT;
        pod->namespace_ = (char *) "payroll";
        pod->name = (char *) "app-0";
        pod->uid = (char *) "uid";
        pod->service_account = (char *) "app";
        acquire_t a = VOUCHSAFE__ATTESTER__V1__ACQUIRE__INIT;
        a.volume = (char *) "v1";
        a.profile = (char *) "default";
        a.pod = pod;
        return a;
}

static void send_acquire(uint64_t id, acquire_t *a)
{
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.id = id;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE;
        call.acquire = a;
        send_call(&call);
}

static void acquire(uint64_t id, const char *volume)
{
        pod_t pod;
        acquire_t a = plain_acquire(&pod);
        a.volume = (char *) volume;
        send_acquire(id, &a);
}

static void watch(uint64_t id, uint64_t sequence)
{
        Vouchsafe__Attester__V1__WatchBundle body = VOUCHSAFE__ATTESTER__V1__WATCH_BUNDLE__INIT;
        body.sequence = sequence;
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.id = id;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_WATCH_BUNDLE;
        call.watch_bundle = &body;
        send_call(&call);
}

static void cancel(uint64_t of)
{
        Vouchsafe__Attester__V1__Cancel body = VOUCHSAFE__ATTESTER__V1__CANCEL__INIT;
        body.call = of;
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_CANCEL;
        call.cancel = &body;
        send_call(&call);
}

static const Vouchsafe__Attester__V1__Status *status(uint64_t id)
{
        Vouchsafe__Attester__V1__StatusRequest body = VOUCHSAFE__ATTESTER__V1__STATUS_REQUEST__INIT;
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.id = id;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_STATUS;
        call.status = &body;
        send_call(&call);
        const answer_t *a = answer_of(id);
        assert_int_equal(a->body_case, VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_STATUS);
        return a->status;
}

/* ---- tests ---- */

static void credentials_come_whole(void **state UNUSED)
{
        acquire(7, "v1");
        const answer_t *a = answer_of(7);
        assert_int_equal(a->body_case, VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED);
        assert_int_equal(a->acquired->n_credentials, 1);
        const Vouchsafe__Attester__V1__Credential *c = a->acquired->credentials[0];
        assert_string_equal(c->identity, "spiffe://demo.example/sa/app");
        AUTO(secret) struct secret *pem = secret_copy(span_make(c->private_key_pem.data, c->private_key_pem.len));
        AUTO(key) struct key *key = NULL;
        expect_ok(key_from_pem_private(secret_span(pem), &key));
        assert_true(c->chain_pem.len > 0 && c->serial[0] != '\0' && c->record[0] != '\0');
        assert_true(c->not_after_unix_s > c->issued_unix_s);
        assert_int_equal(a->acquired->bundle->sequence, 1);
        assert_true(a->acquired->bundle->roots_pem.len > 0 && a->acquired->bundle->json.len > 0);
        assert_string_equal(a->acquired->evidence_kind, EVIDENCE_TPM);
        assert_false(a->acquired->insecure_development);
}

static void no_pod(acquire_t *a)
{
        a->pod = NULL;
}
static void no_volume(acquire_t *a)
{
        a->volume = (char *) "";
}
static void long_volume(acquire_t *a)
{
        static char text[VOLUME_ID_MAX + 2];
        memset(text, 'v', VOLUME_ID_MAX + 1);
        a->volume = text;
}
static void no_profile(acquire_t *a)
{
        a->profile = (char *) "";
}
static void no_pod_name(acquire_t *a)
{
        a->pod->name = (char *) "";
}
static void long_namespace(acquire_t *a)
{
        static char text[POD_NAME_MAX + 2];
        memset(text, 'n', POD_NAME_MAX + 1);
        a->pod->namespace_ = text;
}
static void token_with_a_blank(acquire_t *a)
{
        a->token = (ProtobufCBinaryData){5, (uint8_t *) "a.b c"};
}
static void token_with_a_nul(acquire_t *a)
{
        a->token = (ProtobufCBinaryData){5, (uint8_t *) "a.b\0c"};
}
static void long_token(acquire_t *a)
{
        static uint8_t bytes[TOKEN_MAX + 1];
        memset(bytes, 'a', sizeof bytes);
        a->token = (ProtobufCBinaryData){sizeof bytes, bytes};
}

/* Each rides beside a good one, which it must not take down. */
static void bad_calls_fail_alone(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*change)(acquire_t *a);
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"no pod", no_pod, FAULT_INVALID, "CALL"},
                {"no volume", no_volume, FAULT_INVALID, "CALL"},
                {"volume a byte too long", long_volume, FAULT_INVALID, "CALL"},
                {"no profile", no_profile, FAULT_INVALID, "CALL"},
                {"no pod name", no_pod_name, FAULT_INVALID, "CALL"},
                {"namespace a byte too long", long_namespace, FAULT_INVALID, "CALL"},
                {"blank in the token", token_with_a_blank, FAULT_UNAUTHENTICATED, "token.malformed"},
                {"NUL in the token", token_with_a_nul, FAULT_UNAUTHENTICATED, "token.malformed"},
                {"token a byte too long", long_token, FAULT_UNAUTHENTICATED, "token.malformed"},
        };
        issuer_server_hold(&f.issuer, true);
        acquire(1, "v0");
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        acquire(2, "v1");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                pod_t pod;
                acquire_t a = plain_acquire(&pod);
                rows[i].change(&a);
                print_message("%s\n", rows[i].name);
                send_acquire(10 + i, &a);
                expect_problem(10 + i, rows[i].code, rows[i].token);
        }
        issuer_server_hold(&f.issuer, false);
        assert_null(answer_of(2)->problem);
}

static void unreadable_calls_are_answered_to_nobody(void **state UNUSED)
{
        expect_ok(frames_client_send(world.client, SPAN("\xff\xff\xff")));
        expect_problem(0, FAULT_INVALID, "PB_WIRE");
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.id = 3;
        send_call(&call);
        expect_problem(3, FAULT_UNIMPLEMENTED, "CALL");
        acquire(4, "v1"); /* the connection goes on */
        assert_null(answer_of(4)->problem);
}

static void call_without_an_id_is_refused(void **state UNUSED)
{
        acquire(0, "v1");
        expect_problem(0, FAULT_INVALID, "CALL");
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.requests), 0);
}

static void cancelled_order_is_not_asked_for(void **state UNUSED)
{
        issuer_server_hold(&f.issuer, true);
        acquire(1, "v0");
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        acquire(2, "v1");
        cancel(2);
        cancel(99);       /* nobody's */
        (void) status(3); /* by now the cancel was taken */
        issuer_server_hold(&f.issuer, false);
        assert_null(answer_of(1)->problem);
        expect_problem(2, FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.pods), 1);
}

static void lost_plugin_cancels_its_orders(void **state UNUSED)
{
        struct result after;
        issuer_server_hold(&f.issuer, true);
        acquire(1, "v0");
        issuer_server_wait(&f.issuer, &f.issuer.requests, 1);
        acquire(2, "v1");
        watch(4, 1);
        (void) status(3);
        frames_client_stop(TAKE(world.client));
        server_stop(world.server); /* its reading threads have seen the end */
        issuer_server_hold(&f.issuer, false);
        ask(&f, &after, "v2", NULL);
        expect_delivered(&after, 1);
        assert_int_equal(issuer_server_count(&f.issuer, &f.issuer.pods), 2); /* v0 was under way */
}

static void watch_is_answered_when_the_bundle_changes(void **state UNUSED)
{
        issuer_server_wait(&f.issuer, &f.issuer.bundles, 1);
        watch(1, 0);
        assert_int_equal(answer_of(1)->bundle->sequence, 1);
        watch(2, 1);
        watch(3, 1);
        cancel(3);
        (void) status(4);
        assert_int_equal(answer_count(), 2); /* nothing for the watches yet */
        issuer_server_set(&f.issuer, bundle, 2);
        acquire(5, "v1"); /* its reply names the newer bundle */
        assert_int_equal(answer_of(2)->bundle->sequence, 2);
        assert_int_equal(answer_of(5)->acquired->bundle->sequence, 2);
        (void) status(6);
        assert_int_equal(answer_count(), 5); /* 1, 4, 2, 5, 6: none for the cancelled one */
}

static void watches_are_limited(void **state UNUSED)
{
        watch(1, 0);
        assert_int_equal(answer_of(1)->bundle->sequence, 1);
        for (uint64_t id = 2; id < 2 + 16; id++)
                watch(id, 1);
        watch(50, 1);
        expect_problem(50, FAULT_EXHAUSTED, "WATCHES");
        cancel(2);
        watch(51, 1);
        (void) status(52);
        assert_int_equal(answer_count(), 3);
}

static void status_tells_problems(void **state UNUSED)
{
        source_fail(&f.source, FAULT_UNAVAILABLE, "tee.busy", false);
        acquire(1, "v1");
        expect_problem(1, FAULT_UNAVAILABLE, "tee.busy");
        const Vouchsafe__Attester__V1__Status *s = status(2);
        assert_false(s->ready);
        assert_string_equal(s->last_problem->token, "tee.busy");
        assert_string_equal(s->evidence_kind, EVIDENCE_TPM);
}

/* ---- */

static void bundle_changed(void *server, uint64_t sequence)
{
        server_bundle_changed(server, sequence);
}

static void connect_client(void)
{
        const struct frames_events events = {on_open, on_frame, on_close, NULL};
        expect_ok(frames_client_start(world.path, getuid(), &events, &world.client));
        pthread_mutex_lock(&world.mu);
        while (world.opened == 0)
                wait_changed();
        pthread_mutex_unlock(&world.mu);
}

static int set_up(void **state UNUSED)
{
        fixture_start(&f);
        memset(&world, 0, sizeof world);
        pthread_mutex_init(&world.mu, NULL);
        cond_init_boot(&world.changed);
        memcpy(world.folder, FOLDER_TEMPLATE, sizeof world.folder);
        assert_true(folder_make(world.folder));
        world.path = alloc_printf("%s/attester.sock", world.folder);
        const struct server_options options = {
                .socket_path = world.path,
                .socket_mode = 0600,
                .csi_uid = getuid(),
                .batch = f.batch,
                .bundles = f.bundles,
                .evidence_kind = EVIDENCE_TPM,
                .clock = &clock_system,
                .acquire_limit_ms = FIXTURE_TIMEOUT_MS,
        };
        expect_ok(server_start(&options, &world.server));
        pthread_mutex_lock(&f.mu);
        f.bundle_changed = bundle_changed;
        f.bundle_changed_arg = world.server;
        while (f.seen_bundle == 0) /* before anybody counts answers */
                pthread_cond_wait(&f.changed, &f.mu);
        pthread_mutex_unlock(&f.mu);
        connect_client();
        return 0;
}

static int tear_down(void **state UNUSED)
{
        frames_client_stop(world.client);
        server_stop(world.server);
        fixture_stop(&f);
        server_free(world.server);
        for (size_t i = 0; i < world.count; i++)
                protobuf_c_message_free_unpacked(&world.answers[i]->base, NULL);
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
                TEST(credentials_come_whole),
                TEST(bad_calls_fail_alone),
                TEST(unreadable_calls_are_answered_to_nobody),
                TEST(call_without_an_id_is_refused),
                TEST(cancelled_order_is_not_asked_for),
                TEST(lost_plugin_cancels_its_orders),
                TEST(watch_is_answered_when_the_bundle_changes),
                TEST(watches_are_limited),
                TEST(status_tells_problems),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
