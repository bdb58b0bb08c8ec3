/* TDX where the kernel makes no quotes: the emulated device gives TDREPORTs, a thread is the host's quote generation service. */
#include "attester/evidence/tdx_guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attester/evidence/qgs_host.h"
#include "attester/evidence/tdx.h"
#include "lib/base/file.h"
#include "lib/model/evidence_parts.h"
#include "tests/emulators/device.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/tsm.h"

#define PORT           4050
#define REQUEST_LEN    (4 + 24 + 1024)
#define REPORT_DATA_AT (4 + 24 + 128)
#define QUOTE_LEN      (48 + 584)
#define DATA_AT        (48 + 520)

/* ---- the host's service */

enum deed { QUOTES, ERROR, BUSY_ONCE, HANGS_UP, OTHER_DATA, SHORT, VERSION_0 };
static struct {
        char folder[64], says[96], socket[96];
        int listener;
        pthread_t thread;
        _Atomic enum deed deed; /* set while nobody asks */
        atomic_uint asked;
} host;

static void make_response(const uint8_t request[REQUEST_LEN], struct buf *out)
{
        uint8_t quote[QUOTE_LEN] = {host.deed == VERSION_0 ? 0 : 4, 0, 2, 0, 0x81};
        uint32_t error = host.deed == ERROR ? 0x12001 : host.deed == BUSY_ONCE && host.asked == 1 ? 0x12002 : 0;
        size_t len = error != 0 ? 0 : host.deed == SHORT ? QUOTE_LEN - 1 : QUOTE_LEN;
        memcpy(quote + DATA_AT, request + REPORT_DATA_AT, TSM_REPORT_DATA_LEN);
        quote[DATA_AT] ^= host.deed == OTHER_DATA;
        expect_ok(buf_append_u32be(out, (uint32_t) (24 + len)));
        expect_ok(buf_append_u32le(out, 1 | 1u << 16));
        expect_ok(buf_append_u32le(out, 1));
        expect_ok(buf_append_u32le(out, (uint32_t) (24 + len)));
        expect_ok(buf_append_u32le(out, error));
        expect_ok(buf_append_u32le(out, 0));
        expect_ok(buf_append_u32le(out, (uint32_t) len));
        expect_ok(buf_append(out, span_make(quote, len)));
}

static void *serve(void *arg)
{
        (void) arg;
        for (;;) {
                AUTO_CLOSE int fd = accept4(host.listener, NULL, NULL, SOCK_CLOEXEC);
                AUTO(buf) struct buf response = BUF(4096);
                uint8_t request[REQUEST_LEN];
                if (fd < 0)
                        return NULL; /* shut down */
                if (recv(fd, request, sizeof request, MSG_WAITALL) != REQUEST_LEN)
                        continue; /* a probe: it only wants to see whether somebody is here */
                host.asked++;
                if (host.deed == HANGS_UP)
                        continue;
                make_response(request, &response);
                (void) send(fd, response.data, response.len, MSG_NOSIGNAL); /* who went away wants nothing */
        }
}

static void module_says(const char *word)
{
        AUTO_CLOSE int fd = open(host.says, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        expect_ok(fd_write_all(fd, span_str(word)));
}

static int make_host(void **state)
{
        (void) state;
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        (void) snprintf(host.folder, sizeof host.folder, "/tmp/vouchsafe-tdx-XXXXXX"); /* fits, as below */
        assert_non_null(mkdtemp(host.folder));
        (void) snprintf(host.says, sizeof host.says, "%s/says", host.folder);
        (void) snprintf(host.socket, sizeof host.socket, "%s/qgs", host.folder);
        memcpy(at.sun_path, host.socket, strlen(host.socket));
        host.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(host.listener, (const struct sockaddr *) &at, sizeof at), 0);
        assert_int_equal(listen(host.listener, 8), 0);
        assert_int_equal(pthread_create(&host.thread, NULL, serve, NULL), 0);
        device_set("TDX_GUEST_SAYS", host.says);
        device_set("TDX_GUEST_QGS", host.socket);
        return 0;
}

