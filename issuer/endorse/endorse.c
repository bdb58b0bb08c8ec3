#include "issuer/endorse/endorse.h"

#include "issuer/endorse/parts.h"
#include "lib/base/log.h"
#include "lib/net/unix_socket.h"

#define CONNECT_TIMEOUT_MS 5000
#define DOUBT_AFTER_S      600
#define DOUBT_VCEK_AFTER_S (24LL * 3600) /* there may be thousands */

/* ---- one endorsement ---- */

static bool is_current(struct endorse *e, const struct entry *entry, int64_t grace_s)
{
        int64_t ends = entry_endorsement(entry)->ends_unix_s;
        return ends == 0 || wall_unix_s(clock_wall(e->clock)) <= ends + grace_s;
}

/* *ret stays NULL when it isn't there. One past its end counts only where no other can be had. */
static struct fault *look(struct endorse *e, const char *path, int64_t grace_s, struct entry **ret, bool *ret_is_good)
{
        TRY(cache_find(e->cache, path, ret));
        *ret_is_good = *ret != NULL && is_current(e, *ret, grace_s);
        if (*ret_is_good || !mirror_take(e, path))
                return NULL;
        entry_free(TAKE(*ret));
        TRY(cache_find(e->cache, path, ret));
        *ret_is_good = *ret != NULL && is_current(e, *ret, grace_s);
        return NULL;
}

static struct fault *get(struct endorse *e, const char *path, int64_t grace_s, struct boot until, struct entry **ret)
{
        AUTO(entry) struct entry *found = NULL;
        bool is_good = false;
        TRY(look(e, path, grace_s, &found, &is_good));
        if (!is_good && e->fetch != NULL) {
                struct fault *none = fetch_wait(e->fetch, path, until);
                if (none != NULL && fault_code(none) != FAULT_NOT_FOUND)
                        return none;
                fault_free(none);
                entry_free(TAKE(found));
                TRY(cache_find(e->cache, path, &found));
        }
        *ret = TAKE(found); /* one past its end as well: the appraisal says so */
        return NULL;
}

/* ---- all of an appraisal ---- */

/* So that different hosts are asked at the same time. */
static struct fault *begin_all(struct endorse *e, const struct needs *needs, int64_t grace_s)
{
        for (size_t i = 0; e->fetch != NULL && i < needs->count; i++) {
                AUTO(entry) struct entry *found = NULL;
                bool is_good = false;
                TRY(look(e, needs->items[i].path, grace_s, &found, &is_good));
                if (!is_good)
                        fetch_begin(e->fetch, needs->items[i].path, /* is_wanted= */ true);
        }
        return NULL;
}

static struct fault *add_parts(const struct need *n, const struct endorsement *found, struct appraisal *in)
{
        if (found->body.len > 0)
                TRY(appraisal_add_part(in, n->part, buf_span(&found->body)));
        if (n->chain_part != NULL && found->chain.len > 0)
                TRY(appraisal_add_part(in, n->chain_part, buf_span(&found->chain)));
        return NULL;
}

struct fault *endorse_gather(struct endorse *e, struct appraisal *in, struct endorsed *ret)
{
        struct needs needs = {0};
        AUTO(fault) struct fault *odd = verifier_needs(in, &needs);
        if (odd != NULL)
                return NULL; /* evidence that can't be read: the appraisal says why */
        struct boot until = {clock_boot(e->clock).ms + e->config->endorsements_wait_ms};
        TRY(begin_all(e, &needs, in->collateral_grace_s));
        for (size_t i = 0; i < needs.count; i++) {
                struct entry *found = NULL;
                TRY(get(e, needs.items[i].path, in->collateral_grace_s, until, &found));
                if (found == NULL)
                        continue;
                ret->entries[ret->count++] = found;
                TRY(add_parts(&needs.items[i], entry_endorsement(found), in));
        }
        return NULL;
}

