#include "issuer/endorse/fetch.h"

#include <pthread.h>

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/random.h"
#include "lib/net/unix_socket.h"

#define ABSENT_MAX   4096
#define RETRY_MIN_MS 1000

const char *const fetch_count_names[FETCH_COUNT_COUNT + 1] = {"fetched", "absent",  "limited",
                                                              "failed",  "refused", NULL};

struct job {
        char *path;
        bool is_wanted, is_running, is_over;
        unsigned troubles; /* tries that came to nothing */
        unsigned refs;     /* the queue's, and one a waiter */
        struct job *next;
};
struct host {
        struct fetch *fetch;
        enum maker which;
        pthread_t thread;
        bool is_started;
        struct pace pace;
        struct job *first;
        size_t wanted, background;
        struct cancel *running; /* the exchange's; NULL: none */
};
struct fetch {
        struct fetch_options o;
        pthread_mutex_t mu; /* guards all below, and the hosts' fields */
        pthread_cond_t work, done;
        bool is_stopping;
        struct host hosts[MAKER_COUNT];
        struct map *jobs;   /* by path; borrowed from the queues */
        struct map *absent; /* by path: struct boot, until when */
        unsigned waiters;
        uint64_t counts[FETCH_COUNT_COUNT];
};

static uint32_t draw(void)
{
        uint32_t random;
        random_bytes(&random, sizeof random);
        return random;
}

/* ---- jobs; under mu ---- */

static void job_free(struct job *j)
{
        if (--j->refs > 0)
                return;
        free(j->path);
        free(j);
}

static void queue_push(struct host *h, struct job *j)
{
        struct job **at = &h->first;
        while (*at != NULL)
                at = &(*at)->next;
        j->next = NULL;
        *at = j;
}

static void queue_take(struct host *h, struct job *j)
{
        struct job **at = &h->first;
        while (*at != j)
                at = &(*at)->next;
        *at = j->next;
}

static size_t *queue_count(struct host *h, const struct job *j)
{
        return j->is_wanted ? &h->wanted : &h->background;
}

/* NULL: the queue is full. */
static struct job *job_find_or_make(struct fetch *f, struct host *h, const char *path, bool is_wanted)
{
        struct job *j = map_get(f->jobs, path);
        if (j != NULL && (j->is_wanted || !is_wanted))
                return j;
        size_t room = is_wanted ? FETCH_QUEUE_MAX : FETCH_BACKGROUND_MAX;
        if ((is_wanted ? h->wanted : h->background) >= room)
                return j;
        if (j != NULL) { /* it was only due, and is wanted now */
                h->background--;
                h->wanted++;
                j->is_wanted = true;
                return j;
        }
        j = NEW(struct job);
        *j = (struct job){.path = alloc_string(path), .is_wanted = is_wanted, .refs = 1};
        AUTO(fault) struct fault *full = map_put(f->jobs, path, j, NULL);
        if (full != NULL) {
                job_free(j);
                return NULL;
        }
        ++*queue_count(h, j);
        queue_push(h, j);
        pthread_cond_broadcast(&f->work);
        return j;
}

static void job_end(struct host *h, struct job *j)
{
        queue_take(h, j);
        --*queue_count(h, j);
        (void) map_remove(h->fetch->jobs, j->path); /* it is j */
        j->is_over = true;
        job_free(j);
}

/* The first that a request waits for, or the first. */
static struct job *job_next(const struct host *h)
{
        for (struct job *j = h->first; j != NULL; j = j->next)
                if (j->is_wanted)
                        return j;
        return h->first;
}

/* ---- what isn't there; under mu ---- */

static bool is_absent(struct fetch *f, const char *path)
{
        struct boot *until = map_get(f->absent, path);
        if (until == NULL)
                return false;
        if (clock_boot(f->o.clock).ms < until->ms)
                return true;
        free(map_remove(f->absent, path));
        return false;
}

