/* vouchsafe-csi: the node plugin. Starts its parts in the order in which they need one another, and stops them in reverse. */
#include <stdio.h>

#include "csi/config.h"
#include "csi/health.h"
#include "csi/link/link.h"
#include "csi/rpc/identity.h"
#include "csi/rpc/lanes.h"
#include "csi/rpc/node.h"
#include "csi/rpc/registration.h"
#include "csi/sandbox.h"
#include "lib/base/log.h"

#define UNPUBLISH_THREADS 8
#define QUEUE_PER_LANE    512

struct plugin {
        struct link *link;
        struct volumes *volumes;
        struct acquirer acquirer;
        struct identity identity;
        struct node node;
        struct rpc_server *csi;
        struct registration *registration;
        struct health *health;
};

static struct fault *start_volumes(struct plugin *p, const struct csi_config *c)
{
        TRY(link_start(c->attester_socket, (uid_t) c->attester_uid, &p->link));
        p->acquirer = link_acquirer(p->link);
        const struct volumes_options options = {
                .state_dir = c->state_dir,
                .kubelet_dir = c->kubelet_dir,
                .acquirer = &p->acquirer,
                .clock = &clock_system,
                .tmpfs_bytes = c->tmpfs_bytes,
                .tmpfs_inodes = c->tmpfs_inodes,
                .mount_read_only = c->read_only_policy == READ_ONLY_FORCE,
                .renew_threads = (unsigned) c->renew_threads,
                .volumes_max = c->volumes_max,
        };
        return volumes_open(&options, &p->volumes);
}

static struct fault *start_csi(struct plugin *p, const struct csi_config *c)
{
        p->node = (struct node){
                .node_id = c->node_id,
                .rules = {c->kubelet_dir, c->audience, (enum read_only_policy) c->read_only_policy},
                .volumes = p->volumes,
        };
        const struct rpc_service services[] = {identity_service(&p->identity), node_service(&p->node)};
        const struct rpc_server_options options = {
                .socket_path = csi_config_socket_path(c),
                .socket_mode = 0600,
                .services = services,
                .service_count = COUNT_OF(services),
                .lanes = {[CSI_LANE_QUICK] = {"quick", 2, QUEUE_PER_LANE},
                          [CSI_LANE_PUBLISH] = {"publish", (unsigned) c->publish_threads, QUEUE_PER_LANE},
                          [CSI_LANE_UNPUBLISH] = {"unpublish", UNPUBLISH_THREADS, QUEUE_PER_LANE}},
                .lane_count = CSI_LANE_COUNT,
                .max_deadline_ms = c->publish_timeout_ms,
                .clock = &clock_system,
                .on_done = health_call_done,
        };
        TRY(rpc_server_start(&options, &p->csi));
        atomic_store(&p->identity.ready, true);
        return NULL;
}

static struct fault *start(struct plugin *p, const struct csi_config *c)
{
        TRY_AS(start_volumes(p, c), "restore volumes");
        TRY_AS(start_csi(p, c), "serve CSI on %s", c->endpoint);
        /* the endpoint answers by now, as kubelet expects of whoever registers */
        if (c->registration_dir != NULL && c->registration_dir[0] != '\0') {
                const char *seen =
                        c->registration_endpoint != NULL ? c->registration_endpoint : csi_config_socket_path(c);
                const struct registration_options options = {c->registration_dir, seen, &clock_system};
                TRY_AS(registration_start(&options, &p->registration), "register with kubelet");
        }
        const struct health_sources sources = {p->volumes, p->link, p->registration};
        return health_start(c->health_socket, &sources, &clock_system, &p->health);
}

static void stop(struct plugin *p, int64_t drain_ms)
{
        registration_stop(p->registration);
        rpc_server_stop(p->csi, drain_ms);
        health_stop(p->health);
        volumes_close(p->volumes);
        link_stop(p->link);
}

static struct fault *run(const struct csi_config *c)
{
        enum log_level level;
        TRY(log_level_parse(c->log_level, &level));
        log_set_level(level);

        TRY(csi_sandbox_enter()); /* before the first thread */
        rpc_init();
        struct plugin p = {0};
        struct fault *failed = start(&p, c);
        if (failed == NULL) {
                log_info("started", KV("version", VOUCHSAFE_VERSION), KV("node", c->node_id),
                         KV("endpoint", c->endpoint));
                int signal = program_wait(NULL, NULL);
                log_info("stopping", KV("signal", signal));
        }
        stop(&p, c->drain_timeout_ms);
        rpc_shutdown();
        return failed;
}

int main(int argc, char **argv)
{
        program_init(csi_program.name);
        program_use_little_memory();
        static const char *const flags_alone[] = {"--probe", NULL};
        struct program_args args = {0};
        enum program_next next = PROGRAM_DONE;
        struct fault *failed = program_args_read(&csi_program, argc, argv, flags_alone, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        if (next == PROGRAM_DONE)
                return 0;

        struct csi_config *config = args.config;
        const char *endpoint = getenv("CSI_ENDPOINT"); /* the standard's way to name the socket */
        if (endpoint != NULL && endpoint[0] != '\0') {
                free(config->endpoint);
                config->endpoint = alloc_string(endpoint);
        }
        bool is_probe = (args.flags_seen & 1u) != 0;
        failed = is_probe ? health_probe(config->health_socket) : run(config);
        options_free(&csi_program, config);
        return failed != NULL ? program_fail(failed) : 0;
}
