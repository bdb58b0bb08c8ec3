#include "issuer/api/rate_limit.h"

#include <pthread.h>

#include "lib/base/random.h"
#include "lib/crypt/hash.h"

#define TAG_LEN     16
#define SEED_LEN    16
#define MILLI       1000 /* levels count thousandths of a token */
#define FORGOTTEN_S 86400

struct bucket {
        uint8_t tag[TAG_LEN]; /* of the key's hash; all zero: free */
        int64_t level;        /* thousandths of a token */
        struct boot at;
};
struct rate_limit {
        int64_t per_second, burst;
        uint8_t seed[SEED_LEN];
        pthread_mutex_t mu;
        struct bucket sets[RATE_SETS][RATE_WAYS]; /* guarded by mu */
};

struct rate_limit *rate_limit_new(uint64_t per_second, uint64_t burst)
{
        struct rate_limit *r = NEW(struct rate_limit);
        r->per_second = (int64_t) per_second;
        r->burst = (int64_t) burst;
        random_bytes(r->seed, sizeof r->seed);
        pthread_mutex_init(&r->mu, NULL);
        return r;
}

/* per_second tokens a second are per_second thousandths a millisecond. */
static int64_t level_at(const struct rate_limit *r, const struct bucket *b, struct boot now)
{
        int64_t gone_ms = now.ms - b->at.ms;
        if (gone_ms < 0)
                gone_ms = 0;
        if (gone_ms > FORGOTTEN_S * 1000LL)
                gone_ms = FORGOTTEN_S * 1000LL; /* bounds the product below */
        int64_t level = b->level + gone_ms * r->per_second;
        return level < r->burst * MILLI ? level : r->burst * MILLI;
}

/* The key's own bucket, else a free one, else the fullest. */
static struct bucket *find(struct rate_limit *r, struct bucket set[RATE_WAYS], const uint8_t tag[TAG_LEN],
                           struct boot now)
{
        struct bucket *best = NULL;
        int64_t best_level = -1;
        for (size_t i = 0; i < RATE_WAYS; i++) {
                struct bucket *b = &set[i];
                if (memcmp(b->tag, tag, TAG_LEN) == 0)
                        return b;
                bool is_free = span_is_zero(SPAN_OF(b->tag));
                int64_t level = is_free ? INT64_MAX : level_at(r, b, now);
                if (level > best_level) {
                        best = b;
                        best_level = level;
                }
        }
        *best = (struct bucket){.level = r->burst * MILLI, .at = now};
        memcpy(best->tag, tag, TAG_LEN);
        return best;
}

struct fault *rate_limit_take(struct rate_limit *r, const char *key, struct boot now)
{
        uint8_t digest[SHA256_LEN];
        hmac_sha256(SPAN_OF(r->seed), span_str(key), digest);
        size_t set = ((size_t) digest[TAG_LEN] << 8 | digest[TAG_LEN + 1]) % RATE_SETS;

        pthread_mutex_lock(&r->mu);
        struct bucket *b = find(r, r->sets[set], digest, now);
        b->level = level_at(r, b, now);
        b->at = now;
        int64_t missing = MILLI - b->level;
        if (missing <= 0)
                b->level -= MILLI;
        pthread_mutex_unlock(&r->mu);

        if (missing <= 0)
                return NULL;
        struct fault *f =
                fault(FAULT_EXHAUSTED, "RATE_LIMITED", "more than %lld requests a second", (long long) r->per_second);
        fault_set_retry_after_ms(f, (missing + r->per_second - 1) / r->per_second);
        return f;
}

void rate_limit_free(struct rate_limit *r)
{
        if (r == NULL)
                return;
        pthread_mutex_destroy(&r->mu);
        free(r);
}
