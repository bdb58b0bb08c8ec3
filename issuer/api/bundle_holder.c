#include "issuer/api/bundle_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "lib/base/log.h"

#define TRY_AGAIN_S 5

struct bundle_holder {
        int state_dir;
        struct authority *authority;
        const struct clock *clock;
        int64_t refresh_hint_s;
        struct cert_list roots;

        pthread_mutex_t mu;
        struct bundle_snapshot *current; /* guarded by mu */
        bool is_renewing;                /* guarded by mu */
        int64_t not_before_unix_s;       /* of the next attempt after one that failed; guarded by mu */
};

void bundle_snapshot_free(struct bundle_snapshot *s)
{
        if (s == NULL || atomic_fetch_sub(&s->references, 1) > 1)
                return;
        bundle_state_clear(&s->state);
        free(s);
}

static int64_t now_s(const struct bundle_holder *h)
{
        return wall_unix_s(clock_wall(h->clock));
}

static struct fault *make(const struct bundle_holder *h, struct bundle_snapshot **ret)
{
        AUTO(json) struct json *token_keys = NULL;
        AUTO(bundle_snapshot) struct bundle_snapshot *s = NEW(struct bundle_snapshot);
        atomic_init(&s->references, 1);
        s->from_unix_s = now_s(h);
        TRY(authority_token_keys(h->authority, &token_keys, &s->until_unix_s));
        TRY(bundle_state_load(h->state_dir, &h->roots, token_keys, h->refresh_hint_s, clock_wall(h->clock), &s->state));
        *ret = TAKE(s);
        return NULL;
}

/* Under mu. A clock that went back may have passed a change the other way. */
static bool is_due(const struct bundle_holder *h)
{
        int64_t now = now_s(h);
        bool is_stale = now >= h->current->until_unix_s || now < h->current->from_unix_s;
        return is_stale && !h->is_renewing && (now >= h->not_before_unix_s || now < h->not_before_unix_s - TRY_AGAIN_S);
}

/* Without mu: it asks the signer, and writes a file. */
static void renew(struct bundle_holder *h)
{
        AUTO(bundle_snapshot) struct bundle_snapshot *made = NULL, *old = NULL;
        AUTO(fault) struct fault *failed = make(h, &made);
        pthread_mutex_lock(&h->mu);
        if (failed == NULL) {
                old = h->current;
                h->current = TAKE(made);
        } else {
                h->not_before_unix_s = now_s(h) + TRY_AGAIN_S;
        }
        uint64_t sequence = h->current->state.sequence;
        h->is_renewing = false;
        pthread_mutex_unlock(&h->mu);
        if (failed != NULL)
                log_error("bundle_not_renewed", KV("problem", failed), KV("bundle", sequence));
        else if (old->state.sequence != sequence)
                log_info("bundle_changed", KV("bundle", sequence));
}

struct bundle_snapshot *bundle_holder_get(struct bundle_holder *h)
{
        pthread_mutex_lock(&h->mu);
        bool due = is_due(h);
        h->is_renewing = h->is_renewing || due;
        pthread_mutex_unlock(&h->mu);
        if (due)
                renew(h);

        pthread_mutex_lock(&h->mu);
        struct bundle_snapshot *s = h->current;
        atomic_fetch_add(&s->references, 1);
        pthread_mutex_unlock(&h->mu);
        return s;
}

uint64_t bundle_holder_sequence(struct bundle_holder *h)
{
        AUTO(bundle_snapshot) struct bundle_snapshot *s = bundle_holder_get(h);
        return s->state.sequence;
}

struct fault *bundle_holder_new(const char *state_dir, struct authority *authority, int64_t refresh_hint_s,
                                const struct clock *clock, struct bundle_holder **ret)
{
        struct bundle_holder *h = NEW(struct bundle_holder);
        h->authority = authority;
        h->clock = clock;
        h->refresh_hint_s = refresh_hint_s;
        pthread_mutex_init(&h->mu, NULL); /* default attributes: can't fail */
        h->state_dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct fault *f = NULL;
        if (h->state_dir < 0)
                f = fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "open state-dir %s", state_dir);
        if (f == NULL)
                f = authority_roots(authority, &h->roots);
        if (f == NULL)
                f = make(h, &h->current);
        if (f != NULL)
                bundle_holder_free(h);
        else
                *ret = h;
        return f;
}

void bundle_holder_free(struct bundle_holder *h)
{
        if (h == NULL)
                return;
        if (h->state_dir >= 0)
                close(h->state_dir);
        cert_list_clear(&h->roots);
        bundle_snapshot_free(h->current);
        pthread_mutex_destroy(&h->mu);
        free(h);
}
