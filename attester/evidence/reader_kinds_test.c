/* Which kinds a reader reads: readers as they run, of one kind and of two, and servers that answer what no reader of ours does. */
#include "attester/evidence/reader_client.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attester/probe.h"
#include "lib/model/evidence_parts.h"
#include "lib/net/frames.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"
#include "tests/fakes/tsm.h"

#define LOG_LEN ((size_t) 160 * 1024)

static struct swtpm tpm;
static struct tsm_emulator snp, tdx;
static char socket_path[128], reader_state[128], own_state[128], log_path[128];
static char *with_tpm[] = {(char *) EVIDENCE_TPM};
static pid_t reader;

/* ---- machines ---- */

static struct evidence_options machine(const char *kind, const char *state_dir)
{
        return (struct evidence_options){.kind = kind,
                                         .tsm_base = snp.base,
                                         .tpm_tcti = tpm.tcti,
                                         .tpm_pcrs = "sha256:0,7",
                                         .state_dir = state_dir};
}

static struct evidence_options composed(struct evidence_options o)
{
        o.secondary_count = 1;
        o.secondary = with_tpm;
        return o;
}

static struct evidence_options by_reader(struct evidence_options o)
{
        o.reader_socket = socket_path;
        o.reader_uid = geteuid();
        return o;
}

static void reader_fork(const struct evidence_options *o)
{
        reader = fork();
        if (reader == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                AUTO(fault) struct fault *f = evidence_reader_run(o, socket_path, geteuid());
                _exit(f == NULL ? 0 : 1);
        }
        assert_true(reader > 0);
}

static void reader_end(void)
{
        int status;
        kill(reader, SIGTERM);
        assert_int_equal(waitpid(reader, &status, 0), reader);
        assert_int_equal(status, 0);
}

static struct fault *collect(const struct evidence_source *s, struct cmw *ret)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        return s->collect(s->self, &b, NULL, ret);
}

/* ---- a reader of ours ---- */

static void a_reader_says_what_it_reads(void **state)
{
        (void) state;
        struct reader_kinds kinds;
        struct evidence_source s;
        if (snp.pid == 0)
                skip(); /* this machine has no FUSE */
        const struct evidence_options at_reader = composed(machine(EVIDENCE_AUTO, reader_state));
        const struct evidence_options at_attester = by_reader(machine(EVIDENCE_AUTO, own_state));
        reader_fork(&at_reader);
        expect_ok(evidence_reader_kinds(&at_attester, READER_START_MS, &kinds));
        assert_int_equal(kinds.count, 2);
        assert_true(reader_kinds_has(&kinds, EVIDENCE_SEV_SNP));
        assert_string_equal(kinds.names[0], EVIDENCE_SEV_SNP);
        assert_true(reader_kinds_has(&kinds, EVIDENCE_TPM));
        assert_false(reader_kinds_has(&kinds, EVIDENCE_TDX));

        /* auto is its choice; each of its kinds can be had alone, and no other */
        static const struct {
                const char *kind, *opened, *type; /* type NULL: refused */
        } rows[] = {
                {EVIDENCE_AUTO, EVIDENCE_SEV_SNP, CMW_SEV_SNP},
                {EVIDENCE_TPM, EVIDENCE_TPM, CMW_TPM_QUOTE},
                {EVIDENCE_TDX, EVIDENCE_TDX, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                const struct evidence_options o = by_reader(machine(rows[i].kind, own_state));
                expect_ok(evidence_open(&o, &s));
                assert_string_equal(s.kind, rows[i].opened);
                struct fault *f = collect(&s, &c);
                if (rows[i].type == NULL)
                        expect_fault_row(f, FAULT_INVALID, "evidence.kind", rows[i].kind);
                else
                        expect_ok(f);
                if (rows[i].type != NULL)
                        assert_string_equal(c.items[0].type, rows[i].type);
                s.close(s.self);
        }
        reader_end();
}

static void expect_probe(const struct evidence_options *o, const char *choice, bool has_reader)
{
        AUTO(buf) struct buf text = BUF(65536);
        AUTO(json) struct json *j = NULL;
        const struct json *kinds = NULL;
        size_t by_reader_count = 0;
        expect_ok(probe_write(o, &text));
        expect_ok(json_parse(buf_span(&text), &j));
        assert_true(span_eq_str(json_text(json_get(j, "auto")), choice));
        assert_int_equal(json_get(j, "reader") == NULL, has_reader);
        expect_ok(json_need_array(j, "kinds", EVIDENCE_KINDS_MAX, &kinds));
        for (size_t i = 0; i < json_count(kinds); i++) {
                const struct json *row = json_at(kinds, i);
                if (json_get(row, "by") == NULL)
                        continue;
                by_reader_count++;
                assert_true(json_bool(json_get(row, "available")));
                assert_null(json_get(row, "reason"));
        }
        assert_int_equal(by_reader_count, has_reader ? 2 : 0);
}

static void a_probe_sees_what_the_reader_reads(void **state)
{
        (void) state;
        if (snp.pid == 0)
                skip();
        const struct evidence_options at_reader = composed(machine(EVIDENCE_SEV_SNP, reader_state));
        struct evidence_options o = by_reader(machine(EVIDENCE_AUTO, own_state));
        o.tsm_base = "/nonexistent"; /* for an attester by itself */
        reader_fork(&at_reader);
        expect_probe(&o, EVIDENCE_SEV_SNP, true);
        reader_end();
        expect_probe(&o, EVIDENCE_TPM, false);
}

static void both_parts_may_be_the_readers(void **state)
{
        (void) state;
        static const struct {
                const char *name, *reader_kind;
                bool reader_has_tpm, is_auto;
                const char *token; /* NULL: composed */
        } rows[] = {
                {"both", EVIDENCE_SEV_SNP, true, false, NULL},
                {"both, by the reader's choice", EVIDENCE_AUTO, true, true, NULL},
                {"the primary", EVIDENCE_SEV_SNP, false, false, NULL},
                {"the TPM", EVIDENCE_TPM, false, false, NULL},
                {"neither", EVIDENCE_CCA, false, false, "evidence.kind"},
                {"a TPM is no primary", EVIDENCE_TPM, false, true, "evidence.secondary"},
        };
        if (snp.pid == 0)
                skip();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                AUTO(enrolment_material) struct enrolment_material m = {0};
                struct evidence_source s;
                struct evidence_options at_reader = machine(rows[i].reader_kind, reader_state);
                if (rows[i].reader_has_tpm)
                        at_reader = composed(at_reader);
                const struct evidence_options o =
                        composed(by_reader(machine(rows[i].is_auto ? EVIDENCE_AUTO : EVIDENCE_SEV_SNP, own_state)));
                reader_fork(&at_reader);
                struct fault *f = evidence_open(&o, &s);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                        reader_end();
                        continue;
                }
                expect_ok(f);
                expect_ok(collect(&s, &c));
                assert_int_equal(c.count, 2);
                assert_non_null(cmw_find(&c, CMW_SEV_SNP));
                assert_non_null(cmw_find(&c, CMW_TPM_QUOTE));
                expect_ok(s.enrolment(s.self, NULL, &m));
                assert_int_equal(m.certificate_count, 1);
                s.close(s.self);
                reader_end();
        }
}