static void set_absent(struct fetch *f, const char *path)
{
        if (map_count(f->absent) >= ABSENT_MAX) {
                size_t at = 0;
                const char *first = NULL;
                void *value = NULL;
                (void) map_next(f->absent, &at, &first, &value); /* there is one */
                AUTO_STRING char *gone = alloc_string(first);
                free(map_remove(f->absent, gone));
        }
        struct boot *until = NEW(struct boot);
        void *old = NULL;
        until->ms = clock_boot(f->o.clock).ms + f->o.absent_for_ms;
        AUTO(fault) struct fault *full = map_put(f->absent, path, until, &old);
        free(full != NULL ? until : old);
}

/* ---- one exchange ---- */

static bool says_absent(int status)
{
        return status == 404 || status == 410 || status == 400; /* KDS has 400 for a TCB that a product can't have */
}

/* Outside the lock. *ret_count says what came of it; the fault why, when it was trouble. */
static struct fault *exchange(struct fetch *f, const char *path, struct cancel *cancel, enum fetch_count *ret_count,
                              int64_t *ret_retry_after_ms)
{
        AUTO(maker_answer) struct maker_answer answer = {0};
        *ret_count = FETCH_FAILED;
        TRY(makers_get(f->o.makers, path, cancel, &answer));
        *ret_retry_after_ms = answer.retry_after_ms;
        if (says_absent(answer.status)) {
                *ret_count = FETCH_ABSENT;
                return NULL;
        }
        if (answer.status == 429)
                *ret_count = FETCH_LIMITED;
        if (answer.status != 200)
                return fault(FAULT_UNAVAILABLE, "endorsements.status", "%.80s: answered with status %d", path,
                             answer.status);
        AUTO(fault)
        struct fault *refused = cache_offer(f->o.cache, path, buf_span(&answer.body), buf_span(&answer.chain));
        bool is_kept = refused == NULL || strcmp(fault_token(refused), "endorsements.older") == 0;
        *ret_count = is_kept ? FETCH_FETCHED : FETCH_REFUSED;
        return is_kept ? NULL : TAKE(refused);
}

/* Under mu, which is let go of meanwhile. */
static void perform(struct host *h, struct job *j)
{
        struct fetch *f = h->fetch;
        struct boot now = clock_boot(f->o.clock);
        AUTO(cancel) struct cancel cancel;
        enum fetch_count count;
        int64_t retry_after_ms = 0;
        cancel_init(&cancel, f->o.clock, (struct boot){now.ms + f->o.timeout_ms});
        pace_spend(&h->pace, now);
        h->running = &cancel;
        j->is_running = true;
        pthread_mutex_unlock(&f->mu);
        AUTO(fault) struct fault *trouble = exchange(f, j->path, &cancel, &count, &retry_after_ms);
        pthread_mutex_lock(&f->mu);
        h->running = NULL;
        j->is_running = false;
        f->counts[count]++;

        if (trouble == NULL) {
                pace_fine(&h->pace);
                if (count == FETCH_ABSENT)
                        set_absent(f, j->path);
                job_end(h, j);
        } else {
                pace_trouble(&h->pace, clock_boot(f->o.clock), retry_after_ms, draw());
                if (!f->is_stopping)
                        log_warn("endorsement_not_fetched", KV("path", (const char *) j->path), KV("problem", trouble),
                                 KV("pause_ms", pace_wait_ms(&h->pace, clock_boot(f->o.clock))));
                queue_take(h, j); /* to the end: one that always fails holds nobody up */
                queue_push(h, j);
                if (++j->troubles >= FETCH_TRIES)
                        job_end(h, j);
        }
        pthread_cond_broadcast(&f->done);
}

