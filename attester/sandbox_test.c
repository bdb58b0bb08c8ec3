#include "attester/sandbox.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "attester/evidence/reader_sandbox.h"
#include "lib/base/sandbox.h"
#include "tests/fakes/sandbox_probe.h"

#define OWN_UID 64123 /* nobody's */

static struct probe_place place;

static struct attester_config config_in(const char *folder)
{
        static char socket[192];
        snprintf(socket, sizeof(socket), "%s/attester.sock", folder);
        return (struct attester_config){
                .socket = socket, .state_dir = (char *) folder, .tpm_tcti = "swtpm:path=/nowhere"};
}

static struct fault *enter(void *arg)
{
        return attester_sandbox_enter(arg);
}

static int make_place(void **state)
{
        (void) state;
        probe_place_make(&place, OWN_UID);
        return 0;
}

static int clear_place(void **state)
{
        (void) state;
        probe_place_clear(&place);
        return 0;
}

static void connects_and_sees_its_own(void **state)
{
        (void) state;
        struct attester_config c = config_in(place.inside);
        static const struct probe_row rows[] = {
                {PROBE_SOCKET_INET, PROBE_DONE},
                {PROBE_SOCKET_INET6, PROBE_DONE},
                {PROBE_CONNECT, ECONNREFUSED},
                {PROBE_MOUNT_NEW, EPERM},
                {PROBE_READ_INSIDE, PROBE_DONE},
                {PROBE_WRITE_INSIDE, PROBE_DONE},
#if !SANDBOX_IS_WEAK
                {PROBE_LISTEN, EACCES},
                {PROBE_READ_OUTSIDE, EACCES},
                {PROBE_WRITE_OUTSIDE, EACCES},
                {PROBE_ABSTRACT, EPERM},
#endif
        };
        assert_int_equal(probe_rows(enter, &c, OWN_UID, &place, rows, COUNT_OF(rows)), 0);
        assert_int_equal(probe_rows(enter, &c, OWN_UID, &place, probe_never, probe_never_count), 0);
}

static void refuses_root(void **state)
{
        (void) state;
        if (getuid() != 0)
                skip();
        struct attester_config c = config_in(place.inside);
        expect_fault(attester_sandbox_enter(&c), FAULT_PRECONDITION, "RUN_AS_ROOT");
}

/* Names are still looked up: libc reads its files and does without AF_NETLINK. */
static struct fault *enter_and_look_up(void *arg)
{
        TRY(attester_sandbox_enter(arg));
        struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
        int err = getaddrinfo("localhost", "443", &hints, &found);
        if (err != 0)
                return fault(FAULT_INTERNAL, "LOOK_UP", "%s", gai_strerror(err));
        freeaddrinfo(found);
        return NULL;
}

static void looks_up_names(void **state)
{
        (void) state;
        struct attester_config c = config_in(place.inside);
        (void) probe_rows(enter_and_look_up, &c, OWN_UID, &place, NULL, 0);
}

static struct fault *enter_reader(void *arg)
{
        const struct evidence_options o = {.kind = EVIDENCE_TPM, .state_dir = arg};
        AUTO_STRING char *socket = alloc_printf("%s/reader.sock", (const char *) arg);
        return reader_sandbox_enter(&o, socket);
}

static void reader_has_no_network(void **state)
{
        (void) state;
        static const struct probe_row rows[] = {
                {PROBE_SOCKET_INET, EPERM},
                {PROBE_SOCKET_INET6, EPERM},
                {PROBE_MOUNT_NEW, EPERM},
                {PROBE_READ_INSIDE, PROBE_DONE},
                {PROBE_WRITE_INSIDE, PROBE_DONE},
#if !SANDBOX_IS_WEAK
                {PROBE_READ_OUTSIDE, EACCES},
                {PROBE_WRITE_OUTSIDE, EACCES},
                {PROBE_ABSTRACT, EPERM},
#endif
        };
        (void) probe_rows(enter_reader, place.inside, 0, &place, rows, COUNT_OF(rows));
        (void) probe_rows(enter_reader, place.inside, 0, &place, probe_never, probe_never_count);
}

/* ---- vsock: for a TDX quote from the host's service, and for nothing else */

static struct fault *enter_reader_of(void *arg)
{
        return reader_sandbox_enter(arg, "/nowhere/reader.sock");
}

/* Whether the filter lets AF_VSOCK through: a kernel may be without it. */
static int vsock_outcome(void)
{
        AUTO_CLOSE int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd < 0 ? errno : PROBE_DONE;
}

static void vsock_is_for_tdx_quotes_alone(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct evidence_options options;
                bool has_vsock;
        } rows[] = {
                {"TDX, with a service", {.kind = EVIDENCE_TDX, .qgs_port = 4050}, true},
                {"TDX, without", {.kind = EVIDENCE_TDX}, false},
                {"whatever there is, with a service", {.kind = EVIDENCE_AUTO, .qgs_port = 4050}, true},
                {"another kind, with a service", {.kind = EVIDENCE_SEV_SNP, .qgs_port = 4050}, false},
                {"an enclave, with a service", {.kind = EVIDENCE_NITRO, .qgs_port = 4050}, false},
                {"a TPM, with a service", {.kind = EVIDENCE_TPM, .qgs_port = 4050}, false},
        };
        int open_outcome = vsock_outcome();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct evidence_options o = rows[i].options;
                const struct probe_row wanted[] = {
                        {PROBE_SOCKET_UNIX, PROBE_DONE}, {PROBE_SOCKET_VSOCK, rows[i].has_vsock ? open_outcome : EPERM},
                        {PROBE_SOCKET_INET, EPERM},      {PROBE_SOCKET_INET6, EPERM},
                        {PROBE_SOCKET_NETLINK, EPERM},   {PROBE_SOCKET_PACKET, EPERM},
                        {PROBE_SOCKET_HIGH_BITS, EPERM},
                };
                print_message("%s\n", rows[i].name);
                (void) probe_rows(enter_reader_of, &o, 0, &place, wanted, COUNT_OF(wanted));
        }
}

static void attester_has_vsock_without_a_reader(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                char *kind, *reader_socket;
                uint64_t qgs_port;
                bool has_vsock;
        } rows[] = {
                {"TDX read here", EVIDENCE_TDX, NULL, 4050, true},
                {"TDX read by a reader", EVIDENCE_TDX, "/run/reader.sock", 4050, false},
                {"TDX without a service", EVIDENCE_TDX, NULL, 0, false},
                {"an enclave", EVIDENCE_NITRO, NULL, 4050, false},
        };
        int open_outcome = vsock_outcome();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attester_config c = config_in(place.inside);
                c.evidence_kind = rows[i].kind;
                c.reader_socket = rows[i].reader_socket;
                c.qgs_port = rows[i].qgs_port;
                const struct probe_row wanted = {PROBE_SOCKET_VSOCK, rows[i].has_vsock ? open_outcome : EPERM};
                print_message("%s\n", rows[i].name);
                (void) probe_rows(enter, &c, OWN_UID, &place, &wanted, 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connects_and_sees_its_own),
                cmocka_unit_test(refuses_root),
                cmocka_unit_test(looks_up_names),
                cmocka_unit_test(reader_has_no_network),
                cmocka_unit_test(vsock_is_for_tdx_quotes_alone),
                cmocka_unit_test(attester_has_vsock_without_a_reader),
        };
        return cmocka_run_group_tests(tests, make_place, clear_place);
}
