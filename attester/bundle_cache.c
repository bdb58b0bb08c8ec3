#include "attester/bundle_cache.h"

#include "lib/base/log.h"

#define BUNDLE_MAX       (256u * 1024)
#define HINT_DEFAULT_S   300
#define HINT_MIN_S       1
#define RETRY_MIN_MS     200
#define RETRY_MAX_MS     30000
#define FETCH_TIMEOUT_MS 10000

struct bundle_cache {
        struct issuer *issuer; /* the thread's */
        const struct clock *clock;
        void (*changed)(void *arg, uint64_t sequence);
        void *arg;
        pthread_t thread;
        pthread_mutex_t mu;
        pthread_cond_t cond;
        bool stopping, asked;    /* guarded by mu */
        struct buf json;         /* guarded by mu; empty: none yet */
        uint64_t sequence;       /* guarded by mu */
        uint64_t wanted;         /* guarded by mu: the newest that a reply named */
        int64_t hint_s;          /* guarded by mu */
        struct cancel *fetching; /* guarded by mu: what stop trips */
        char etag[96];           /* the thread's */
};

void bundle_copy_clear(struct bundle_copy *b)
{
        bundle_clear(&b->bundle);
        buf_clear(&b->json);
        buf_clear(&b->roots_pem);
}

static struct fault *fetch(struct bundle_cache *b, struct cancel *cancel)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY(issuer_get_bundle(b->issuer, b->etag[0] != '\0' ? b->etag : NULL, cancel, &reply));
        if (reply.status == 304)
                return NULL;
        AUTO(bundle) struct bundle parsed = {0};
        TRY_AS(bundle_read(buf_span(&reply.body), &parsed), "read the trust bundle");

        pthread_mutex_lock(&b->mu);
        bool is_older = parsed.sequence < b->sequence, is_new = parsed.sequence != b->sequence || b->json.len == 0;
        if (!is_older && is_new) {
                buf_clear(&b->json);
                b->json = reply.body;
                reply.body = BUF(0);
                b->sequence = parsed.sequence;
                b->hint_s = parsed.refresh_hint_s >= HINT_MIN_S ? parsed.refresh_hint_s : HINT_DEFAULT_S;
                pthread_cond_broadcast(&b->cond);
        }
        pthread_mutex_unlock(&b->mu);

        if (is_older)
                return fault(FAULT_INTERNAL, "BUNDLE_ROLLBACK", "the issuer offers bundle %llu after a newer one",
                             (unsigned long long) parsed.sequence);
        memcpy(b->etag, reply.etag, sizeof b->etag);
        if (is_new) {
                log_info("bundle_changed", KV("sequence", parsed.sequence), KV("roots", parsed.root_count));
                b->changed(b->arg, parsed.sequence);
        }
        return NULL;
}

static struct fault *fetch_once(struct bundle_cache *b)
{
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, b->clock, (struct boot){clock_boot(b->clock).ms + FETCH_TIMEOUT_MS});
        pthread_mutex_lock(&b->mu);
        b->fetching = &cancel;
        if (b->stopping)
                cancel_trip(&cancel);
        pthread_mutex_unlock(&b->mu);
        struct fault *failed = fetch(b, &cancel);
        pthread_mutex_lock(&b->mu);
        b->fetching = NULL;
        pthread_mutex_unlock(&b->mu);
        return failed;
}

/* Sleeps until `ms` have gone, somebody asks, or the end. */
static bool sleep_ms(struct bundle_cache *b, int64_t ms)
{
        AUTO(cancel) struct cancel pause;
        cancel_init(&pause, b->clock, (struct boot){clock_boot(b->clock).ms + ms});
        pthread_mutex_lock(&b->mu);
        while (!b->stopping && !b->asked) {
                AUTO(fault) struct fault *over = cancel_wait(&pause, &b->cond, &b->mu);
                if (over != NULL)
                        break;
        }
        b->asked = false;
        bool go_on = !b->stopping;
        pthread_mutex_unlock(&b->mu);
        return go_on;
}

