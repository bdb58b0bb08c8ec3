/* Registration as kubelet sees it: who we are, how it went, and the socket that comes back. */
#include "csi/rpc/registration.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/model/names.h"
#include "lib/net/rpc.h"
#include "lib/wire/pbcheck.h"
#include "proto/pluginregistration.pb-c.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/rpc_client.h"

#define PATIENCE_MS 20000
#define DEADLINE_MS 10000

struct world {
        char folder[sizeof FOLDER_TEMPLATE];
        char *socket;
        struct registration *registration;
};

static void start(struct world *w)
{
        memcpy(w->folder, FOLDER_TEMPLATE, sizeof w->folder);
        assert_true(folder_make(w->folder));
        w->socket = alloc_printf("%s/" VOUCHSAFE_DRIVER_NAME "-reg.sock", w->folder);
        const struct registration_options options = {w->folder, "/plugins/csi.sock", &clock_system};
        expect_ok(registration_start(&options, &w->registration));
}

static void end(struct world *w)
{
        registration_stop(w->registration);
        free(w->socket);
        assert_true(folder_remove(w->folder));
}

/* The socket's inode; 0: there is none. */
static ino_t socket_now(const struct world *w)
{
        struct stat st;
        return stat(w->socket, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

static void nap(void)
{
        const struct timespec ms = {.tv_nsec = 1000000};
        (void) nanosleep(&ms, NULL);
}

/* The socket is made by another thread, and there for an instant before anybody listens: as kubelet, we dial again. */
static bool call(const struct world *w, const char *method, struct span request, struct rpc_client_reply *reply)
{
        char path[128];
        int status = FAULT_UNAVAILABLE;
        (void) snprintf(path, sizeof path, "/pluginregistration.Registration/%s", method);
        for (int i = 0; i < PATIENCE_MS && status == FAULT_UNAVAILABLE; i++) {
                if (i > 0)
                        nap();
                if (socket_now(w) == 0)
                        continue;
                AUTO(rpc_client)
                struct rpc_client *c = rpc_client_new(&(struct rpc_client_options){.socket_path = w->socket});
                rpc_client_reply_clear(reply);
                status = rpc_client_call(c, path, request, DEADLINE_MS, reply);
        }
        return status == 0;
}

static bool notify(const struct world *w, bool registered, const char *error)
{
        Pluginregistration__RegistrationStatus status = PLUGINREGISTRATION__REGISTRATION_STATUS__INIT;
        AUTO(buf) struct buf bytes = BUF(4096);
        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};
        status.plugin_registered = registered;
        status.error = (char *) error;
        expect_ok(pb_pack(&status.base, &bytes));
        return call(w, "NotifyRegistrationStatus", buf_span(&bytes), &reply);
}

static void tells_who_we_are(void **state UNUSED)
{
        struct world w;
        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};
        ProtobufCMessage *message = NULL;
        start(&w);
        assert_true(call(&w, "GetInfo", SPAN_NONE, &reply));
        expect_ok(pb_unpack(&pluginregistration__plugin_info__descriptor, buf_span(&reply.body), &PBCHECK_LIMITS,
                            &message));
        const Pluginregistration__PluginInfo *info = (const void *) message;
        assert_string_equal(info->type, "CSIPlugin");
        assert_string_equal(info->name, VOUCHSAFE_DRIVER_NAME);
        assert_string_equal(info->endpoint, "/plugins/csi.sock");
        assert_int_equal(info->n_supported_versions, 1);
        assert_string_equal(info->supported_versions[0], "1.0.0");
        protobuf_c_message_free_unpacked(message, NULL);
        end(&w);
}

static void is_done_when_kubelet_says_so(void **state UNUSED)
{
        struct world w;
        start(&w);
        assert_false(registration_is_done(w.registration));
        assert_true(notify(&w, true, ""));
        assert_true(registration_is_done(w.registration));
        end(&w);
}

static void wait_for_another(const struct world *w, ino_t before)
{
        for (int i = 0; i < PATIENCE_MS && (socket_now(w) == 0 || socket_now(w) == before); i++)
                nap();
        assert_true(socket_now(w) != 0);
}

static void vanished_socket_comes_back(void **state UNUSED)
{
        struct world w;
        start(&w);
        assert_true(notify(&w, true, ""));
        assert_int_equal(unlink(w.socket), 0);
        wait_for_another(&w, 0);
        assert_false(registration_is_done(w.registration)); /* kubelet has not asked the new one yet */
        assert_true(notify(&w, true, ""));
        assert_true(registration_is_done(w.registration));
        end(&w);
}

static void refused_comes_back_after_a_pause(void **state UNUSED)
{
        struct world w;
        start(&w);
        assert_true(notify(&w, true, ""));
        ino_t before = socket_now(&w);
        assert_true(notify(&w, false, "plugin already registered"));
        assert_false(registration_is_done(w.registration));
        for (int i = 0; i < PATIENCE_MS && socket_now(&w) == before; i++) /* down first: kubelet sees it go */
                nap();
        wait_for_another(&w, before);
        assert_true(notify(&w, true, ""));
        end(&w);
}

static void stop_removes_the_socket(void **state UNUSED)
{
        struct world w;
        start(&w);
        assert_true(notify(&w, true, ""));
        registration_stop(TAKE(w.registration));
        assert_int_equal(socket_now(&w), 0);
        end(&w);
}

static void missing_directory_is_waited_for(void **state UNUSED)
{
        struct world w;
        start(&w);
        assert_true(notify(&w, true, ""));
        bool is_gone = false; /* the socket may be made anew while it is being removed */
        for (int i = 0; i < PATIENCE_MS && !is_gone; i++)
                is_gone = folder_remove(w.folder);
        assert_true(is_gone);
        for (int i = 0; i < PATIENCE_MS && registration_is_done(w.registration); i++)
                nap();
        assert_int_equal(mkdir(w.folder, 0700), 0);
        assert_true(notify(&w, true, ""));
        end(&w);
}

static int set_up(void **state UNUSED)
{
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL); /* the library's threads inherit it */
        rpc_init();
        return 0;
}

static int tear_down(void **state UNUSED)
{
        rpc_shutdown();
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_who_we_are),           cmocka_unit_test(is_done_when_kubelet_says_so),
                cmocka_unit_test(vanished_socket_comes_back), cmocka_unit_test(refused_comes_back_after_a_pause),
                cmocka_unit_test(stop_removes_the_socket),    cmocka_unit_test(missing_directory_is_waited_for),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
