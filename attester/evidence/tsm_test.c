/* configfs-tsm through the emulator: every race, size and error of it, and what is left behind. */
#include "attester/evidence/tsm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "attester/evidence/tsm_instance.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/tsm.h"

#define REPORT_LEN 1184
#define DATA_AT    0x50

static struct tsm_emulator tsm;
static unsigned at_rest; /* entries of the empty folder */

static struct fault *find(struct span report, struct span *ret)
{
        if (report.len != REPORT_LEN || report.data[0] == 0)
                return fault(FAULT_INVALID, "tee.blob", "no report");
        *ret = span_slice(report, DATA_AT, TSM_REPORT_DATA_LEN);
        return NULL;
}

static struct tsm_request request(void)
{
        struct tsm_request q = {.base = tsm.base,
                                .provider = "sev_guest",
                                .privilege_level = TSM_NO_PRIVILEGE,
                                .blob_min = REPORT_LEN,
                                .find_report_data = find};
        memset(q.report_data, 0x5a, sizeof q.report_data);
        return q;
}

static void need_emulator(void)
{
        if (tsm.pid == 0)
                skip();
}

/* ---- rows: what the emulator is told, and what comes of it */

static void races_sizes_and_errors(void **state)
{
        (void) state;
        static const struct {
                const char *name, *control;
                int level;
                enum fault_code code; /* 0: it works */
                const char *token;
        } rows[] = {
                {"a quiet machine", "", -1, 0, ""},
                {"level 0", "", 0, 0, ""},
                {"level 3", "", 3, 0, ""},
                {"level at the floor", "floor=2\n", 2, 0, ""},
                {"level below the floor", "floor=2\n", 1, FAULT_INVALID, "evidence.privilege_level"},
                {"level refused by a race", "level-error=EBUSY\n", 1, FAULT_UNAVAILABLE, "tee.busy"},
                {"busy, four times", "read-error=EBUSY*4\n", -1, 0, ""},
                {"busy, five times", "read-error=EBUSY*5\n", -1, FAULT_UNAVAILABLE, "tee.busy"},
                {"interrupted once", "read-error=EINTR*1\n", -1, 0, ""},
                {"interrupted for ever", "read-error=EINTR\n", -1, FAULT_UNAVAILABLE, "tee.busy"},
                {"stale generation at a read", "read-error=EAGAIN*2\n", -1, 0, ""},
                {"timed out, which is not tried again", "read-error=ETIMEDOUT*1\n", -1, FAULT_UNAVAILABLE,
                 "tee.timeout"},
                {"host failed", "read-error=EIO*1\n", -1, FAULT_UNAVAILABLE, "tee.host"},
                {"answer does not decrypt", "read-error=EBADMSG*1\n", -1, FAULT_UNAVAILABLE, "tee.host"},
                {"provider unloaded meanwhile", "read-error=ENXIO*1\n", -1, FAULT_UNAVAILABLE, "tee.gone"},
                {"channel key wiped", "read-error=ENOTTY*1\n", -1, FAULT_PRECONDITION, "tee.lost"},
                {"refused", "read-error=EINVAL*1\n", -1, FAULT_INTERNAL, "tee.refused"},
                {"too big for the kernel", "read-error=EFBIG*1\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"an error nobody knows", "read-error=ERANGE*1\n", -1, FAULT_INTERNAL, "tee.fault"},
                {"not permitted", "mkdir-error=EPERM\n", -1, FAULT_PRECONDITION, "tee.permission"},
                {"no provider", "no-provider=1\n", -1, FAULT_PRECONDITION, "tee.missing"},
                {"write lost at close, once", "drop-write=1*1\n", -1, 0, ""},
                {"write lost at close, level counted", "drop-write=1*1\n", 1, 0, ""},
                {"write always lost at close", "drop-write=1\n", -1, FAULT_UNAVAILABLE, "tee.busy"},
                {"write always lost, level counted", "drop-write=1\n", 1, FAULT_UNAVAILABLE, "tee.busy"},
                {"somebody writes before the read, once", "other-write=1*1\n", -1, 0, ""},
                {"somebody always writes before the read", "other-write=1\n", -1, FAULT_UNAVAILABLE, "tee.busy"},
                {"somebody writes between report and table, once", "late-write=1*1\n", -1, 0, ""},
                {"somebody always writes then", "late-write=1\n", -1, FAULT_UNAVAILABLE, "tee.busy"},
                {"another's report, generation right, once", "other-report=1*1\n", -1, 0, ""},
                {"always another's report", "other-report=1\n", -1, FAULT_INTERNAL, "tee.report_data"},
                {"empty report", "blob=empty\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"zeros", "blob=zeros\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"version 0", "blob=version0\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"short", "blob=short\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"a byte longer", "blob=long\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"33 KiB", "blob=huge\n", -1, FAULT_UNAVAILABLE, "tee.blob"},
                {"no table", "aux=none\n", -1, 0, ""},
                {"empty table", "aux=empty\n", -1, 0, ""},
                {"table can't be read", "aux-error=EIO\n", -1, FAULT_UNAVAILABLE, "tee.host"},
        };
        need_emulator();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(tsm_report) struct tsm_report r = tsm_report_new();
                struct tsm_request q = request();
                q.privilege_level = rows[i].level;
                tsm_emulator_say(&tsm, rows[i].control);
                struct fault *f = tsm_take(&q, NULL, &r);
                if (rows[i].code != 0) {
                        expect_fault_row(f, rows[i].code, rows[i].token, rows[i].name);
                } else {
                        if (f != NULL)
                                print_error("%s\n", rows[i].name);
                        expect_ok(f);
                        assert_int_equal(r.outblob.len, REPORT_LEN);
                        assert_memory_equal(r.outblob.data + DATA_AT, q.report_data, sizeof q.report_data);
                        assert_int_equal(r.auxblob.len == 0, strncmp(rows[i].control, "aux=", 4) == 0);
                        assert_int_equal(r.outblob.data[0x30], rows[i].level < 0 ? 0 : rows[i].level); /* VMPL */
                }
                if (tsm_emulator_count(&tsm) != at_rest)
                        fail_msg("%s: an instance is left", rows[i].name);
        }
        tsm_emulator_say(&tsm, "");
}

static void other_providers_are_not_taken(void **state)
{
        (void) state;
        char name[TSM_PROVIDER_MAX + 1];
        AUTO(tsm_report) struct tsm_report r = tsm_report_new();
        struct tsm_request q = request();
        need_emulator();
        q.provider = "tdx_guest";
        expect_fault(tsm_take(&q, NULL, &r), FAULT_PRECONDITION, "tee.missing");
        q.provider = "sev_gues";
        expect_fault(tsm_take(&q, NULL, &r), FAULT_PRECONDITION, "tee.missing");
        expect_ok(tsm_provider(tsm.base, name));
        assert_string_equal(name, "sev_guest");
        assert_int_equal(tsm_emulator_count(&tsm), at_rest);
}

static void machines_without_it(void **state)
{
        (void) state;
        char name[TSM_PROVIDER_MAX + 1];
        AUTO(tsm_report) struct tsm_report r = tsm_report_new();
        struct tsm_request q = request();
        q.base = "/nonexistent/tsm/report";
        expect_fault(tsm_take(&q, NULL, &r), FAULT_PRECONDITION, "tee.missing");
        expect_fault(tsm_provider(q.base, name), FAULT_PRECONDITION, "tee.missing");
        q.base = "/dev/null";
        expect_fault(tsm_take(&q, NULL, &r), FAULT_PRECONDITION, "tee.missing");
        tsm_sweep(q.base);
}

static void a_cancelled_call_leaves_nothing(void **state)
{
        (void) state;
        AUTO(tsm_report) struct tsm_report r = tsm_report_new();
        AUTO(cancel) struct cancel cancel;
        struct tsm_request q = request();
        need_emulator();
        cancel_init(&cancel, &clock_system, CANCEL_NO_DEADLINE);
        cancel_trip(&cancel);
        expect_fault(tsm_take(&q, &cancel, &r), FAULT_CANCELLED, "CANCELLED");
        assert_int_equal(tsm_emulator_count(&tsm), at_rest);
}

/* ---- what others left */

static void make(const char *name)
{
        char path[256];
        (void) snprintf(path, sizeof path, "%s/%s", tsm.base, name);
        assert_int_equal(mkdir(path, 0700), 0);
}

static bool is_there(const char *name)
{
        char path[256];
        struct stat st;
        (void) snprintf(path, sizeof path, "%s/%s", tsm.base, name);
        return stat(path, &st) == 0;
}

static void sweep_removes_the_dead_alone(void **state)
{
        (void) state;
        AUTO(tsm_instance) struct tsm_instance living = TSM_INSTANCE;
        char path[256];
        need_emulator();
        make("vouchsafe-1-dead");
        make("vouchsafe-dead");
        make("somebody-elses");
        expect_ok(tsm_instance_make(tsm.base, &living));
        tsm_sweep(tsm.base);
        assert_false(is_there("vouchsafe-1-dead"));
        assert_false(is_there("vouchsafe-dead"));
        assert_true(is_there("somebody-elses"));
        assert_true(is_there(living.name));
        (void) snprintf(path, sizeof path, "%s/somebody-elses", tsm.base);
        assert_int_equal(rmdir(path), 0);
}

static void odd_texts_are_refused(void **state)
{
        (void) state;
        static const char *const rows[] = {"", "\n", "1", "x\n", "-1\n", "01\n", "1\n2\n", "18446744073709551616\n"};
        char folder[] = "/tmp/vouchsafe-text-XXXXXX";
        assert_non_null(mkdtemp(folder));
        struct tsm_instance i = TSM_INSTANCE;
        i.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t n = 0; n < COUNT_OF(rows); n++) {
                uint64_t generation;
                int fd = openat(i.dir, "generation", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                assert_int_equal(write(fd, rows[n], strlen(rows[n])), (ssize_t) strlen(rows[n]));
                close(fd);
                expect_fault_row(tsm_instance_generation(&i, &generation), FAULT_INTERNAL, "tee.fault", rows[n]);
        }
        AUTO(buf) struct buf out = BUF(16);
        expect_fault(tsm_instance_read(&i, "nothing", &out), FAULT_NOT_FOUND, "tee.attribute");
        expect_fault(tsm_instance_write(&i, "nothing", SPAN("x")), FAULT_NOT_FOUND, "tee.attribute");
        (void) unlinkat(i.dir, "generation", 0);
        tsm_instance_clear(&i);
        assert_int_equal(rmdir(folder), 0);
}

static void a_locked_instance_is_somebodys(void **state)
{
        (void) state;
        AUTO(tsm_instance) struct tsm_instance i = TSM_INSTANCE;
        need_emulator();
        expect_ok(tsm_instance_make(tsm.base, &i));
        AUTO_CLOSE int other = openat(i.base, i.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
        assert_int_equal(errno, EWOULDBLOCK);
}

static int start(void **state)
{
        (void) state;
        if (tsm_emulator_start(&tsm, "sev_guest"))
                at_rest = tsm_emulator_count(&tsm);
        return 0;
}

static int stop(void **state)
{
        (void) state;
        tsm_emulator_clear(&tsm);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(races_sizes_and_errors),
                cmocka_unit_test(other_providers_are_not_taken),
                cmocka_unit_test(machines_without_it),
                cmocka_unit_test(a_cancelled_call_leaves_nothing),
                cmocka_unit_test(sweep_removes_the_dead_alone),
                cmocka_unit_test(odd_texts_are_refused),
                cmocka_unit_test(a_locked_instance_is_somebodys),
        };
        return cmocka_run_group_tests(tests, start, stop);
}