static void *refresh(void *arg)
{
        struct bundle_cache *b = arg;
        int64_t retry_ms = RETRY_MIN_MS, pause_ms = 0;
        do {
                AUTO(fault) struct fault *failed = fetch_once(b);
                pthread_mutex_lock(&b->mu);
                bool is_behind = b->sequence < b->wanted; /* another replica answered, which does not have it yet */
                pause_ms = b->hint_s * 1000;
                pthread_mutex_unlock(&b->mu);
                if (failed == NULL && !is_behind) {
                        retry_ms = RETRY_MIN_MS;
                        continue;
                }
                if (failed != NULL && retry_ms == RETRY_MIN_MS)
                        log_warn("bundle_not_fetched", KV("problem", failed));
                pause_ms = retry_ms;
                retry_ms = retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : retry_ms * 2;
        } while (sleep_ms(b, pause_ms));
        return NULL;
}

struct fault *bundle_cache_start(struct issuer *issuer, const struct clock *clock,
                                 void (*changed)(void *arg, uint64_t sequence), void *arg, struct bundle_cache **ret)
{
        struct bundle_cache *b = NEW(struct bundle_cache);
        b->issuer = issuer;
        b->clock = clock;
        b->changed = changed;
        b->arg = arg;
        b->hint_s = HINT_DEFAULT_S;
        pthread_mutex_init(&b->mu, NULL);
        cond_init_boot(&b->cond);
        if (pthread_create(&b->thread, NULL, refresh, b) != 0) {
                issuer_free(issuer);
                free(b);
                return fault(FAULT_INTERNAL, "THREAD", "start the bundle thread");
        }
        *ret = b;
        return NULL;
}

static struct fault *copy_out(struct span json, struct bundle_copy *ret)
{
        AUTO(bundle_copy) struct bundle_copy copy = {.json = BUF(BUNDLE_MAX), .roots_pem = BUF(BUNDLE_MAX)};
        TRY(buf_append(&copy.json, json));
        TRY(bundle_read(json, &copy.bundle));
        TRY(bundle_roots_pem(&copy.bundle, &copy.roots_pem));
        *ret = copy;
        copy = (struct bundle_copy){0};
        return NULL;
}

static void wake_waiters(void *arg)
{
        struct bundle_cache *b = arg;
        pthread_mutex_lock(&b->mu);
        pthread_cond_broadcast(&b->cond);
        pthread_mutex_unlock(&b->mu);
}

/* Under mu. */
static struct fault *wait_for(struct bundle_cache *b, uint64_t at_least, struct cancel *cancel)
{
        if (at_least > b->wanted)
                b->wanted = at_least;
        while (!b->stopping && (b->json.len == 0 || b->sequence < at_least)) {
                if (!b->asked) {
                        b->asked = true;
                        pthread_cond_broadcast(&b->cond);
                }
                TRY_AS(cancel_wait(cancel, &b->cond, &b->mu), "wait for the trust bundle");
        }
        return b->stopping ? fault(FAULT_CANCELLED, "CANCELLED", "the attester is stopping") : NULL;
}

struct fault *bundle_cache_get(struct bundle_cache *b, uint64_t at_least, struct cancel *cancel,
                               struct bundle_copy *ret)
{
        if (cancel != NULL)
                cancel_set_wake(cancel, wake_waiters, b);
        pthread_mutex_lock(&b->mu);
        struct fault *failed = wait_for(b, at_least, cancel);
        if (failed == NULL)
                failed = copy_out(buf_span(&b->json), ret);
        pthread_mutex_unlock(&b->mu);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        return failed;
}

uint64_t bundle_cache_sequence(struct bundle_cache *b)
{
        pthread_mutex_lock(&b->mu);
        uint64_t sequence = b->json.len > 0 ? b->sequence : 0;
        pthread_mutex_unlock(&b->mu);
        return sequence;
}

void bundle_cache_stop(struct bundle_cache *b)
{
        if (b == NULL)
                return;
        pthread_mutex_lock(&b->mu);
        b->stopping = true;
        if (b->fetching != NULL)
                cancel_trip(b->fetching);
        pthread_cond_broadcast(&b->cond);
        pthread_mutex_unlock(&b->mu);
        pthread_join(b->thread, NULL);
        issuer_free(b->issuer);
        buf_clear(&b->json);
        pthread_cond_destroy(&b->cond);
        pthread_mutex_destroy(&b->mu);
        free(b);
}
