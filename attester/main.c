/* vouchsafe-attester: keys, evidence, credentials. `reader` is the other process of ours, which reads evidence as root and has no network. */
#include <unistd.h>

#include "attester/config.h"
#include "attester/health.h"
#include "attester/probe.h"
#include "attester/sandbox.h"
#include "attester/server.h"
#include "lib/base/log.h"

#define ACQUIRE_LIMIT_MS 110000

struct attester {
        const struct attester_config *config;
        const char *evidence_kind; /* what "auto" became */
        struct bundle_cache *bundles;
        struct batch *batch;
        struct server *server;
        struct health *health;
        _Atomic(struct server *) listening; /* whom bundle changes go to */
};

static struct evidence_options evidence_options_of(const struct attester_config *c, bool is_reader)
{
        return (struct evidence_options){
                .kind = c->evidence_kind,
                .tpm_tcti = c->tpm_tcti,
                .tpm_pcrs = c->tpm_pcrs,
                .tpm_eventlog = c->tpm_eventlog,
                .state_dir = c->state_dir,
                .reader_socket = is_reader ? NULL : c->reader_socket,
                .reader_uid = (uid_t) c->reader_uid,
                .insecure_development = c->insecure_development,
                .software_claims = c->software_claims,
                .tsm_base = c->tsm,
                .ccel_file = c->ccel_file,
                .imds_url = is_reader ? NULL : c->imds_url,
                .has_privilege_level = c->privilege_level > 0,
                .privilege_level = c->privilege_level - 1,
                .qgs_port = (uint32_t) c->qgs_port,
                .secondary_count = c->secondary.count,
                .secondary = c->secondary.texts,
        };
}

static struct fault *new_issuer(const struct attester_config *c, struct issuer **ret)
{
        if (c->issuer_url == NULL || c->issuer_audience == NULL)
                return fault(FAULT_INVALID, "CONFIG", "issuer.url and issuer.audience are needed");
        const struct issuer_options options = {
                .url = c->issuer_url,
                .audience = c->issuer_audience,
                .ca_file = c->issuer_ca_file,
                .pin = c->issuer_pin,
                .server_name = c->issuer_server_name,
                .clock = &clock_system,
        };
        return issuer_new(&options, ret);
}

/* Without verifier.url the issuer is its own verifier, over a connection beside the first one, with a nonce of its own. */
static struct fault *new_verifier(const struct attester_config *c, const struct issuer *issuer, struct issuer **ret)
{
        bool is_own = c->verifier_url == NULL;
        if (!is_own && c->verifier_audience == NULL)
                return fault(FAULT_INVALID, "CONFIG", "verifier.url needs verifier.audience");
        const struct issuer_options options = {
                .url = is_own ? c->issuer_url : c->verifier_url,
                .audience = is_own ? c->issuer_audience : c->verifier_audience,
                .ca_file = is_own ? c->issuer_ca_file : c->verifier_ca_file,
                .pin = is_own ? c->issuer_pin : c->verifier_pin,
                .server_name = is_own ? c->issuer_server_name : c->verifier_server_name,
                .clock = &clock_system,
                .key_of = issuer,
        };
        return fault_prefix(issuer_new(&options, ret), "verifier");
}

static void bundle_changed(void *arg, uint64_t sequence)
{
        struct attester *a = arg;
        struct server *server = atomic_load(&a->listening);
        if (server != NULL)
                server_bundle_changed(server, sequence);
}

static struct fault *start_batch(struct attester *a)
{
        const struct attester_config *c = a->config;
        AUTO(issuer) struct issuer *issuer = NULL, *verifier = NULL;
        TRY(new_issuer(c, &issuer));
        TRY(new_verifier(c, issuer, &verifier));
        struct evidence_source source;
        const struct evidence_options evidence = evidence_options_of(c, false);
        TRY_AS(evidence_open(&evidence, &source), "open evidence source %s", c->evidence_kind);
        a->evidence_kind = source.kind;
        const struct batch_options options = {
                .issuer = TAKE(issuer),
                .verifier = TAKE(verifier),
                .source = source,
                .bundles = a->bundles,
                .node_token_file = c->node_token_file,
                .verifier_node_token_file =
                        c->verifier_node_token_file != NULL ? c->verifier_node_token_file : c->node_token_file,
                .clock = &clock_system,
                .queue_max = c->queue_max,
                .attempt_timeout_ms = c->issuer_timeout_ms,
        };
        return batch_start(&options, &a->batch);
}

