/* endorse: the endorsement store: what appraisals need of the makers of TEEs (certificates of chips, revocation lists, TCB information), from
 * the cache, a folder that mirrors them, or their hosts.
 *
 * A request is never slower than `wait` for it, and never decides by something that could be had and wasn't: without it, it is told to come
 * again ("endorsements.unavailable"), while the fetching goes on. What is asked for is only ever a path that the verifier's needs()
 * built; nothing of it is believed before an appraisal has verified it. With neither hosts nor folder configured the cache is all there is
 * (imported bundles), and an appraisal says by itself what it lacks.
 *
 *   sort.c     what sorts there are, and what their bytes say
 *   cache.c    memory and store, no way back to older ones
 *   pace.c     how often a host may be asked
 *   fetch.c    one thread a host, one job a path
 *   renew.c    what is due, what is listed in advance
 *   offline.c  bundles to carry to another issuer, status
 *   counts.c   metrics */
#pragma once

#include "issuer/config.h"
#include "issuer/endorse/fetch.h"

struct endorse;
/* `store` and `clock` are borrowed. Faults of makers_new, of the list in endorsements.prefetch ("endorsements.prefetch"), of threads. */
struct fault *endorse_start(const struct issuer_config *c, struct store *store, const struct clock *clock,
                            struct endorse **ret) MUST_USE;
void endorse_stop(struct endorse *e); /* no request may be running; NULL is fine */
/* Reads the list of chips again (SIGHUP). What is wrong with it is logged. */
void endorse_reload(struct endorse *e);

/* Lent to one appraisal. */
struct endorsed {
        size_t count;
        struct entry *entries[NEEDS_MAX];
};
void endorsed_clear(struct endorsed *d);
DEFINE_AUTO_VALUE(endorsed)
/* Adds to `in` what it needs and can be had, lent by `ret`, which the caller clears after the appraisal. What its maker doesn't have is left
 * out. FAULT_UNAVAILABLE "endorsements.unavailable" with Retry-After; "STORE". */
struct fault *endorse_gather(struct endorse *e, struct appraisal *in, struct endorsed *ret) MUST_USE;
/* The appraisal held: what was lent is genuine. */
void endorse_believe(struct endorse *e, const struct endorsed *d);
/* It did not: what isn't fresh is fetched anew in the background, so that nonsense that got in is out before its time. */
void endorse_doubt(struct endorse *e, const struct endorsed *d);

/* ---- for operators ---- */
/* {"version":1,"endorsements":[[path, base64url body, base64url chain],…],"next"}: those after the path `after`, some megabytes a page. */
struct fault *endorse_export(struct endorse *e, const char *after, struct json **ret) MUST_USE;
/* Of such a document. {"imported","older","refused":[{"path","check","detail"}]}. FAULT_INVALID "endorsements.bundle" when it is none. */
struct fault *endorse_import(struct endorse *e, const struct json *bundle, struct json **ret) MUST_USE;
struct fault *endorse_status(struct endorse *e, struct json **ret) MUST_USE;
/* Prometheus text, appended. */
struct fault *endorse_metrics(struct endorse *e, struct buf *out) MUST_USE;

/* Renews what is due; the thread does it every half minute. Exported for tests. */
void endorse_renew(struct endorse *e);
