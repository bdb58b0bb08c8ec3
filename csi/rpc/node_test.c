/* The Node service through real gRPC and real mounts: a volume that is there is answered while others wait for the attester. */
#include "csi/rpc/node.h"

#include "csi/rpc/lanes.h"
#include "csi/rpc/target_path.h"
#include "lib/wire/pbcheck.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/rpc_client.h"
#include "tests/fakes/volume_fixture.h"

#define PATIENCE_MS 20000
#define PUBLISH     "/csi.v1.Node/NodePublishVolume"
#define POD_UID     "0a1b2c3d"
#define AUDIENCE    "https://issuer.example"

typedef Csi__V1__NodePublishVolumeRequest request_t;
typedef Csi__V1__NodePublishVolumeRequest__VolumeContextEntry entry_t;

struct world {
        struct node node;
        struct rpc_server *server;
        struct rpc_client *client;
        char socket[128];
};

/* One thread for publishes: a single pod that waits fills the lane. */
static void world_start(struct world *w)
{
        *w = (struct world){.node = {"node-1", {paths.kubelet, AUDIENCE, READ_ONLY_REQUIRE}, volumes}};
        (void) snprintf(w->socket, sizeof w->socket, "%s/csi.sock", paths.kubelet);
        const struct rpc_service service = node_service(&w->node);
        const struct rpc_server_options options = {
                .socket_path = w->socket,
                .socket_mode = 0600,
                .services = &service,
                .service_count = 1,
                .lanes = {[CSI_LANE_QUICK] = {"quick", 1, 8},
                          [CSI_LANE_PUBLISH] = {"publish", 1, 2},
                          [CSI_LANE_UNPUBLISH] = {"unpublish", 1, 8}},
                .lane_count = CSI_LANE_COUNT,
                .max_deadline_ms = PATIENCE_MS,
                .clock = &clock_system,
        };
        expect_ok(rpc_server_start(&options, &w->server));
        w->client = rpc_client_new(&(struct rpc_client_options){.socket_path = w->socket});
}

static void world_stop(struct world *w)
{
        rpc_client_free(w->client);
        rpc_server_stop(w->server, PATIENCE_MS);
}

/* As kubelet asks for volume `name` of the one pod. */
static void pack(const char *name, const char *token, struct buf *ret)
{
        struct target_path target;
        char handle[VOLUME_HANDLE_LEN + 1];
        AUTO_STRING char *parent =
                alloc_printf("%s/pods/" POD_UID "/volumes/kubernetes.io~csi/%s", paths.kubelet, name);
        AUTO_STRING char *path = alloc_printf("%s/mount", parent);
        AUTO_STRING char *tokens = alloc_printf("{\"" AUDIENCE "\":{\"token\":\"%s\"}}", token);
        assert_true(folder_make_all(parent));
        expect_ok(target_path_parse(paths.kubelet, path, &target));
        volume_handle(&target, handle);

        const char *const pairs[][2] = {{"csi.storage.k8s.io/ephemeral", "true"},
                                        {"csi.storage.k8s.io/pod.name", "app-0"},
                                        {"csi.storage.k8s.io/pod.namespace", "payroll"},
                                        {"csi.storage.k8s.io/pod.uid", POD_UID},
                                        {"csi.storage.k8s.io/serviceAccount.name", "app"},
                                        {"csi.storage.k8s.io/serviceAccount.tokens", tokens}};
        entry_t entries[COUNT_OF(pairs)], *pointers[COUNT_OF(pairs)];
        for (size_t i = 0; i < COUNT_OF(pairs); i++) {
                entries[i] = (entry_t) CSI__V1__NODE_PUBLISH_VOLUME_REQUEST__VOLUME_CONTEXT_ENTRY__INIT;
                entries[i].key = (char *) pairs[i][0];
                entries[i].value = (char *) pairs[i][1];
                pointers[i] = &entries[i];
        }
        Csi__V1__VolumeCapability__MountVolume mount = CSI__V1__VOLUME_CAPABILITY__MOUNT_VOLUME__INIT;
        Csi__V1__VolumeCapability__AccessMode mode = CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__INIT;
        mode.mode = CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER;
        Csi__V1__VolumeCapability capability = CSI__V1__VOLUME_CAPABILITY__INIT;
        capability.access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
        capability.mount = &mount;
        capability.access_mode = &mode;
        request_t request = CSI__V1__NODE_PUBLISH_VOLUME_REQUEST__INIT;
        request.volume_id = handle;
        request.target_path = path;
        request.volume_capability = &capability;
        request.readonly = true;
        request.n_volume_context = COUNT_OF(pairs);
        request.volume_context = pointers;
        expect_ok(pb_pack(&request.base, ret));
}

