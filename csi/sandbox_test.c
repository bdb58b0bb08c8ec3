#include "csi/sandbox.h"

#include <errno.h>
#include <linux/capability.h>

#include "lib/base/sandbox.h"
#include "tests/fakes/sandbox_probe.h"

static struct fault *enter(void *arg)
{
        (void) arg;
        return csi_sandbox_enter();
}

static void mounts_and_nothing_else(void **state)
{
        (void) state;
        struct probe_place place;
        probe_place_make(&place, 0);
        static const struct probe_row rows[] = {
                {PROBE_MOUNT_NEW, PROBE_DONE},    {PROBE_SOCKET_INET, EPERM},
                {PROBE_SOCKET_INET6, EPERM},      {PROBE_LISTEN, EPERM},
                {PROBE_CONNECT, EPERM},           {PROBE_READ_INSIDE, PROBE_DONE},
                {PROBE_WRITE_INSIDE, PROBE_DONE},
        };
        uint64_t kept = probe_rows(enter, NULL, 0, &place, rows, COUNT_OF(rows));
        assert_int_equal(kept, SANDBOX_CAP(CAP_SYS_ADMIN) | SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_CHOWN));
        (void) probe_rows(enter, NULL, 0, &place, probe_never, probe_never_count);
        probe_place_clear(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(mounts_and_nothing_else)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
