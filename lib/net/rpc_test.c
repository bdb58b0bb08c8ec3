#include "lib/net/rpc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/net/unix_socket.h"
#include "proto/csi.pb-c.h"
#include "tests/fakes/rpc_world.h"

/* ---- answers ---- */

static void answers(void **state)
{
        AUTO(rpc_client_reply) struct rpc_client_reply info = {0}, denied = {0};
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        Csi__V1__GetPluginInfoResponse *reply;

        (void) state;
        assert_int_equal(rpc_client_call(c, "/csi.v1.Identity/GetPluginInfo", SPAN_NONE, PATIENCE_MS, &info), 0);
        reply = csi__v1__get_plugin_info_response__unpack(NULL, info.body.len, info.body.data);
        assert_string_equal(reply->name, "csi.example");
        csi__v1__get_plugin_info_response__free_unpacked(reply, NULL);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        assert_int_equal(rpc_client_call(c, PUBLISH, PUBLISH_OF("deny"), PATIENCE_MS, &denied), FAULT_DENIED);
        assert_string_equal(denied.message, "volume deny: 100% refused");
        assert_int_equal(world_now(&world.done), 2);
        assert_int_equal(world_now(&world.done_failed), 1);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void unknown_methods(void **state)
{
        static const struct {
                const char *method, *text;
        } rows[] = {
                {"/csi.v1.Controller/CreateVolume", "there is no such method"},
                {"/csi.v1.Node/NodeStageVolume", "/csi.v1.Node/NodeStageVolume is not served here"},
                {"/csi.v1.Node/NodePublishVolumes", "there is no such method"},
                {"/", "there is no such method"},
                {"/csi.v1.Node/NodeExpandVolume", "/csi.v1.Node/NodeExpandVolume is not served here"},
        };
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        for (int round = 0; round < 5; round++)
                for (size_t i = 0; i < COUNT_OF(rows); i++) {
                        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};

                        assert_int_equal(rpc_client_call(c, rows[i].method, PUBLISH_OF("v001"), PATIENCE_MS, &reply),
                                         FAULT_UNIMPLEMENTED);
                        assert_string_equal(reply.message, rows[i].text);
                }
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void bad_messages(void **state)
{
        static uint8_t crowd[5000 * 2]; /* field 8, empty, 5000 times */
        const struct {
                const char *name;
                struct span bytes;
                int status;
        } rows[] = {
                {"good", PUBLISH_OF("v001"), 0},
                {"empty", SPAN_NONE, 0},
                {"unknown field", SPAN("\x0a\x04v001\xfa\x3e\x02zz"), 0},
                {"NUL in volume_id", PUBLISH_OF("v1\0/"), FAULT_INVALID},
                {"invalid UTF-8", PUBLISH_OF("v1\xff/"), FAULT_INVALID},
                {"NUL in a map's value", SPAN("\x42\x06\x0a\x01k\x12\x01\0"), FAULT_INVALID},
                {"one byte short", SPAN("\x0a\x04v00"), FAULT_INVALID},
                {"one byte long", SPAN("\x0a\x04v001\x0a"), FAULT_INVALID},
                {"too many fields", SPAN_OF(crowd), FAULT_EXHAUSTED},
        };
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        for (size_t i = 0; i < sizeof crowd; i += 2)
                crowd[i] = 0x42;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                print_message("row: %s\n", rows[i].name);
                assert_int_equal(call(c, PUBLISH, rows[i].bytes), rows[i].status);
        }
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

/* A message of exactly `len` bytes: one unknown field. */
static struct span padding(size_t len)
{
        static uint8_t bytes[RPC_MESSAGE_MAX + 1];
        size_t rest = len - 6;

        bytes[0] = 0xfa;
        bytes[1] = 0x3e;
        for (int i = 0; i < 4; i++)
                bytes[2 + i] = (uint8_t) (((rest >> (7 * i)) & 0x7f) | (i < 3 ? 0x80 : 0));
        return span_make(bytes, len);
}

static void message_too_large(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX)), 0);
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX + 1)), FAULT_EXHAUSTED);
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("v001")), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void compressed(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c =
                rpc_client_new(&(struct rpc_client_options){.socket_path = rpc_world_path, .gzip = true});

        (void) state;
        assert_int_equal(call(c, PUBLISH, padding(RPC_MESSAGE_MAX)), FAULT_UNIMPLEMENTED);
        assert_int_equal(world_now(&world.running), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void empty_stream(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();

        (void) state;
        assert_int_equal(finish(rpc_client_start(c, PUBLISH, SPAN_NONE, true, PATIENCE_MS)), FAULT_INVALID);
        assert_int_equal(call(c, PUBLISH, PUBLISH_OF("v001")), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
}

static void authorities(void **state)
{
        static char endless[20000];
        const struct {
                const char *name, *authority;
                int status;
        } rows[] = {
                {"the library's", NULL, 0},
                {"localhost", "localhost", 0},
                {"raw path", "/var/lib/kubelet/plugins/csi.example/csi.sock", 0},
                {"escaped path", "%2Fvar%2Flib%2Fkubelet%2Fplugins%2Fcsi.example%2Fcsi.sock", 0},
                {"empty", "", 0},
                {"more than the metadata may have", endless, FAULT_EXHAUSTED},
        };
        struct rpc_server *s = server_new();

        (void) state;
        memset(endless, 'a', sizeof endless - 1);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(rpc_client)
                struct rpc_client *c = rpc_client_new(
                        &(struct rpc_client_options){.socket_path = rpc_world_path, .authority = rows[i].authority});

                print_message("row: %s\n", rows[i].name);
                assert_int_equal(call(c, PROBE, SPAN_NONE), rows[i].status);
        }
        rpc_server_stop(s, 0);
}

/* ---- sockets ---- */

static void one_server_a_path(void **state)
{
        struct rpc_server *s = server_new(), *second = NULL;
        struct rpc_client *c = client_new();

        (void) state;
        assert_fault(server_try((struct rpc_lane){"long", 1, 1}, PATIENCE_MS, &second), "SOCKET_BUSY");
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        rpc_client_free(c);
        rpc_server_stop(s, 0);
        s = server_new();
        rpc_server_stop(s, 0);
}

static void socket_file(void **state)
{
        struct rpc_server *s = server_new();
        struct stat st;
        int fd;

        (void) state;
        assert_int_equal(stat(rpc_world_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(unlink(rpc_world_path), 0); /* somebody took it away and put his own there */
        fd = creat(rpc_world_path, 0600);
        close(fd);
        rpc_server_stop(s, 0);
        assert_int_equal(stat(rpc_world_path, &st), 0);
        assert_fault(server_try((struct rpc_lane){"long", 1, 1}, PATIENCE_MS, &s), "NOT_A_SOCKET");
        assert_int_equal(unlink(rpc_world_path), 0);

        s = server_new();
        rpc_server_stop(s, 0);
        assert_int_equal(stat(rpc_world_path, &st), -1);
}

/* Peers that don't speak the protocol, or say nothing, harm neither the others nor the stop. */
static void strange_peers(void **state)
{
        struct rpc_server *s = server_new();
        struct rpc_client *c = client_new();
        int silent, http;

        (void) state;
        assert_null(unix_connect(rpc_world_path, &silent));
        assert_null(unix_connect(rpc_world_path, &http));
        assert_int_equal(write(http, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        assert_int_equal(call(c, PROBE, SPAN_NONE), 0);
        rpc_client_free(c);
        rpc_server_stop(s, PATIENCE_MS);
        close(silent);
        close(http);
}

#define ROW(test) cmocka_unit_test_setup(test, world_reset)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(answers),     ROW(unknown_methods), ROW(bad_messages), ROW(message_too_large),
                ROW(compressed),  ROW(empty_stream),    ROW(authorities),  ROW(one_server_a_path),
                ROW(socket_file), ROW(strange_peers),
        };
        return cmocka_run_group_tests_name("rpc", tests, world_make, world_drop);
}
