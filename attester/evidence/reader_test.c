/* The evidence reader as it runs: a process of its own with its filter on, swtpm behind it, our client (same vtable) before it. */
#include "attester/evidence/reader_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "attester/evidence/reader_sandbox.h"
#include "lib/crypt/tpm.h"
#include "lib/model/tpm_evidence.h"
#include "lib/net/frames.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"

#define NOBODY      65534
#define PATIENCE_MS 20000

static struct swtpm tpm;
static char socket_path[128];
static pid_t reader;

/* ---- processes */

/* Processes are forked before this one has threads, and wait for their turn at a gate: -1: none. */
static void gate_make(int ret_gate[2])
{
        assert_int_equal(pipe2(ret_gate, O_CLOEXEC), 0);
}

static void gate_open(int gate[2])
{
        assert_int_equal(write(gate[1], "x", 1), 1);
        close(gate[0]);
        close(gate[1]);
}

static void gate_wait(int fd)
{
        char turn;
        if (fd >= 0 && read(fd, &turn, 1) != 1)
                _exit(2);
}

static pid_t reader_fork_gated(uid_t client_uid, int gate_fd)
{
        char state_dir[128];
        snprintf(state_dir, sizeof state_dir, "%s/reader", tpm.folder);
        pid_t pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                gate_wait(gate_fd);
                AUTO(fault)
                struct fault *f = evidence_reader_run(&(struct evidence_options){.kind = EVIDENCE_TPM,
                                                                                 .tpm_tcti = tpm.tcti,
                                                                                 .tpm_pcrs = "sha256:0,7",
                                                                                 .state_dir = state_dir},
                                                      socket_path, client_uid);
                _exit(f == NULL ? 0 : 1);
        }
        assert_true(pid > 0);
        return pid;
}

static void reader_fork(uid_t client_uid)
{
        reader = reader_fork_gated(client_uid, -1);
}

static void reader_kill(int signal_number, bool wants_clean_exit)
{
        int status;
        kill(reader, signal_number);
        assert_int_equal(waitpid(reader, &status, 0), reader);
        if (wants_clean_exit)
                assert_int_equal(status, 0);
}

/* Runs `body` in a child; it answers with 0 when all is well. */
static void in_child(int (*body)(void))
{
        int status;
        pid_t pid = fork();
        if (pid == 0)
                _exit(body());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* ---- calls */

static struct binding a_binding(void)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static struct fault *client_open(uid_t reader_uid, struct evidence_source *ret)
{
        return evidence_open(&(struct evidence_options){.kind = EVIDENCE_TPM,
                                                        .reader_socket = socket_path,
                                                        .reader_uid = reader_uid},
                             ret);
}

static struct fault *collect_within(const struct evidence_source *s, int64_t ms, struct tpm_evidence *ret)
{
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw c = {0};
        struct cancel cancel;
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + ms});
        struct fault *f = s->collect(s->self, &b, &cancel, &c);
        cancel_clear(&cancel);
        TRY(f);
        assert_string_equal(c.items[0].type, CMW_TPM_QUOTE);
        return tpm_evidence_read(buf_span(&c.items[0].value), ret);
}

/* ---- tests */

static void reads_enrols_and_activates(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(tpm_public) struct tpm_public ek = {0};
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX), name = BUF(80), id_object = BUF(1024), encrypted = BUF(1024);
        AUTO(secret) struct secret *secret = NULL;
        uint8_t extra_data[SHA256_LEN];
        struct tpm_quote q;
        const struct binding b = a_binding();
        reader_fork(geteuid());
        expect_ok(client_open(geteuid(), &s));
        assert_true(s.needs_enrolment);
        expect_ok(collect_within(&s, PATIENCE_MS, &e));
        expect_ok(tpm_quote_read(buf_span(&e.attest), &q));
        expect_ok(binding_write(&b, &t));
        binding_extra_data(buf_span(&t), extra_data);
        assert_true(span_eq(q.extra_data, SPAN_OF(extra_data)));

        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 1);
        assert_true(span_eq(buf_span(&m.ak_public), buf_span(&e.ak_public)));
        expect_ok(tpm_public_read(buf_span(&m.ek_public), &ek));
        expect_ok(tpm_name(buf_span(&m.ak_public), &name));
        expect_ok(tpm_make_credential(ek.key, buf_span(&name), SPAN("a secret"), &id_object, &encrypted));
        expect_ok(s.activate(s.self, buf_span(&id_object), buf_span(&encrypted), NULL, &secret));
        assert_true(secret_eq(secret, SPAN("a secret")));

        /* faults keep their names on the way */
        AUTO(secret) struct secret *none = NULL;
        expect_fault(s.activate(s.self, SPAN("x"), SPAN("y"), NULL, &none), FAULT_INVALID, "TPM_STRUCTURE");
        swtpm_stop(&tpm);
        expect_fault(collect_within(&s, PATIENCE_MS, &e), FAULT_UNAVAILABLE, "tee.gone");
        expect_ok(swtpm_start(&tpm));
        s.close(s.self);
        reader_kill(SIGTERM, /* wants_clean_exit= */ true);
        assert_int_equal(access(socket_path, F_OK), -1);
}

