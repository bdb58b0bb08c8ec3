#include "issuer/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>

#include "lib/base/sandbox.h"
#include "tests/fakes/sandbox_probe.h"

static struct probe_place place;

static int make_place(void **state)
{
        (void) state;
        probe_place_make(&place, 0);
        return 0;
}

static int clear_place(void **state)
{
        (void) state;
        probe_place_clear(&place);
        return 0;
}

static struct issuer_config config_with(const char *listen)
{
        static char socket[192], key[192];
        snprintf(socket, sizeof(socket), "%s/admin.sock", place.inside);
        snprintf(key, sizeof(key), "%s/there", place.inside);
        return (struct issuer_config){.listen = (char *) listen,
                                      .state_dir = place.inside,
                                      .admin_socket = socket,
                                      .root_certificate = key,
                                      .tls_certificate = key,
                                      .tls_key = key};
}

static struct fault *enter(void *arg)
{
        TRY(issuer_sandbox_drop(arg));
        return issuer_sandbox_enter(arg);
}

static void listens_and_sees_its_own(void **state)
{
        (void) state;
        struct issuer_config c = config_with("127.0.0.1:8443");
        static const struct probe_row rows[] = {
                {PROBE_SOCKET_INET, PROBE_DONE},
                {PROBE_LISTEN, PROBE_DONE},
                {PROBE_MOUNT_NEW, EPERM},
                {PROBE_READ_INSIDE, PROBE_DONE},
                {PROBE_WRITE_INSIDE, PROBE_DONE},
#if !SANDBOX_IS_WEAK
                {PROBE_CONNECT, EACCES},
                {PROBE_READ_OUTSIDE, EACCES},
                {PROBE_WRITE_OUTSIDE, EACCES},
                {PROBE_ABSTRACT, EPERM},
#endif
        };
        assert_int_equal(probe_rows(enter, &c, 0, &place, rows, COUNT_OF(rows)), 0);
        assert_int_equal(probe_rows(enter, &c, 0, &place, probe_never, probe_never_count), 0);
}

/* Only then a connection may be made. */
static void connects_to_makers(void **state)
{
        (void) state;
        struct issuer_config c = config_with("127.0.0.1:8443");
        c.endorsements_online = true;
        c.endorsements_mirror = place.outside;
        static const struct probe_row rows[] = {
                {PROBE_LISTEN, PROBE_DONE},
                {PROBE_CONNECT, ECONNREFUSED},
                {PROBE_READ_OUTSIDE, PROBE_DONE},
#if !SANDBOX_IS_WEAK
                {PROBE_WRITE_OUTSIDE, EACCES},
#endif
        };
        assert_int_equal(probe_rows(enter, &c, 0, &place, rows, COUNT_OF(rows)), 0);
        assert_int_equal(probe_rows(enter, &c, 0, &place, probe_never, probe_never_count), 0);
}

/* Where the root's key is kept elsewhere, only the signer, which forks before, has reached it. */
static void read_again_and_not_written(struct issuer_config *c)
{
        static const struct probe_row rows[] = {
                {PROBE_READ_OUTSIDE, PROBE_DONE},
#if !SANDBOX_IS_WEAK
                {PROBE_WRITE_OUTSIDE, EACCES},
#endif
        };
        (void) probe_rows(enter, c, 0, &place, rows, COUNT_OF(rows));
}

static void policy_is_read_and_not_written(void **state)
{
        (void) state;
        struct issuer_config c = config_with("127.0.0.1:8443");
        char *policies[] = {place.outside};
        c.policy = (struct option_texts){.texts = policies, .count = 1};
        read_again_and_not_written(&c);
}

static void anchors_are_read_and_not_written(void **state)
{
        (void) state;
        struct issuer_config c = config_with("127.0.0.1:8443");
        struct anchors_config folder = {.file = place.outside};
        void *items[] = {&folder};
        c.anchors = (struct option_items){1, items};
        read_again_and_not_written(&c);
}

static void low_port_keeps_one_capability(void **state)
{
        (void) state;
        static const struct {
                const char *listen;
                uint64_t kept;
        } rows[] = {
                {"0.0.0.0:443", SANDBOX_CAP(CAP_NET_BIND_SERVICE)},
                {"[::]:1023", SANDBOX_CAP(CAP_NET_BIND_SERVICE)},
                {"0.0.0.0:1024", 0},
                {"0.0.0.0:0", 0},
                {"0.0.0.0:", 0},
                {"nonsense", 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct issuer_config c = config_with(rows[i].listen);
                assert_int_equal(probe_rows(enter, &c, 0, &place, NULL, 0), rows[i].kept);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(listens_and_sees_its_own),       cmocka_unit_test(connects_to_makers),
                cmocka_unit_test(policy_is_read_and_not_written), cmocka_unit_test(anchors_are_read_and_not_written),
                cmocka_unit_test(low_port_keeps_one_capability),
        };
        return cmocka_run_group_tests(tests, make_place, clear_place);
}
