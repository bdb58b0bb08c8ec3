/* vouchsafe-issuer: appraises, decides, records, issues. `init` makes the keys and certificates that are missing.
 *
 * The signer is forked before anything else: no thread, socket or foreign library's state exists then. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "issuer/api/init.h"
#include "issuer/api/server.h"
#include "issuer/sandbox.h"
#include "lib/base/log.h"
#include "lib/net/unix_socket.h"

#define WATCH_MS        200
#define TLS_WATCH_MS    5000
#define CONNECTIONS_MAX 4096
#define DESCRIPTORS_OWN 96 /* database, logs, sockets of our own: the rest is for connections */

struct issuer {
        const struct issuer_config *config;
        struct authority *authority;
        struct secret *master;
        struct store *store;
        struct keystore *keystore;
        struct ledger *ledger;
        struct policy_holder *holder;
        struct rate_limit *rates;
        struct refusals *refusals;
        struct endorse *endorse;
        struct tls_holder *tls, *keys_tls; /* keys_tls: NULL without keystore.listen */
        size_t connections_max;
        struct bundle_holder *bundle;
        struct api api;
        struct server *server;

        pthread_t watcher;
        bool is_watched;
        pthread_mutex_t mu;
        pthread_cond_t cond;
        bool stopping; /* guarded by mu */
};

/* ---- the signer's death ends the program; the TLS certificate's change is noticed ---- */

/* Under mu. */
static void pause_ms(struct issuer *i, int64_t ms)
{
        AUTO(cancel) struct cancel pause;
        cancel_init(&pause, &clock_system, (struct boot){clock_boot(&clock_system).ms + ms});
        AUTO(fault) struct fault *over = NULL;
        while (over == NULL && !i->stopping)
                over = cancel_wait(&pause, &i->cond, &i->mu);
}

static void *watch(void *arg)
{
        struct issuer *i = arg;
        int64_t looked_ms = clock_boot(&clock_system).ms;
        pthread_mutex_lock(&i->mu);
        while (!i->stopping && !authority_is_dead(i->authority)) {
                pause_ms(i, WATCH_MS);
                if (clock_boot(&clock_system).ms - looked_ms < TLS_WATCH_MS)
                        continue;
                pthread_mutex_unlock(&i->mu); /* no lock over reading files */
                tls_holder_watch(i->tls);
                if (i->keys_tls != NULL)
                        tls_holder_watch(i->keys_tls);
                looked_ms = clock_boot(&clock_system).ms;
                pthread_mutex_lock(&i->mu);
        }
        bool is_dead = !i->stopping;
        pthread_mutex_unlock(&i->mu);
        if (is_dead)
                (void) kill(getpid(), SIGTERM); /* wakes program_wait; to ourselves it can't fail */
        return NULL;
}

static void watch_stop(struct issuer *i)
{
        if (!i->is_watched)
                return;
        pthread_mutex_lock(&i->mu);
        i->stopping = true;
        pthread_cond_broadcast(&i->cond);
        pthread_mutex_unlock(&i->mu);
        pthread_join(i->watcher, NULL);
}

/* ---- life ---- */

static void fill_api(struct issuer *i)
{
        const struct issuer_config *c = i->config;
        i->rates = rate_limit_new(c->rate_per_second, c->rate_burst);
        i->refusals = refusals_new();
        i->api = (struct api){
                .clock = &clock_system,
                .audience = c->audience,
                .master = i->master,
                .holder = i->holder,
                .store = i->store,
                .ledger = i->ledger,
                .authority = i->authority,
                .rates = i->rates,
                .refusals = i->refusals,
                .keystore = i->keystore,
                .key_owners = &c->keystore_owners,
                .endorse = i->endorse,
                .bundle = i->bundle,
                .tls = i->tls,
                .keys_tls = i->keys_tls,
                .connections_max = i->connections_max,
                .max_leaf_life_s = c->max_leaf_life_ms / 1000,
                .backdate_s = c->backdate_ms / 1000,
                .insecure_development = c->insecure_development,
                .believes_own_results = c->is_verifier && c->is_authority,
                .appraises_nothing = !c->is_verifier,
                .issues_nothing = !c->is_authority,
        };
}

/* As many connections as descriptors allow: past that a newcomer could not even take the place of a silent one. */
static size_t connections_possible(void)
{
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) != 0)
                return CONNECTIONS_MAX; /* it fails for no reason that POSIX knows */
        rlim_t wanted = CONNECTIONS_MAX + DESCRIPTORS_OWN;
        if (files.rlim_cur < wanted) {
                files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
                (void) setrlimit(RLIMIT_NOFILE, &files); /* up to the hard limit everybody may */
        }
        rlim_t left = files.rlim_cur > 2 * DESCRIPTORS_OWN ? files.rlim_cur - DESCRIPTORS_OWN : DESCRIPTORS_OWN;
        return left < CONNECTIONS_MAX ? (size_t) left : CONNECTIONS_MAX;
}

