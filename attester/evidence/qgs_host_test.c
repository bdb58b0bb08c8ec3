/* Where the service is: the option, Intel's file, and who answers there. */
#include "attester/evidence/qgs_host.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/base/auto.h"
#include "lib/base/file.h"
#include "tests/fakes/expect.h"

static const char *write_conf(const char *text)
{
        static char path[64];
        (void) snprintf(path, sizeof path, "/tmp/vouchsafe-qgs-XXXXXX"); /* fits */
        AUTO_CLOSE int fd = mkstemp(path);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, span_str(text)));
        return path;
}

static void ports(void **state)
{
        (void) state;
        static const struct {
                const char *text;
                uint32_t configured, port;
                bool is_refused;
        } rows[] = {
                {"port=4050\n", 0, 4050, false},
                {"port=4050", 0, 4050, false},
                {"  port \t=  4050  \r\n", 0, 4050, false},
                {"# port=1\n\nother=2\nport=4050\nport=4051\n", 0, 4050, false},
                {"port=4050\n", 99, 99, false},
                {"port=nonsense\n", 99, 99, false},
                {"port=4294967294\n", 0, 4294967294u, false},
                {"", 0, 0, false},
                {"\n", 0, 0, false},
                {"#port=4050\n", 0, 0, false},
                {"ports=4050\n", 0, 0, false},
                {"port\n", 0, 0, true},
                {"port=\n", 0, 0, true},
                {"port=0\n", 0, 0, true},
                {"port=4294967295\n", 0, 0, true},
                {"port=99999999999999999999\n", 0, 0, true},
                {"port=-1\n", 0, 0, true},
                {"port=4050 4051\n", 0, 0, true},
                {"port=0x10\n", 0, 0, true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const char *path = write_conf(rows[i].text);
                uint32_t port = 7;
                struct fault *f = qgs_port_find(rows[i].configured, path, &port);
                (void) unlink(path);
                if (rows[i].is_refused)
                        expect_fault_row(f, FAULT_INVALID, "evidence.qgs_port", rows[i].text);
                else
                        expect_ok(f);
                if (port != (rows[i].is_refused ? 7 : rows[i].port))
                        fail_msg("%s: %u", rows[i].text, port);
        }
}

static void a_file_that_is_not_there_says_nothing(void **state)
{
        (void) state;
        uint32_t port = 7;
        expect_ok(qgs_port_find(0, "/nonexistent/tdx-attest.conf", &port));
        assert_int_equal(port, 0);
        expect_fault(qgs_port_find(0, "/tmp", &port), FAULT_INVALID, "NOT_A_FILE");
}

/* This machine's host has no such service, or it has no vsock. */
static void nobody_is_there(void **state)
{
        (void) state;
        int fd = -1;
        struct cancel given_up;
        AUTO(fault) struct fault *f = qgs_connect(1, 200, NULL, &fd);
        assert_non_null(f);
        assert_int_equal(fd, -1);
        if (strcmp(fault_token(f), "tee.no_vsock") != 0)
                assert_int_equal(fault_code(f), FAULT_UNAVAILABLE);
        cancel_init(&given_up, &clock_system, CANCEL_NO_DEADLINE);
        cancel_trip(&given_up);
        expect_fault(qgs_connect(1, 200, &given_up, &fd), FAULT_CANCELLED, "CANCELLED");
        cancel_clear(&given_up);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ports),
                cmocka_unit_test(a_file_that_is_not_there_says_nothing),
                cmocka_unit_test(nobody_is_there),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