static void comes_back_after_a_kill(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence)
        struct tpm_evidence first = tpm_evidence_new(), none = tpm_evidence_new(), second = tpm_evidence_new();
        int gate[2];
        gate_make(gate);
        reader_fork(geteuid());
        pid_t next = reader_fork_gated(geteuid(), gate[0]);
        expect_ok(client_open(geteuid(), &s));
        expect_ok(collect_within(&s, PATIENCE_MS, &first));
        reader_kill(SIGKILL, /* wants_clean_exit= */ false);
        expect_fault(collect_within(&s, 100, &none), FAULT_UNAVAILABLE, "tee.gone");
        reader = next;
        gate_open(gate);
        expect_ok(collect_within(&s, PATIENCE_MS, &second));
        assert_true(span_eq(buf_span(&first.ak_public), buf_span(&second.ak_public)));
        s.close(s.self);
        reader_kill(SIGTERM, true);
}

static void killed_in_the_middle_is_gone(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        int gate[2];
        gate_make(gate);
        reader_fork(geteuid());
        pid_t killer = fork();
        if (killer == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                gate_wait(gate[0]);
                (void) usleep(50000); /* the call is out by then; if it isn't, the outcome is the same */
                kill(reader, SIGKILL);
                _exit(0);
        }
        expect_ok(client_open(geteuid(), &s));
        expect_ok(collect_within(&s, PATIENCE_MS, &e));
        swtpm_freeze(&tpm);
        gate_open(gate);
        expect_fault(collect_within(&s, PATIENCE_MS, &e), FAULT_UNAVAILABLE, "tee.gone");
        swtpm_thaw(&tpm);
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        reader_kill(SIGKILL, false);
        s.close(s.self);
}

static void deadline_is_kept(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new(), late = tpm_evidence_new();
        reader_fork(geteuid());
        expect_ok(client_open(geteuid(), &s));
        expect_ok(collect_within(&s, PATIENCE_MS, &e));
        swtpm_freeze(&tpm);
        expect_fault(collect_within(&s, 80, &late), FAULT_DEADLINE, "DEADLINE");
        swtpm_thaw(&tpm);
        expect_ok(collect_within(&s, PATIENCE_MS, &late)); /* and the late answer isn't taken for this one's */
        s.close(s.self);
        reader_kill(SIGTERM, true);
}

static void other_uids_are_refused(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        reader_fork(geteuid() + 1);
        expect_ok(client_open(geteuid(), &s));
        expect_fault(collect_within(&s, 300, &e), FAULT_UNAVAILABLE, "tee.gone");
        s.close(s.self);
        reader_kill(SIGKILL, false);
}

static void reader_of_another_uid_is_not_believed(void **state)
{
        (void) state;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        reader_fork(geteuid());
        expect_ok(client_open(geteuid() + 1, &s));
        expect_fault(collect_within(&s, 300, &e), FAULT_UNAVAILABLE, "tee.gone");
        s.close(s.self);
        reader_kill(SIGTERM, true);
}

static int collect_as_nobody(void)
{
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                return 1;
        AUTO(fault) struct fault *f = client_open(0, &s);
        if (f == NULL)
                f = collect_within(&s, PATIENCE_MS, &e);
        if (f == NULL)
                s.close(s.self);
        return f != NULL;
}

static void serves_an_unprivileged_uid(void **state)
{
        (void) state;
        if (geteuid() != 0)
                skip(); /* only root can become somebody else */
        reader_fork(NOBODY);
        in_child(collect_as_nobody);
        reader_kill(SIGTERM, true);
}

/* ---- what our own client never sends */

struct raw {
        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool is_open;
        struct buf answer;
};

static void raw_open(void *self, struct frames_conn *c)
{
        struct raw *r = self;
        (void) c;
        pthread_mutex_lock(&r->mu);
        r->is_open = true;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mu);
}

static void raw_frame(void *self, struct frames_conn *c, struct span frame)
{
        struct raw *r = self;
        (void) c;
        pthread_mutex_lock(&r->mu);
        AUTO(fault) struct fault *f = buf_append(&r->answer, frame);
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mu);
}

static void raw_close(void *self, struct frames_conn *c, struct fault *why)
{
        (void) self;
        (void) c;
        (void) why;
}