/* Under mu. Until somebody has work, or it may be done. */
static void pause_ms(struct fetch *f, int64_t ms)
{
        AUTO(cancel) struct cancel pause;
        cancel_init(&pause, f->o.clock, ms < 0 ? CANCEL_NO_DEADLINE : (struct boot){clock_boot(f->o.clock).ms + ms});
        fault_free(cancel_wait(&pause, &f->work, &f->mu)); /* over or woken: the caller looks anew */
}

static void *host_run(void *arg)
{
        struct host *h = arg;
        struct fetch *f = h->fetch;
        pthread_mutex_lock(&f->mu);
        while (!f->is_stopping) {
                struct job *j = job_next(h);
                int64_t wait_ms = j == NULL ? -1 : pace_wait_ms(&h->pace, clock_boot(f->o.clock));
                if (wait_ms == 0)
                        perform(h, j);
                else
                        pause_ms(f, wait_ms);
        }
        pthread_mutex_unlock(&f->mu);
        return NULL;
}

/* ---- asking ---- */

static struct host *host_of(struct fetch *f, const char *path)
{
        enum endorsement_sort sort;
        enum maker maker;
        AUTO(fault) struct fault *foreign = sort_of(path, &sort, &maker);
        return foreign == NULL ? &f->hosts[maker] : NULL;
}

void fetch_begin(struct fetch *f, const char *path, bool is_wanted)
{
        struct host *h = host_of(f, path);
        pthread_mutex_lock(&f->mu);
        if (h != NULL && !is_absent(f, path))
                (void) job_find_or_make(f, h, path, is_wanted); /* full: whoever needs it asks again */
        pthread_mutex_unlock(&f->mu);
}

/* Under mu. When to come again: the pause and the budget, and whoever stands in the queue; spread, so that those who came together don't
 * come again together. */
static struct fault *come_again(struct fetch *f, const struct host *h, const char *path, const char *why)
{
        int64_t ms = pace_wait_ms(&h->pace, clock_boot(f->o.clock));
        if (h->wanted > (size_t) h->pace.burst)
                ms += (int64_t) (h->wanted - (size_t) h->pace.burst) * h->pace.interval_ms;
        ms = ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms > FETCH_RETRY_MAX_MS ? FETCH_RETRY_MAX_MS : ms;
        ms += (int64_t) (draw() % 1024) * ms / 2048;
        struct fault *later = fault(FAULT_UNAVAILABLE, "endorsements.unavailable", "%.80s: %s", path, why);
        fault_set_retry_after_ms(later, ms);
        return later;
}

static struct fault *wait_for(struct fetch *f, struct host *h, struct job *j, struct boot until)
{
        AUTO(cancel) struct cancel limit;
        unsigned troubles = j->troubles;
        cancel_init(&limit, f->o.clock, until);
        AUTO(fault) struct fault *late = cancel_check(&limit);
        while (late == NULL && !j->is_over && j->troubles == troubles && !f->is_stopping) {
                int64_t pace_ms = j->is_running ? 0 : pace_wait_ms(&h->pace, clock_boot(f->o.clock));
                if (clock_boot(f->o.clock).ms + pace_ms >= until.ms)
                        return come_again(f, h, j->path, "its maker may not be asked yet");
                late = cancel_wait(&limit, &f->done, &f->mu);
        }
        if (j->is_over && j->troubles < FETCH_TRIES)
                return is_absent(f, j->path)
                               ? fault(FAULT_NOT_FOUND, "endorsements.absent", "%.80s: there is no such thing", j->path)
                               : NULL;
        return come_again(f, h, j->path,
                          late != NULL ? "its maker has not answered yet" : "its maker could not be asked");
}

static struct fault *wait_locked(struct fetch *f, struct host *h, const char *path, struct boot until)
{
        if (is_absent(f, path))
                return fault(FAULT_NOT_FOUND, "endorsements.absent", "%.80s: there is no such thing", path);
        struct job *j = job_find_or_make(f, h, path, true);
        if (j == NULL)
                return come_again(f, h, path, "too many others are asked for");
        if (f->waiters >= f->o.waiters_max)
                return come_again(f, h, path, "too many requests wait for others");
        j->refs++;
        f->waiters++;
        struct fault *none = wait_for(f, h, j, until);
        f->waiters--;
        job_free(j);
        return none;
}

