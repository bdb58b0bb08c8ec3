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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connects_and_sees_its_own),
                cmocka_unit_test(refuses_root),
                cmocka_unit_test(looks_up_names),
                cmocka_unit_test(reader_has_no_network),
        };
        return cmocka_run_group_tests(tests, make_place, clear_place);
}