static struct rpc_client_call *start(struct world *w, const char *name, const char *token)
{
        AUTO(buf) struct buf bytes = BUF(1 << 16);
        pack(name, token, &bytes);
        return rpc_client_start(w->client, PUBLISH, buf_span(&bytes), false, PATIENCE_MS);
}

static int finish(struct rpc_client_call *call)
{
        AUTO(rpc_client_reply) struct rpc_client_reply reply = {0};
        rpc_client_finish(call, &reply);
        if (reply.status != 0)
                print_message("%s\n", reply.message);
        return reply.status;
}

static void healthy_volume_does_not_queue_behind_waiting_pods(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct world w;
        world_start(&w);
        assert_int_equal(finish(start(&w, "old", "a.b.c")), 0);
        fake_acquirer_hold(&attester, true);
        struct rpc_client_call *waiting = start(&w, "new", "a.b.c");
        fake_acquirer_wait_waiting(&attester, 1);

        for (int i = 0; i < 5; i++)
                assert_int_equal(finish(start(&w, "old", "d.e.f")), 0);

        fake_acquirer_hold(&attester, false);
        assert_int_equal(finish(waiting), 0);
        assert_int_equal(fake_acquirer_calls(&attester), 2);
        world_stop(&w);
}

static void full_lane_refuses_new_pods_only(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct world w;
        world_start(&w);
        assert_int_equal(finish(start(&w, "old", "a.b.c")), 0);
        fake_acquirer_hold(&attester, true);
        struct rpc_client_call *running = start(&w, "n0", "a.b.c");
        fake_acquirer_wait_waiting(&attester, 1);
        struct rpc_client_call *more[] = {start(&w, "n1", "a.b.c"), start(&w, "n2", "a.b.c"), start(&w, "n3", "a.b.c")};

        assert_int_equal(finish(start(&w, "old", "a.b.c")), 0); /* the one quick thread has seen them all by now */
        fake_acquirer_hold(&attester, false);
        assert_int_equal(finish(running), 0);
        int refused = 0;
        for (size_t i = 0; i < COUNT_OF(more); i++) {
                int status = finish(more[i]);
                assert_true(status == 0 || status == FAULT_EXHAUSTED);
                refused += status == FAULT_EXHAUSTED;
        }
        assert_int_equal(refused, 1);
        world_stop(&w);
}

static void overlap_is_told_at_once(void **state)
{
        (void) state;
        NEEDS_MOUNTS();
        struct world w;
        world_start(&w);
        fake_acquirer_hold(&attester, true);
        struct rpc_client_call *first = start(&w, "v", "a.b.c");
        fake_acquirer_wait_waiting(&attester, 1);
        assert_int_equal(finish(start(&w, "v", "a.b.c")), FAULT_ABORTED);
        fake_acquirer_hold(&attester, false);
        assert_int_equal(finish(first), 0);
        world_stop(&w);
}

static int enter(void **state)
{
        int failed = group_set_up(state); /* forks nothing, but must come before the library's threads */
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        rpc_init();
        return failed;
}

static int leave(void **state)
{
        rpc_shutdown();
        return group_tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(healthy_volume_does_not_queue_behind_waiting_pods),
                TEST(full_lane_refuses_new_pods_only),
                TEST(overlap_is_told_at_once),
        };
        return cmocka_run_group_tests(tests, enter, leave);
}