struct fault *fetch_wait(struct fetch *f, const char *path, struct boot until)
{
        struct host *h = host_of(f, path);
        if (h == NULL)
                return fault(FAULT_NOT_FOUND, "endorsements.absent", "%.80s: nobody has it", path);
        pthread_mutex_lock(&f->mu);
        struct fault *none = wait_locked(f, h, path, until);
        pthread_mutex_unlock(&f->mu);
        return none;
}

struct fetch_status fetch_status(struct fetch *f, enum maker which)
{
        pthread_mutex_lock(&f->mu);
        const struct host *h = &f->hosts[which];
        struct fetch_status s = {h->wanted, h->background, h->pace.not_before_ms - clock_boot(f->o.clock).ms,
                                 h->pace.failures};
        pthread_mutex_unlock(&f->mu);
        s.pause_ms = s.pause_ms > 0 ? s.pause_ms : 0;
        return s;
}

uint64_t fetch_counted(struct fetch *f, enum fetch_count which)
{
        pthread_mutex_lock(&f->mu);
        uint64_t count = f->counts[which];
        pthread_mutex_unlock(&f->mu);
        return count;
}

/* ---- life ---- */

struct fault *fetch_start(const struct fetch_options *o, struct fetch **ret)
{
        struct fetch *f = NEW(struct fetch);
        struct fault *failed = NULL;
        f->o = *o;
        pthread_mutex_init(&f->mu, NULL); /* default attributes: can't fail */
        cond_init_boot(&f->work);
        cond_init_boot(&f->done);
        f->jobs = map_new((size_t) MAKER_COUNT * (FETCH_QUEUE_MAX + FETCH_BACKGROUND_MAX));
        f->absent = map_new(ABSENT_MAX);
        static const char *const names[MAKER_COUNT] = {"fetch-kds", "fetch-pcs", "fetch-pcs-root"};
        for (size_t i = 0; i < MAKER_COUNT && failed == NULL; i++) {
                struct host *h = &f->hosts[i];
                h->fetch = f;
                h->which = (enum maker) i;
                h->pace = (struct pace){.interval_ms = o->budgets[i].interval_ms, .burst = o->budgets[i].burst};
                failed = thread_start(names[i], host_run, h, &h->thread);
                h->is_started = failed == NULL;
        }
        if (failed != NULL) {
                fetch_stop(f);
                return failed;
        }
        *ret = f;
        return NULL;
}

static void stop_hosts(struct fetch *f)
{
        pthread_mutex_lock(&f->mu);
        f->is_stopping = true;
        for (size_t i = 0; i < MAKER_COUNT; i++)
                if (f->hosts[i].running != NULL)
                        cancel_trip(f->hosts[i].running);
        pthread_cond_broadcast(&f->work);
        pthread_cond_broadcast(&f->done);
        pthread_mutex_unlock(&f->mu);
        for (size_t i = 0; i < MAKER_COUNT; i++)
                if (f->hosts[i].is_started)
                        pthread_join(f->hosts[i].thread, NULL);
}

/* No request may wait any more. */
void fetch_stop(struct fetch *f)
{
        if (f == NULL)
                return;
        stop_hosts(f);
        const char *path;
        void *value;
        for (size_t i = 0; i < MAKER_COUNT; i++)
                while (f->hosts[i].first != NULL)
                        job_end(&f->hosts[i], f->hosts[i].first);
        for (size_t at = 0; map_next(f->absent, &at, &path, &value);)
                free(value);
        map_free(f->absent);
        map_free(f->jobs);
        pthread_cond_destroy(&f->work);
        pthread_cond_destroy(&f->done);
        pthread_mutex_destroy(&f->mu);
        free(f);
}
