/* Answers that no healthy TPM gives: a listener of our own behind the swtpm string answers each command with the same bytes, or not
 * at all; and swtpm when nobody has started it. */
#include "attester/evidence/tpm_context.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attester/evidence/source.h"
#include "lib/base/file.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"

/* ---- a TPM that says one thing */

struct one_liner {
        int listener;
        struct span line; /* answer to everything; empty: silence */
        bool hangs_up;    /* instead of an answer */
        pthread_t thread;
};
static char folder[64];
static char tcti[128];

static int listen_at(const char *suffix)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s/tpm.sock%s", folder, suffix);
        (void) unlink(address.sun_path); /* of the row before */
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(fd, 4), 0);
        return fd;
}

static void *answer_all(void *arg)
{
        const struct one_liner *o = arg;
        for (;;) {
                AUTO_CLOSE int fd = accept(o->listener, NULL, NULL);
                if (fd < 0)
                        return NULL; /* shut down by one_liner_stop */
                uint8_t command[4096];
                while (read(fd, command, sizeof command) > 0 && !o->hangs_up) {
                        AUTO(fault) struct fault *f = o->line.len == 0 ? NULL : fd_write_all(fd, o->line);
                        if (f != NULL)
                                break;
                }
        }
}

static void one_liner_start(struct one_liner *o, const char *suffix)
{
        o->listener = listen_at(suffix);
        assert_int_equal(pthread_create(&o->thread, NULL, answer_all, o), 0);
}

static void one_liner_stop(struct one_liner *o)
{
        (void) shutdown(o->listener, SHUT_RDWR); /* wakes accept */
        pthread_join(o->thread, NULL);
        close(o->listener);
}

static struct fault *collect_within(const struct evidence_source *s, int64_t ms)
{
        const struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        AUTO(cmw) struct cmw c = {0};
        struct cancel cancel;
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + ms});
        struct fault *f = s->collect(s->self, &b, &cancel, &c);
        cancel_clear(&cancel);
        return f;
}

static void open_source(const char *at, struct evidence_source *ret)
{
        char state_dir[96];
        snprintf(state_dir, sizeof state_dir, "%s/state", folder);
        expect_ok(evidence_open(
                &(struct evidence_options){.kind = EVIDENCE_TPM, .tpm_tcti = at, .state_dir = state_dir}, ret));
}

static void answers_are_named(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span line;
                bool hangs_up;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"retry", SPAN("\x80\x01\0\0\0\x0a\0\0\x09\x22"), false, FAULT_UNAVAILABLE, "tee.busy"},
                {"yielded", SPAN("\x80\x01\0\0\0\x0a\0\0\x09\x08"), false, FAULT_UNAVAILABLE, "tee.busy"},
                {"testing", SPAN("\x80\x01\0\0\0\x0a\0\0\x09\x0a"), false, FAULT_UNAVAILABLE, "tee.busy"},
                {"lockout", SPAN("\x80\x01\0\0\0\x0a\0\0\x09\x21"), false, FAULT_UNAVAILABLE, "tee.busy"},
                {"full, even after a sweep", SPAN("\x80\x01\0\0\0\x0a\0\0\x09\x02"), false, FAULT_UNAVAILABLE,
                 "tee.busy"},
                {"not started, and can't be", SPAN("\x80\x01\0\0\0\x0a\0\0\x01\x00"), false, FAULT_UNAVAILABLE,
                 "tee.busy"},
                {"failure mode", SPAN("\x80\x01\0\0\0\x0a\0\0\x01\x01"), false, FAULT_INTERNAL, "tee.fault"},
                {"success without a body", SPAN("\x80\x01\0\0\0\x0a\0\0\0\0"), false, FAULT_INTERNAL, "tee.fault"},
                {"hangs up", SPAN(""), true, FAULT_UNAVAILABLE, "tee.gone"},
                {"says nothing", SPAN(""), false, FAULT_DEADLINE, "DEADLINE"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct one_liner control = {.line = SPAN("\0\0\0\0")};
                struct one_liner data = {.line = rows[i].line, .hangs_up = rows[i].hangs_up};
                struct evidence_source s;
                one_liner_start(&control, ".ctrl");
                one_liner_start(&data, "");
                open_source(tcti, &s);
                expect_fault_row(collect_within(&s, rows[i].code == FAULT_DEADLINE ? 60 : 10000), rows[i].code,
                                 rows[i].token, rows[i].name);
                s.close(s.self);
                one_liner_stop(&data);
                one_liner_stop(&control);
        }
}

static void nothing_is_sent_when_it_is_too_late(void **state)
{
        (void) state;
        struct evidence_source s;
        open_source(tcti, &s);
        expect_fault(collect_within(&s, 0), FAULT_DEADLINE, "DEADLINE");
        s.close(s.self);
}

static void unknown_transport_is_gone(void **state)
{
        (void) state;
        struct evidence_source s;
        open_source("no-such-transport:x", &s);
        expect_fault(collect_within(&s, 10000), FAULT_UNAVAILABLE, "tee.gone");
        s.close(s.self);
}

static void starts_a_tpm_that_nobody_started(void **state)
{
        (void) state;
        AUTO(swtpm) struct swtpm tpm = {.skips_startup = true};
        struct evidence_source s;
        expect_ok(swtpm_make(&tpm, SWTPM_PLAIN));
        expect_ok(swtpm_start(&tpm));
        open_source(tpm.tcti, &s);
        expect_ok(collect_within(&s, 30000));
        expect_ok(swtpm_reset(&tpm)); /* also later */
        expect_ok(collect_within(&s, 30000));
        s.close(s.self);
}

static int make_folder(void **state)
{
        (void) state;
        snprintf(folder, sizeof folder, "/tmp/vouchsafe-context-XXXXXX");
        assert_non_null(mkdtemp(folder));
        snprintf(tcti, sizeof tcti, "swtpm:path=%s/tpm.sock", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void) state;
        static const char *const names[] = {"tpm.sock", "tpm.sock.ctrl", "state/tpm-ak.json", "state", ""};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", folder, names[i]);
                (void) remove(path); /* some rows leave less */
        }
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_are_named),
                cmocka_unit_test(nothing_is_sent_when_it_is_too_late),
                cmocka_unit_test(unknown_transport_is_gone),
                cmocka_unit_test(starts_a_tpm_that_nobody_started),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