static void odd_calls_are_refused(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span frame;
                const char *token;
        } rows[] = {
                {"the development kind", SPAN("\x08\x01\x1a\x08software\x2a\0"), "evidence.kind"},
                {"an unknown kind", SPAN("\x08\x01\x1a\x04snpx\x2a\0"), "evidence.kind"},
                {"no kind", SPAN("\x08\x01\x2a\0"), "evidence.kind"},
                {"no body", SPAN("\x08\x01\x1a\x03tpm"), "READER_CALL"},
                {"noise", SPAN("\xff\xff\xff\xff"), "READER_CALL"},
                {"a transcript of nothing", SPAN("\x08\x01\x1a\x03tpm\x22\0"), "READER_CALL"},
        };
        struct raw r = {.answer = BUF(8192)};
        struct frames_client *client;
        pthread_mutex_init(&r.mu, NULL);
        pthread_cond_init(&r.changed, NULL);
        reader_fork(geteuid());
        expect_ok(frames_client_start(
                socket_path, geteuid(),
                &(struct frames_events){.on_open = raw_open, .on_frame = raw_frame, .on_close = raw_close, .self = &r},
                &client));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(read_answer) struct read_answer a = {0};
                pthread_mutex_lock(&r.mu);
                while (!r.is_open)
                        pthread_cond_wait(&r.changed, &r.mu);
                buf_truncate(&r.answer, 0);
                pthread_mutex_unlock(&r.mu);
                expect_ok(frames_client_send(client, rows[i].frame));
                pthread_mutex_lock(&r.mu);
                while (r.answer.len == 0)
                        pthread_cond_wait(&r.changed, &r.mu);
                expect_ok(read_answer_read(buf_span(&r.answer), &a));
                pthread_mutex_unlock(&r.mu);
                assert_non_null(a.failed);
                expect_fault_row(a.failed, FAULT_INVALID, rows[i].token, rows[i].name);
                a.failed = NULL;
        }
        frames_client_stop(client);
        buf_clear(&r.answer);
        pthread_cond_destroy(&r.changed);
        pthread_mutex_destroy(&r.mu);
        reader_kill(SIGTERM, true);
}

static void reads_no_development_evidence(void **state)
{
        (void) state;
        struct evidence_options o = {.kind = EVIDENCE_SOFTWARE, .insecure_development = true};
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.kind");
        o = (struct evidence_options){.kind = EVIDENCE_TPM, .reader_socket = socket_path};
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.kind");
        o = (struct evidence_options){0};
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.kind");
}

/* ---- the filter */

static int try_what_is_forbidden(void)
{
        const struct evidence_options options = {.kind = EVIDENCE_TPM};
        AUTO(fault) struct fault *f = reader_sandbox_enter(&options, socket_path);
        if (f != NULL)
                return 1;
        int pair[2];
        char *const argv[] = {"/bin/true", NULL};
        static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK};
        for (size_t i = 0; i < COUNT_OF(families); i++)
                if (socket(families[i], SOCK_STREAM, 0) >= 0 || errno != EPERM)
                        return 2;
        if (execv(argv[0], argv) == 0 || errno != EPERM)
                return 3;
        if (unlinkat(-1, "", 0) == 0 || errno == EPERM) /* an ordinary call is still itself */
                return 4;
        return socket(AF_UNIX, SOCK_STREAM, 0) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? 5 : 0;
}

static void filter_holds(void **state)
{
        (void) state;
        in_child(try_what_is_forbidden);
}

static int make_tpm(void **state)
{
        (void) state;
        expect_ok(swtpm_make(&tpm, SWTPM_EK_CERTIFICATE));
        expect_ok(swtpm_start(&tpm));
        assert_int_equal(chmod(tpm.folder, 0711), 0); /* for nobody */
        snprintf(socket_path, sizeof socket_path, "%s/reader.sock", tpm.folder);
        return 0;
}

static int clear_tpm(void **state)
{
        (void) state;
        swtpm_clear(&tpm);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_enrols_and_activates),
                cmocka_unit_test(comes_back_after_a_kill),
                cmocka_unit_test(killed_in_the_middle_is_gone),
                cmocka_unit_test(deadline_is_kept),
                cmocka_unit_test(other_uids_are_refused),
                cmocka_unit_test(reader_of_another_uid_is_not_believed),
                cmocka_unit_test(serves_an_unprivileged_uid),
                cmocka_unit_test(odd_calls_are_refused),
                cmocka_unit_test(reads_no_development_evidence),
                cmocka_unit_test(filter_holds),
        };
        return cmocka_run_group_tests(tests, make_tpm, clear_tpm);
}
