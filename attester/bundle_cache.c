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
        struct bundle_copy held; /* guarded by mu; json empty: none yet */
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

static uint64_t sequence_of(const struct bundle_cache *b)
{
        return b->held.bundle.sequence;
}

/* Parsed once, here; certificates are dear to parse and many ask. */
static struct fault *read_bundle(struct http_reply *reply, struct bundle_copy *ret)
{
        TRY_AS(bundle_read(buf_span(&reply->body), &ret->bundle), "read the trust bundle");
        ret->roots_pem = BUF(BUNDLE_MAX);
        TRY(bundle_roots_pem(&ret->bundle, &ret->roots_pem));
        ret->json = reply->body;
        reply->body = BUF(0);
        return NULL;
}

static struct fault *fetch(struct bundle_cache *b, struct cancel *cancel)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY(issuer_get_bundle(b->issuer, b->etag[0] != '\0' ? b->etag : NULL, cancel, &reply));
        if (reply.status == 304)
                return NULL;
        AUTO(bundle_copy) struct bundle_copy fresh = {0};
        TRY(read_bundle(&reply, &fresh));
        uint64_t sequence = fresh.bundle.sequence;
        size_t roots = fresh.bundle.root_count;

        pthread_mutex_lock(&b->mu);
        bool is_older = sequence < sequence_of(b), is_new = sequence != sequence_of(b) || b->held.json.len == 0;
        if (!is_older && is_new) {
                int64_t hint_s = fresh.bundle.refresh_hint_s;
                b->hint_s = hint_s >= HINT_MIN_S ? hint_s : HINT_DEFAULT_S;
                bundle_copy_clear(&b->held);
                b->held = fresh;
                fresh = (struct bundle_copy){0};
                pthread_cond_broadcast(&b->cond);
        }
        pthread_mutex_unlock(&b->mu);

        if (is_older)
                return fault(FAULT_INTERNAL, "BUNDLE_ROLLBACK", "the issuer offers bundle %llu after a newer one",
                             (unsigned long long) sequence);
        memcpy(b->etag, reply.etag, sizeof b->etag);
        if (is_new) {
                log_info("bundle_changed", KV("sequence", sequence), KV("roots", roots));
                b->changed(b->arg, sequence);
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
                bool is_behind = sequence_of(b) < b->wanted; /* another replica answered, which does not have it yet */
                pause_ms = b->hint_s * 1000;
                pthread_mutex_unlock(&b->mu);
                if (failed == NULL && !is_behind) {
                        retry_ms = RETRY_MIN_MS;
                        continue;
                }
                if (failed != NULL && retry_ms == RETRY_MIN_MS)
                        log_warn("bundle_not_fetched", KV("problem", failed));
                int64_t asked_ms = failed != NULL ? fault_retry_after_ms(failed) : 0;
                pause_ms = asked_ms > retry_ms ? asked_ms : retry_ms;
                pause_ms = pause_ms > RETRY_MAX_MS ? RETRY_MAX_MS : pause_ms;
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

static struct fault *copy_out(const struct bundle_copy *held, struct bundle_copy *ret)
{
        AUTO(bundle_copy) struct bundle_copy copy = {.json = BUF(BUNDLE_MAX), .roots_pem = BUF(BUNDLE_MAX)};
        TRY(buf_append(&copy.json, buf_span(&held->json)));
        TRY(buf_append(&copy.roots_pem, buf_span(&held->roots_pem)));
        copy.bundle.sequence = held->bundle.sequence;
        copy.bundle.refresh_hint_s = held->bundle.refresh_hint_s;
        copy.bundle.token_keys = json_copy(held->bundle.token_keys);
        for (size_t i = 0; i < held->bundle.root_count; i++) {
                copy.bundle.roots[i] = BUF(CERT_MAX);
                copy.bundle.root_count++;
                TRY(buf_append(&copy.bundle.roots[i], buf_span(&held->bundle.roots[i])));
        }
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
        while (!b->stopping && (b->held.json.len == 0 || sequence_of(b) < at_least)) {
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
                failed = copy_out(&b->held, ret);
        pthread_mutex_unlock(&b->mu);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        return failed;
}

uint64_t bundle_cache_sequence(struct bundle_cache *b)
{
        pthread_mutex_lock(&b->mu);
        uint64_t sequence = b->held.json.len > 0 ? sequence_of(b) : 0;
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
        bundle_copy_clear(&b->held);
        pthread_cond_destroy(&b->cond);
        pthread_mutex_destroy(&b->mu);
        free(b);
}