static int clear_host(void **state)
{
        (void) state;
        shutdown(host.listener, SHUT_RDWR);
        pthread_join(host.thread, NULL);
        close(host.listener);
        (void) unlink(host.says);
        (void) unlink(host.socket);
        return rmdir(host.folder);
}

/* ---- ours */

static struct binding a_binding(void)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static const struct evidence_options options = {
        .kind = EVIDENCE_TDX, .tsm_base = "/nonexistent", .ccel_file = "/nonexistent", .qgs_port = PORT};

static struct fault *collect(const struct evidence_options *o, struct cmw *ret)
{
        struct evidence_source s;
        const struct binding b = a_binding();
        TRY(evidence_open(o, &s));
        host.asked = 0;
        struct fault *f = s.collect(s.self, &b, NULL, ret);
        s.close(s.self);
        return f;
}

static void a_report_becomes_a_quote(void **state)
{
        (void) state;
        AUTO(cmw) struct cmw c = {0};
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        uint8_t wanted[SHA512_LEN];
        const struct binding b = a_binding();
        expect_ok(binding_write(&b, &t));
        binding_report_data(buf_span(&t), wanted);

        module_says("");
        host.deed = QUOTES;
        expect_ok(collect(&options, &c));
        assert_string_equal(c.items[0].type, CMW_TDX);
        expect_ok(evidence_parts_read(buf_span(&c.items[0].value), NULL, &e));
        assert_int_equal(e.evidence.len, QUOTE_LEN);
        assert_memory_equal(e.evidence.data + DATA_AT, wanted, sizeof wanted);
        assert_int_equal(host.asked, 1);
}

static void what_goes_wrong(void **state)
{
        (void) state;
        static const struct {
                const char *module;
                enum deed deed;
                unsigned asked; /* how often the service is */
                enum fault_code code;
                const char *token; /* NULL: evidence */
        } rows[] = {
                {"ebusy-once", QUOTES, 1, FAULT_UNKNOWN, NULL},
                {"", BUSY_ONCE, 2, FAULT_UNKNOWN, NULL},
                {"ebusy", QUOTES, 0, FAULT_UNAVAILABLE, "tee.busy"},
                {"eio", QUOTES, 0, FAULT_UNAVAILABLE, "tee.host"},
                {"enotty", QUOTES, 0, FAULT_PRECONDITION, "tee.driver"},
                {"type", QUOTES, 0, FAULT_UNAVAILABLE, "tee.blob"},
                {"other", QUOTES, 0, FAULT_INTERNAL, "tee.report_data"},
                {"", ERROR, 1, FAULT_UNAVAILABLE, "tee.host"},
                {"", HANGS_UP, 1, FAULT_UNAVAILABLE, "tee.host"},
                {"", OTHER_DATA, 1, FAULT_INTERNAL, "tee.report_data"},
                {"", SHORT, 1, FAULT_UNAVAILABLE, "tee.blob"},
                {"", VERSION_0, 1, FAULT_UNAVAILABLE, "tee.blob"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                AUTO_STRING char *name = alloc_printf("row %zu: %s, %d", i, rows[i].module, rows[i].deed);
                module_says(rows[i].module);
                host.deed = rows[i].deed;
                struct fault *f = collect(&options, &c);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, rows[i].code, rows[i].token, name);
                if (host.asked != rows[i].asked)
                        fail_msg("%s: asked %u times", name, host.asked);
        }
        module_says("");
}

static void nobody_at_the_port(void **state)
{
        (void) state;
        AUTO(cmw) struct cmw none = {0};
        device_set("TDX_GUEST_QGS", "/nonexistent/qgs");
        struct fault *f = collect(&options, &none);
        assert_non_null(strstr(fault_text(f), "4050"));
        expect_fault(f, FAULT_UNAVAILABLE, "tee.host");
        expect_fault(tdx_guest_probe(&options), FAULT_UNAVAILABLE, "tee.host");
        device_set("TDX_GUEST_QGS", host.socket);
        expect_ok(tdx_guest_probe(&options));
}

