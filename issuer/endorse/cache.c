#include "issuer/endorse/cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

struct entry {
        atomic_uint refs;
        struct endorsement *e; /* does not change */
        atomic_bool is_marked;
        struct boot looked; /* guarded by the cache's mu */
};
struct cache {
        struct store *store;
        const struct clock *clock;
        uint64_t count_max;
        pthread_mutex_t mu;
        struct map *entries;      /* guarded by mu; holds a reference each */
        size_t bytes;             /* guarded by mu */
        pthread_mutex_t offer_mu; /* one offer at a time: looking and putting belong together */
};

/* ---- entries ---- */

const struct endorsement *entry_endorsement(const struct entry *e)
{
        return e->e;
}

void entry_free(struct entry *e)
{
        if (e == NULL || atomic_fetch_sub(&e->refs, 1) != 1)
                return;
        endorsement_free(e->e);
        free(e);
}

static struct entry *entry_keep(struct entry *e)
{
        atomic_fetch_add(&e->refs, 1);
        return e;
}

static size_t entry_bytes(const struct entry *e)
{
        return e->e->body.len + e->e->chain.len + sizeof *e + sizeof *e->e;
}

/* ---- memory; under mu ---- */

static void forget(struct cache *c, const char *path)
{
        struct entry *old = map_remove(c->entries, path);
        if (old == NULL)
                return;
        c->bytes -= entry_bytes(old);
        entry_free(old);
}

/* Whoever came first goes first. */
static void make_room(struct cache *c, size_t bytes)
{
        while (map_count(c->entries) > 0 &&
               (map_count(c->entries) >= CACHE_MEMORY_COUNT_MAX || c->bytes + bytes > CACHE_MEMORY_BYTES_MAX)) {
                size_t at = 0;
                const char *path = NULL;
                void *value = NULL;
                (void) map_next(c->entries, &at, &path, &value); /* there is one */
                AUTO_STRING char *first = alloc_string(path);
                forget(c, first);
        }
}

static void remember(struct cache *c, struct entry *e)
{
        forget(c, e->e->path);
        make_room(c, entry_bytes(e));
        AUTO(fault) struct fault *full = map_put(c->entries, e->e->path, e, NULL);
        if (full != NULL)
                return; /* can't be: there is room. It is in the store all the same */
        (void) entry_keep(e);
        c->bytes += entry_bytes(e);
}

/* ---- finding ---- */

static struct entry *find_in_memory(struct cache *c, const char *path)
{
        pthread_mutex_lock(&c->mu);
        struct entry *e = map_get(c->entries, path);
        bool is_fresh = e != NULL && clock_boot(c->clock).ms - e->looked.ms < CACHE_LOOK_AGAIN_MS;
        e = is_fresh ? entry_keep(e) : NULL;
        pthread_mutex_unlock(&c->mu);
        return e;
}

struct fault *cache_find(struct cache *c, const char *path, struct entry **ret)
{
        *ret = find_in_memory(c, path);
        if (*ret != NULL)
                return NULL;
        AUTO(endorsement) struct endorsement *found = NULL;
        AUTO(fault) struct fault *none = store_find_endorsement(c->store, path, &found);
        if (none != NULL)
                return fault_code(none) == FAULT_NOT_FOUND ? NULL : TAKE(none);
        struct entry *e = NEW(struct entry);
        atomic_init(&e->refs, 1);
        e->e = TAKE(found);
        pthread_mutex_lock(&c->mu);
        e->looked = clock_boot(c->clock);
        remember(c, e);
        pthread_mutex_unlock(&c->mu);
        *ret = e;
        return NULL;
}

/* ---- offers ---- */

static char *mark_name(const char *what, const char *path)
{
        return alloc_printf("endorsement-%s %s", what, path);
}

static struct fault *find_mark(struct cache *c, const char *what, const char *path, int64_t *ret)
{
        AUTO_STRING char *name = mark_name(what, path);
        return store_find_mark(c->store, name, ret);
}

