#include "attester/evidence/tcti_socket.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/fakes/expect.h"

static void strings(void **state)
{
        (void) state;
        static const struct {
                const char *text;
                int family; /* 0: refused */
                uint16_t port;
        } rows[] = {
                {"swtpm:path=/run/tpm.sock", AF_UNIX, 0},
                {"swtpm:host=127.0.0.1,port=2321", AF_INET, 2321},
                {"swtpm:port=1,host=127.0.0.1", AF_INET, 1},
                {"swtpm:host=localhost,port=65535", AF_INET, 65535},
                {"swtpm:host=::1,port=2322", AF_INET6, 2322},
                {"swtpm:host=127.0.0.1", AF_INET, 2321},
                {"swtpm:port=2322", AF_INET, 2322},
                {"swtpm:", AF_INET, 2321},
                {"swtpm:path=", 0, 0},
                {"swtpm:path=run/tpm.sock", 0, 0},
                {"swtpm:path=/run/tpm.sock,port=1/"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "aaaaaa",
                 0, 0},
                {"swtpm:host=tpm.example.org,port=2321", 0, 0},
                {"swtpm:host=,port=2321", 0, 0},
                {"swtpm:host=127.0.0.1,port=0", 0, 0},
                {"swtpm:host=127.0.0.1,port=65536", 0, 0},
                {"swtpm:host=127.0.0.1,port=", 0, 0},
                {"swtpm:host=127.0.0.1,,port=1", 0, 0},
                {"swtpm:host=127.0.0.1,x=1", 0, 0},
                {"swtpm:2321", 0, 0},
                {"swtpm", 0, 0},
                {"device:/dev/tpm0", 0, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct tcti_address a = {0};
                struct fault *f = tcti_socket_parse(rows[i].text, &a);
                if (rows[i].family == 0) {
                        expect_fault_row(f, FAULT_INVALID, "evidence.tcti", rows[i].text);
                        continue;
                }
                expect_ok(f);
                assert_int_equal(a.address.ss_family, rows[i].family);
                const struct sockaddr_in *v4 = (const struct sockaddr_in *) (const void *) &a.address;
                if (rows[i].family != AF_UNIX) /* v6 has its port at the same place */
                        assert_int_equal(ntohs(v4->sin_port), rows[i].port);
        }
}

/* ---- answers in pieces */

static char path[64];

static void connect_pair(TSS2_TCTI_CONTEXT **ret_tcti, int *ret_peer)
{
        struct tcti_address a;
        char text[96];
        snprintf(path, sizeof path, "/tmp/vouchsafe-tcti-%d", (int) getpid());
        snprintf(text, sizeof text, "swtpm:path=%s", path);
        expect_ok(tcti_socket_parse(text, &a));
        AUTO_CLOSE int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void) unlink(path); /* of the test before */
        assert_int_equal(bind(listener, (const struct sockaddr *) &a.address, a.len), 0);
        assert_int_equal(listen(listener, 1), 0);
        expect_ok(tcti_socket_open(&a, NULL, ret_tcti));
        *ret_peer = accept(listener, NULL, NULL);
        assert_true(*ret_peer >= 0);
        assert_int_equal(unlink(path), 0);
}

static void answers_come_in_pieces(void **state)
{
        (void) state;
        TSS2_TCTI_CONTEXT *tcti;
        AUTO_CLOSE int peer = -1;
        connect_pair(&tcti, &peer);
        uint8_t got[64];
        size_t len = sizeof got;
        assert_int_equal(Tss2_Tcti_Transmit(tcti, 3, (const uint8_t *) "abc"), 0);
        assert_int_equal(read(peer, got, sizeof got), 3);
        assert_memory_equal(got, "abc", 3);

        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, got, 0), TSS2_TCTI_RC_TRY_AGAIN);
        assert_int_equal(write(peer, "\x80\x01\0\0\0", 5), 5);
        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, got, 0), TSS2_TCTI_RC_TRY_AGAIN);
        assert_int_equal(write(peer, "\x0c\0\0\0\0x", 6), 6);
        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, got, 0), TSS2_TCTI_RC_TRY_AGAIN);
        assert_int_equal(write(peer, "y", 1), 1);
        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, NULL, 0), 0);
        assert_int_equal(len, 12);
        len = 11;
        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, got, 0), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
        len = sizeof got;
        assert_int_equal(Tss2_Tcti_Receive(tcti, &len, got, 0), 0);
        assert_memory_equal(got + 10, "xy", 2);
        tcti_socket_close(tcti);
}

static void bad_answers_are_errors(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct span bytes;
                TSS2_RC rc;
        } rows[] = {
                {"shorter than its header", SPAN("\x80\x01\0\0\0\x09\0\0\0\0"), TSS2_TCTI_RC_MALFORMED_RESPONSE},
                {"longer than any", SPAN("\x80\x01\0\0\x10\x01\0\0\0\0"), TSS2_TCTI_RC_MALFORMED_RESPONSE},
                {"length all ones", SPAN("\x80\x01\xff\xff\xff\xff\0\0\0\0"), TSS2_TCTI_RC_MALFORMED_RESPONSE},
                {"ends in the header", SPAN("\x80\x01"), TSS2_TCTI_RC_IO_ERROR},
                {"ends in the body", SPAN("\x80\x01\0\0\0\x0c\0\0\0\0x"), TSS2_TCTI_RC_IO_ERROR},
                {"ends at once", SPAN(""), TSS2_TCTI_RC_IO_ERROR},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                TSS2_TCTI_CONTEXT *tcti;
                int peer = -1;
                connect_pair(&tcti, &peer);
                uint8_t got[8192];
                size_t len = sizeof got;
                assert_int_equal(write(peer, rows[i].bytes.data, rows[i].bytes.len), rows[i].bytes.len);
                close(peer);
                TSS2_RC rc = Tss2_Tcti_Receive(tcti, &len, got, 0);
                if (rc != rows[i].rc)
                        print_error("%s\n", rows[i].name);
                assert_int_equal(rc, rows[i].rc);
                tcti_socket_close(tcti);
        }
}

static void nobody_there_is_gone(void **state)
{
        (void) state;
        TSS2_TCTI_CONTEXT *tcti;
        struct tcti_address a;
        expect_ok(tcti_socket_parse("swtpm:path=/tmp/vouchsafe-nobody-is-here", &a));
        expect_fault(tcti_socket_open(&a, NULL, &tcti), FAULT_UNAVAILABLE, "tee.gone");
        expect_ok(tcti_socket_parse("swtpm:host=127.0.0.1,port=1", &a));
        expect_fault(tcti_socket_open(&a, NULL, &tcti), FAULT_UNAVAILABLE, "tee.gone");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(strings),
                cmocka_unit_test(answers_come_in_pieces),
                cmocka_unit_test(bad_answers_are_errors),
                cmocka_unit_test(nobody_there_is_gone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