void endorse_believe(struct endorse *e, const struct endorsed *d)
{
        for (size_t i = 0; i < d->count; i++)
                cache_believe(e->cache, d->entries[i]);
}

/* Evidence that is bad for reasons of its own comes here as well, so this must not cost more than a fetch now and then. */
static bool is_doubtful(const struct endorse *e, const struct endorsement *n)
{
        int64_t age_s = wall_unix_s(clock_wall(e->clock)) - n->fetched_unix_s;
        return age_s > (n->sort == SORT_VCEK ? DOUBT_VCEK_AFTER_S : DOUBT_AFTER_S);
}

void endorse_doubt(struct endorse *e, const struct endorsed *d)
{
        for (size_t i = 0; e->fetch != NULL && i < d->count; i++)
                if (is_doubtful(e, entry_endorsement(d->entries[i])))
                        fetch_begin(e->fetch, entry_endorsement(d->entries[i])->path, /* is_wanted= */ false);
}

void endorsed_clear(struct endorsed *d)
{
        while (d->count > 0)
                entry_free(d->entries[--d->count]);
}

/* ---- life ---- */

static struct fault *start_fetching(struct endorse *e)
{
        const struct issuer_config *c = e->config;
        const struct makers_options makers = {
                .urls = {c->endorsements_kds, c->endorsements_pcs, c->endorsements_pcs_root},
                .ca_file = c->endorsements_ca_file,
                .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        };
        TRY_AS(makers_new(&makers, &e->makers), "endorsements");
        const struct fetch_options fetch = {
                .clock = e->clock,
                .cache = e->cache,
                .makers = e->makers,
                .budgets = {{c->endorsements_kds_interval_ms, (int64_t) c->endorsements_kds_burst},
                            {c->endorsements_pcs_interval_ms, (int64_t) c->endorsements_pcs_burst},
                            {c->endorsements_pcs_interval_ms, (int64_t) c->endorsements_pcs_burst}},
                .timeout_ms = c->endorsements_timeout_ms,
                .absent_for_ms = c->endorsements_absent_for_ms,
                .waiters_max = c->workers > 1 ? (unsigned) c->workers / 2 : 1,
        };
        return fetch_start(&fetch, &e->fetch);
}

static struct fault *start(struct endorse *e)
{
        if (e->config->endorsements_online)
                TRY(start_fetching(e));
        TRY(prefetch_read(e));
        TRY(thread_start("endorsements", renew_run, e, &e->renewer));
        e->is_started = true;
        return NULL;
}

struct fault *endorse_start(const struct issuer_config *c, struct store *store, const struct clock *clock,
                            struct endorse **ret)
{
        struct endorse *e = NEW(struct endorse);
        e->config = c;
        e->clock = clock;
        e->store = store;
        e->cache = cache_new(store, clock, c->endorsements_count_max);
        pthread_mutex_init(&e->mu, NULL); /* default attributes: can't fail */
        cond_init_boot(&e->wake);
        struct fault *failed = start(e);
        if (failed != NULL) {
                endorse_stop(e);
                return failed;
        }
        *ret = e;
        return NULL;
}

void endorse_reload(struct endorse *e)
{
        AUTO(fault) struct fault *bad = prefetch_read(e);
        if (bad != NULL)
                log_error("endorsements_list_unreadable", KV("problem", bad));
}

void endorse_stop(struct endorse *e)
{
        if (e == NULL)
                return;
        pthread_mutex_lock(&e->mu);
        e->is_stopping = true;
        pthread_cond_broadcast(&e->wake);
        pthread_mutex_unlock(&e->mu);
        if (e->is_started)
                pthread_join(e->renewer, NULL);
        fetch_stop(e->fetch);
        makers_free(e->makers);
        cache_free(e->cache);
        pthread_cond_destroy(&e->wake);
        pthread_mutex_destroy(&e->mu);
        free(e);
}