/* Each in its own bounds, and too much together: a reader that was not told of the other part brings a log of full length. */
static void together_they_must_fit_a_request(void **state)
{
        (void) state;
        AUTO(cmw) struct cmw c = {0}, small = {0};
        struct evidence_source s;
        if (tdx.pid == 0)
                skip();
        FILE *f = fopen(log_path, "w");
        assert_non_null(f);
        for (size_t i = 0; i < LOG_LEN; i++)
                assert_int_equal(fputc('l', f), 'l');
        assert_int_equal(fclose(f), 0);
        assert_int_equal(truncate(log_path, (off_t) LOG_LEN), 0);
        struct evidence_options at_reader = machine(EVIDENCE_TDX, reader_state);
        struct evidence_options o = composed(by_reader(machine(EVIDENCE_TDX, own_state)));
        AUTO_STRING char *tpm_log = alloc_printf("%s.tpm", log_path);
        f = fopen(tpm_log, "w");
        assert_non_null(f);
        for (size_t i = 0; i < (size_t) 112 * 1024; i++)
                assert_int_equal(fputc('t', f), 't');
        assert_int_equal(fclose(f), 0);
        at_reader.tsm_base = tdx.base;
        at_reader.ccel_file = log_path;
        o.tpm_eventlog = tpm_log;
        reader_fork(&at_reader);
        expect_ok(evidence_open(&o, &s));
        expect_fault(collect(&s, &c), FAULT_EXHAUSTED, "evidence.size");
        assert_int_equal(truncate(tpm_log, 1000), 0);
        expect_ok(collect(&s, &small));
        s.close(s.self);
        reader_end();
        assert_int_equal(unlink(log_path) + unlink(tpm_log), 0);
}

static void a_reader_refuses_what_does_not_fit_together(void **state)
{
        (void) state;
        struct evidence_options o = composed(machine(EVIDENCE_TPM, reader_state));
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.secondary");
        static char *twice[] = {(char *) EVIDENCE_TPM, (char *) EVIDENCE_TPM, (char *) EVIDENCE_TPM,
                                (char *) EVIDENCE_TPM, (char *) EVIDENCE_TPM};
        o = machine(EVIDENCE_SEV_SNP, reader_state);
        o.secondary_count = COUNT_OF(twice);
        o.secondary = twice;
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.secondary");
        static char *development[] = {(char *) EVIDENCE_SOFTWARE};
        o.secondary_count = 1;
        o.secondary = development;
        o.insecure_development = true;
        expect_fault(evidence_reader_run(&o, socket_path, 0), FAULT_INVALID, "evidence.secondary");
}