static struct fault *start(struct issuer *i)
{
        const struct issuer_config *c = i->config;
        struct authority_options authority;
        i->connections_max = connections_possible();
        init_authority_options(c, &authority);
        authority.shield = issuer_sandbox_enter;
        authority.shield_arg = (void *) c; /* only read */
        TRY(issuer_sandbox_drop(c));
        TRY_AS(authority_start(&authority, &i->authority), "start the signer");
        TRY(init_read_master(c, &i->master));
        AUTO_STRING char *database = alloc_printf("%s/ledger.db", c->state_dir);
        TRY(store_open_sqlite(database, &i->store));
        TRY(init_open_keystore(c, i->store, &i->keystore));
        TRY(ledger_open(i->store, &clock_system, &i->ledger));
        TRY(policy_holder_new(c, i->store, &i->holder));
        TRY(tls_holder_new(c->tls_certificate, c->tls_key, &clock_system, &i->tls));
        if (c->keystore_listen != NULL)
                TRY(tls_holder_new_for(c->tls_certificate, c->tls_key, c->keystore_client_ca, &clock_system,
                                       &i->keys_tls));
        if (c->is_authority)
                TRY(bundle_holder_new(c->state_dir, i->authority, c->bundle_refresh_ms / 1000, &clock_system,
                                      &i->bundle));
        TRY(endorse_start(c, i->store, &clock_system, &i->endorse));
        fill_api(i);
        TRY(server_start(&i->api, c, &i->server));
        TRY(thread_start("watcher", watch, i, &i->watcher));
        i->is_watched = true;
        return NULL;
}

static void stop(struct issuer *i)
{
        watch_stop(i);
        server_stop(i->server);
        bundle_holder_free(i->bundle);
        tls_holder_free(i->keys_tls);
        tls_holder_free(i->tls);
        policy_holder_free(i->holder);
        endorse_stop(i->endorse);
        ledger_close(i->ledger);
        keystore_free(i->keystore);
        store_close(i->store);
        refusals_free(i->refusals);
        rate_limit_free(i->rates);
        secret_free(i->master);
        authority_stop(i->authority);
}

static void warn_of_development(const struct issuer_config *c)
{
        if (!c->insecure_development)
                return;
        log_warn("insecure_development", KV("meaning", "the software evidence kind is admitted: it proves nothing, and "
                                                       "whoever reaches this issuer can claim anything"));
        log_warn("insecure_development", KV("hint", "never set insecure-development where credentials are trusted"));
}

/* A reload that fails is logged and counted where it fails; what was good stays. */
static void on_hangup(void *arg)
{
        struct issuer *i = arg;
        fault_free(policy_holder_reload(i->holder));
        tls_holder_reload(i->tls);
        if (i->keys_tls != NULL)
                tls_holder_reload(i->keys_tls);
        endorse_reload(i->endorse);
}

static struct fault *serve(struct issuer *i)
{
        TRY(start(i));
        log_info("started", KV("version", VOUCHSAFE_VERSION), KV("audience", (const char *) i->config->audience),
                 KV("trust_domain", (const char *) i->config->trust_domain),
                 KV("bundle", i->bundle != NULL ? bundle_holder_sequence(i->bundle) : 0));
        warn_of_development(i->config);
        int signal = program_wait(on_hangup, i);
        if (authority_is_dead(i->authority))
                return fault(FAULT_UNAVAILABLE, "SIGNER_GONE", "the signer process has died; nothing can be issued");
        log_info("stopping", KV("signal", signal));
        return NULL;
}

static struct fault *run(const struct issuer_config *c)
{
        struct issuer i = {.config = c};
        pthread_mutex_init(&i.mu, NULL);
        cond_init_boot(&i.cond);
        struct fault *failed = serve(&i);
        stop(&i);
        pthread_cond_destroy(&i.cond);
        pthread_mutex_destroy(&i.mu);
        return failed;
}

static struct fault *run_words(struct program_args *args)
{
        struct issuer_config *config = args->config;
        enum log_level level;
        TRY(log_level_parse(config->log_level, &level));
        log_set_level(level);
        TRY(issuer_config_finish(config));
        if (args->word_count == 0)
                return run(config);
        if (args->word_count == 1 && strcmp(args->words[0], "init") == 0)
                return issuer_init(config, clock_wall(&clock_system));
        return fault(FAULT_INVALID, "USAGE", "unknown command %s, expected none or \"init\"", args->words[0]);
}

int main(int argc, char **argv)
{
        program_init(issuer_program.name);
        struct program_args args = {0};
        enum program_next next = PROGRAM_DONE;
        struct fault *failed = program_args_read(&issuer_program, argc, argv, NULL, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        if (next == PROGRAM_DONE)
                return 0;
        failed = run_words(&args);
        options_free(&issuer_program, args.config);
        return failed != NULL ? program_fail(failed) : 0;
}