static struct fault *rolled_back(const struct endorsement *e, const char *what, int64_t value, int64_t mark)
{
        return fault(FAULT_DENIED, "endorsements.rollback",
                     "%.80s: %s %lld is older than %lld, which was believed before", e->path, what, (long long) value,
                     (long long) mark);
}

/* Hosts behind several caches answer now newer, now older: that one is older than what is there is no reproach. A smaller number is. */
static struct fault *check_marks(struct cache *c, const struct endorsement *e, const struct endorsement *old)
{
        int64_t number = 0, issued = 0;
        TRY(find_mark(c, "number", e->path, &number));
        TRY(find_mark(c, "issued", e->path, &issued));
        if (e->number < number)
                return rolled_back(e, "number", e->number, number);
        if (e->issued_unix_s >= issued)
                return NULL;
        if (old == NULL || old->issued_unix_s < issued)
                return rolled_back(e, "issue", e->issued_unix_s, issued);
        TRY(store_put_off_endorsement(c->store, e->path, e->due_unix_s));
        return fault(FAULT_EXISTS, "endorsements.older", "%.80s: there is one that was issued later", e->path);
}

/* One that no appraisal has believed yet makes room for any that the marks let pass: it may be nonsense. */
static struct fault *take(struct cache *c, struct endorsement *e)
{
        AUTO(endorsement) struct endorsement *old = NULL;
        AUTO(fault) struct fault *none = store_find_endorsement(c->store, e->path, &old);
        if (none != NULL && fault_code(none) != FAULT_NOT_FOUND)
                return TAKE(none);
        if (e->issued_unix_s != 0)
                TRY(check_marks(c, e, old));
        TRY(store_put_endorsement(c->store, e, c->count_max));
        pthread_mutex_lock(&c->mu);
        forget(c, e->path);
        pthread_mutex_unlock(&c->mu);
        return NULL;
}

struct fault *cache_offer(struct cache *c, const char *path, struct span body, struct span chain)
{
        AUTO(endorsement) struct endorsement *e = NULL;
        struct wall now = clock_wall(c->clock);
        uint32_t random;
        TRY(sort_read(path, body, chain, now, &e));
        random_bytes(&random, sizeof random);
        e->fetched_unix_s = wall_unix_s(now);
        e->due_unix_s = sort_due(e, now, random);
        pthread_mutex_lock(&c->offer_mu);
        struct fault *f = take(c, e);
        pthread_mutex_unlock(&c->offer_mu);
        return f;
}

/* ---- belief ---- */

void cache_believe(struct cache *c, struct entry *e)
{
        const struct endorsement *n = e->e;
        if (n->issued_unix_s == 0 || atomic_exchange(&e->is_marked, true))
                return;
        AUTO_STRING char *issued = mark_name("issued", n->path);
        AUTO_STRING char *number = mark_name("number", n->path);
        AUTO(fault) struct fault *f = store_raise_mark(c->store, issued, n->issued_unix_s);
        if (f == NULL && n->number != 0)
                f = store_raise_mark(c->store, number, n->number);
        if (f == NULL)
                return;
        atomic_store(&e->is_marked, false); /* the next appraisal tries again */
        log_warn("endorsement_not_marked", KV("path", (const char *) n->path), KV("problem", f));
}

/* ---- life ---- */

struct cache *cache_new(struct store *store, const struct clock *clock, uint64_t count_max)
{
        struct cache *c = NEW(struct cache);
        *c = (struct cache){.store = store, .clock = clock, .count_max = count_max};
        c->entries = map_new(CACHE_MEMORY_COUNT_MAX);
        pthread_mutex_init(&c->mu, NULL); /* default attributes: can't fail */
        pthread_mutex_init(&c->offer_mu, NULL);
        return c;
}

void cache_free(struct cache *c)
{
        if (c == NULL)
                return;
        const char *path;
        void *value;
        for (size_t at = 0; map_next(c->entries, &at, &path, &value);)
                entry_free(value);
        map_free(c->entries);
        pthread_mutex_destroy(&c->mu);
        pthread_mutex_destroy(&c->offer_mu);
        free(c);
}
