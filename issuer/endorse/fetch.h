/* fetch: getting what the cache lacks from the makers' hosts, without ever asking for one thing twice at a time.
 *
 * One thread a host, so one exchange with it at a time, under a budget and with pauses after trouble (pace.h). A path that is wanted is a job;
 * whoever wants it meanwhile waits for the same job, for a limited time and in limited number, and is then told to come again: the job goes
 * on, so that the next one finds the cache warm. What requests want goes before what is only due or listed (background). Answers go to
 * the cache, which refuses bad ones; "there is no such thing" (404) is remembered for a while. */
#pragma once

#include "issuer/endorse/cache.h"
#include "issuer/endorse/pace.h"

#define FETCH_QUEUE_MAX      256 /* jobs of a host that requests want */
#define FETCH_BACKGROUND_MAX 16384
#define FETCH_TRIES          4
#define FETCH_RETRY_MAX_MS   60000 /* what anybody is told to wait at most, but for jitter */

struct fetch_options {
        const struct clock *clock;
        struct cache *cache;
        struct makers *makers; /* borrowed */
        struct {
                int64_t interval_ms, burst;
        } budgets[MAKER_COUNT];
        int64_t timeout_ms;    /* of one exchange */
        int64_t absent_for_ms; /* how long a 404 is believed */
        unsigned waiters_max;  /* requests that may wait at the same time */
};
struct fetch;
struct fault *fetch_start(const struct fetch_options *o, struct fetch **ret) MUST_USE;
void fetch_stop(struct fetch *f);

/* Asks for it and returns at once. `is_wanted`: by a request. A full queue drops it: whoever needs it asks again. */
void fetch_begin(struct fetch *f, const char *path, bool is_wanted);
/* Waits until the cache has it. FAULT_NOT_FOUND "endorsements.absent": its maker has no such thing. FAULT_UNAVAILABLE
 * "endorsements.unavailable" with Retry-After: not by `until`. */
struct fault *fetch_wait(struct fetch *f, const char *path, struct boot until) MUST_USE;

enum fetch_count { FETCH_FETCHED, FETCH_ABSENT, FETCH_LIMITED, FETCH_FAILED, FETCH_REFUSED, FETCH_COUNT_COUNT };
extern const char *const fetch_count_names[FETCH_COUNT_COUNT + 1];
struct fetch_status { /* of one host */
        size_t wanted, background;
        int64_t pause_ms;
        unsigned failures; /* in a row */
};
struct fetch_status fetch_status(struct fetch *f, enum maker which);
uint64_t fetch_counted(struct fetch *f, enum fetch_count which);