static struct fault *start(struct attester *a)
{
        const struct attester_config *c = a->config;
        AUTO(issuer) struct issuer *for_bundles = NULL;
        TRY(new_issuer(c, &for_bundles));
        TRY(bundle_cache_start(TAKE(for_bundles), &clock_system, bundle_changed, a, &a->bundles));
        TRY(start_batch(a));
        const struct server_options options = {
                .socket_path = c->socket,
                .socket_mode = c->socket_mode,
                .csi_uid = (uid_t) c->csi_uid,
                .batch = a->batch,
                .bundles = a->bundles,
                .evidence_kind = a->evidence_kind,
                .insecure_development = c->insecure_development,
                .clock = &clock_system,
                .acquire_limit_ms = ACQUIRE_LIMIT_MS,
        };
        TRY(server_start(&options, &a->server));
        atomic_store(&a->listening, a->server);
        uint64_t sequence = bundle_cache_sequence(a->bundles);
        if (sequence != 0) /* it may have changed after somebody began to watch and before the line above */
                server_bundle_changed(a->server, sequence);
        if (c->health_socket != NULL)
                TRY(health_start(c->health_socket, a->batch, a->bundles, c->insecure_development, &clock_system,
                                 &a->health));
        return NULL;
}

/* What feeds the server stops before it is freed. */
static void stop(struct attester *a)
{
        health_stop(a->health);
        server_stop(a->server);
        batch_stop(a->batch);
        bundle_cache_stop(a->bundles);
        server_free(a->server);
}

static struct fault *run(const struct attester_config *c)
{
        TRY(attester_sandbox_enter(c)); /* before the first thread */
        struct attester a = {.config = c};
        struct fault *failed = start(&a);
        if (failed == NULL) {
                log_info("started", KV("version", VOUCHSAFE_VERSION), KV("evidence", a.evidence_kind),
                         KV("uid", getuid()));
                if (c->insecure_development)
                        log_warn("insecure_development",
                                 KV("meaning", "the software evidence kind is admitted; it proves nothing"));
                int signal = program_wait(NULL, NULL);
                log_info("stopping", KV("signal", signal));
        }
        stop(&a);
        return failed;
}

static struct fault *run_reader(const struct attester_config *c)
{
        if (c->reader_socket == NULL)
                return fault(FAULT_INVALID, "CONFIG", "reader.socket is needed: where the evidence reader listens");
        const struct evidence_options options = evidence_options_of(c, true);
        return evidence_reader_run(&options, c->reader_socket, (uid_t) c->reader_uid);
}

static struct fault *run_words(const struct program_args *args)
{
        const struct attester_config *config = args->config;
        enum log_level level;
        TRY(log_level_parse(config->log_level, &level));
        log_set_level(level);
        if (args->word_count == 0)
                return run(config);
        if (args->word_count == 1 && strcmp(args->words[0], "reader") == 0)
                return run_reader(config);
        if (args->word_count == 1 && strcmp(args->words[0], "probe") == 0) {
                /* root sees what a reader would see, anybody else asks it */
                const struct evidence_options options = evidence_options_of(config, geteuid() == 0);
                return probe_run(&options);
        }
        return fault(FAULT_INVALID, "USAGE", "unknown command %s, expected none, \"reader\" or \"probe\"",
                     args->words[0]);
}

int main(int argc, char **argv)
{
        program_init(attester_program.name);
        struct program_args args = {0};
        enum program_next next = PROGRAM_DONE;
        struct fault *failed = program_args_read(&attester_program, argc, argv, NULL, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        if (next == PROGRAM_DONE)
                return 0;
        failed = run_words(&args);
        options_free(&attester_program, args.config);
        return failed != NULL ? program_fail(failed) : 0;
}