/* ---- what no reader of ours answers ---- */

struct odd_reader {
        struct span answer;
};

static void odd_frame(void *self, struct frames_conn *conn, struct span frame)
{
        const struct odd_reader *r = self;
        (void) frame;
        /* a frame of nothing but noise makes the other side take it for an answer that can't be read */
        fault_free(frames_send(conn, r->answer));
}

static void odd_open(void *self, struct frames_conn *conn)
{
        (void) self;
        (void) conn;
}

static void odd_close(void *self, struct frames_conn *conn, struct fault *why)
{
        (void) self;
        (void) conn;
        (void) why;
}

static void odd_answers_are_refused(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct read_answer answer;
                struct span raw; /* instead */
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"a newer release",
                 {.id = 1, .kinds = {.version = READER_VERSION + 1}},
                 SPAN_NONE,
                 FAULT_PRECONDITION,
                 "READER_VERSION"},
                {"an older one, which can't read the call",
                 {.id = 0},
                 SPAN("\x10\x03\x1a\x0bREADER_CALL\x22\x03old"),
                 FAULT_PRECONDITION,
                 "READER_VERSION"},
                {"a kind that is unknown here",
                 {.id = 1, .kinds = {.version = READER_VERSION, .count = 1, .names = {"sgx"}}},
                 SPAN_NONE,
                 FAULT_INVALID,
                 "evidence.kind"},
                {"auto once more",
                 {.id = 1, .kinds = {.version = READER_VERSION, .count = 1, .names = {EVIDENCE_AUTO}}},
                 SPAN_NONE,
                 FAULT_INVALID,
                 "evidence.kind"},
                {"development",
                 {.id = 1, .kinds = {.version = READER_VERSION, .count = 1, .names = {EVIDENCE_SOFTWARE}}},
                 SPAN_NONE,
                 FAULT_INVALID,
                 "evidence.kind"},
                {"noise", {.id = 1}, SPAN("\xff\xff"), FAULT_INTERNAL, "READER_ANSWER"},
                {"a secret", {.id = 1}, SPAN("\x08\x01\x42\x01s"), FAULT_INTERNAL, "READER_ANSWER"},
                {"busy", {.id = 1}, SPAN("\x08\x01\x10\x0e\x1a\x08tee.busy\x22\x01w"), FAULT_UNAVAILABLE, "tee.busy"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf frame = BUF(4096);
                struct odd_reader r = {.answer = rows[i].raw};
                struct frames_server *server = NULL;
                struct evidence_source s;
                if (rows[i].raw.len == 0) {
                        expect_ok(read_answer_write(&rows[i].answer, &frame));
                        r.answer = buf_span(&frame);
                }
                expect_ok(frames_server_start(&(struct frames_server_options){.path = socket_path,
                                                                              .mode = 0600,
                                                                              .allowed_uids = {geteuid()},
                                                                              .allowed_count = 1,
                                                                              .connections_max = 4,
                                                                              .events = {.on_open = odd_open,
                                                                                         .on_frame = odd_frame,
                                                                                         .on_close = odd_close,
                                                                                         .self = &r}},
                                              &server));
                const struct evidence_options o = by_reader(machine(EVIDENCE_AUTO, own_state));
                expect_fault_row(evidence_open(&o, &s), rows[i].code, rows[i].token, rows[i].name);
                frames_server_stop(server);
        }
}

/* ---- set-up ---- */

static int make_machine(void **state)
{
        (void) state;
        expect_ok(swtpm_make(&tpm, SWTPM_EK_CERTIFICATE));
        expect_ok(swtpm_start(&tpm));
        (void) tsm_emulator_start(&snp, "sev_guest"); /* without it, some tests are skipped */
        (void) tsm_emulator_start(&tdx, "tdx_guest");
        (void) snprintf(socket_path, sizeof socket_path, "%s/reader.sock", tpm.folder); /* fits, as below */
        (void) snprintf(reader_state, sizeof reader_state, "%s/reader", tpm.folder);
        (void) snprintf(own_state, sizeof own_state, "%s/attester", tpm.folder);
        (void) snprintf(log_path, sizeof log_path, "%s/boot-log", tpm.folder);
        return 0;
}

static int clear_machine(void **state)
{
        (void) state;
        tsm_emulator_clear(&snp);
        tsm_emulator_clear(&tdx);
        swtpm_clear(&tpm);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reader_says_what_it_reads),
                cmocka_unit_test(a_probe_sees_what_the_reader_reads),
                cmocka_unit_test(both_parts_may_be_the_readers),
                cmocka_unit_test(together_they_must_fit_a_request),
                cmocka_unit_test(a_reader_refuses_what_does_not_fit_together),
                cmocka_unit_test(odd_answers_are_refused),
        };
        return cmocka_run_group_tests(tests, make_machine, clear_machine);
}