static void nobody_has_said_where(void **state)
{
        (void) state;
        AUTO(cmw) struct cmw none = {0};
        struct evidence_options o = options;
        o.qgs_port = 0;
        struct fault *f = tdx_guest_probe(&o);
        assert_non_null(strstr(fault_text(f), QGS_CONF));
        expect_fault(f, FAULT_PRECONDITION, "tee.no_qgs");
        if (access(QGS_CONF, F_OK) != 0)
                expect_fault(collect(&o, &none), FAULT_PRECONDITION, "tee.no_qgs");
}

/* What is missing is then the kernel's own way: an operator will rather repair that. */
static void neither_way(void **state)
{
        (void) state;
        AUTO(cmw) struct cmw none = {0};
        AUTO(evidence_findings) struct evidence_findings found = {0};
        if (access(TDX_GUEST_DEVICE, F_OK) == 0)
                skip();
        evidence_probe(&options, &found);
        for (size_t i = 0; i < found.count; i++)
                if (strcmp(found.items[i].kind, EVIDENCE_TDX) == 0)
                        assert_null(found.items[i].why_not);
        device_set("TDX_GUEST_SAYS", NULL);
        expect_fault(tdx_guest_probe(&options), FAULT_PRECONDITION, "tee.missing");
        struct fault *f = collect(&options, &none);
        assert_non_null(strstr(fault_text(f), "/nonexistent"));
        expect_fault(f, FAULT_PRECONDITION, "tee.missing");
        device_set("TDX_GUEST_SAYS", host.says);
}

static void the_kernels_way_without_a_host(void **state)
{
        (void) state;
        static const struct {
                const char *control;
                uint32_t port;
                unsigned asked;
                const char *token; /* NULL: evidence */
        } rows[] = {
                {"read-error=EIO\n", PORT, 1, NULL},
                {"blob=empty\n", PORT, 1, NULL},
                {"read-error=EIO\n", 0, 0, "tee.host"},
                {"blob=zeros\n", 0, 0, "tee.blob"},
                {"read-error=ETIMEDOUT\n", PORT, 0, "tee.timeout"},
                {"", PORT, 0, NULL},
        };
        AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
        if (access(QGS_CONF, F_OK) == 0 || !tsm_emulator_start(&tsm, "tdx_guest"))
                skip();
        host.deed = QUOTES;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                struct evidence_options o = options;
                o.tsm_base = tsm.base;
                o.qgs_port = rows[i].port;
                tsm_emulator_say(&tsm, rows[i].control);
                struct fault *f = collect(&o, &c);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAVAILABLE, rows[i].token, rows[i].control);
                assert_int_equal(host.asked, rows[i].asked);
        }

        AUTO(cmw) struct cmw none = {0};
        struct evidence_options o = options;
        o.tsm_base = tsm.base;
        tsm_emulator_say(&tsm, "read-error=EIO\n");
        host.deed = HANGS_UP;
        struct fault *f = collect(&o, &none); /* says both */
        assert_non_null(strstr(fault_text(f), "outblob"));
        assert_non_null(strstr(fault_text(f), "hung up"));
        expect_fault(f, FAULT_UNAVAILABLE, "tee.host");
        host.deed = QUOTES;
}

/* As operators do who want Intel's library to use vsock. */
static void an_empty_folder_over_the_kernels_way(void **state)
{
        (void) state;
        char folder[] = "/tmp/vouchsafe-empty-XXXXXX";
        AUTO(cmw) struct cmw c = {0};
        struct evidence_options o = options;
        assert_non_null(mkdtemp(folder));
        o.tsm_base = folder;
        expect_ok(evidence_tdx_probe(&o));
        expect_ok(collect(&o, &c));
        assert_int_equal(host.asked, 1);
        assert_int_equal(rmdir(folder), 0); /* nothing stays in it */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_report_becomes_a_quote),
                cmocka_unit_test(what_goes_wrong),
                cmocka_unit_test(nobody_at_the_port),
                cmocka_unit_test(nobody_has_said_where),
                cmocka_unit_test(neither_way),
                cmocka_unit_test(the_kernels_way_without_a_host),
                cmocka_unit_test(an_empty_folder_over_the_kernels_way),
        };
        return cmocka_run_group_tests(tests, make_host, clear_host);
}
