#include "issuer/ledger/ledger.h"

#include <signal.h>
#include <stdatomic.h>

#include "issuer/ledger/record.h"
#include "issuer/ledger/sweep_clock.h"
#include "lib/base/log.h"
#include "lib/base/random.h"

#define GROUP_MAX 256  /* commits in one transaction */
#define QUEUE_MAX 4096 /* commits that wait */
#define GROUP_MS  2    /* how long company is waited for, where there was some the last time */
#define SWEEP_MS  60000
#define BACK_MS   1000 /* a wall clock that goes back by this is worth a word */

enum waiter_state { WAITING, TAKEN, DONE };
struct waiter {
        struct prepared prepared;
        struct fault *failure;   /* of the whole transaction */
        enum waiter_state state; /* guarded by the ledger's mu */
        pthread_cond_t changed;
        struct ledger *ledger;
        struct waiter *next;
};

struct ledger {
        struct store *store;
        const struct clock *clock;
        pthread_t thread;
        atomic_ullong records, transactions;

        pthread_mutex_t mu;
        pthread_cond_t queued;        /* a waiter came, or stopping */
        struct waiter *first, **last; /* guarded by mu */
        size_t waiting;               /* guarded by mu */
        bool stopping;                /* guarded by mu */

        bool had_company;               /* the committing thread's own: the last transaction held several */
        struct boot swept;              /* the committing thread's own */
        struct sweep_clock sweep_clock; /* the committing thread's own */
        struct wall last_commit;        /* the committing thread's own */
};

/* ---- the committing thread ---- */

/* Waits for the first commit, and a little longer for its neighbours when the last transaction had several: a lone request is
 * not delayed, and under load one sync serves many. False: stopping, and nothing is left. */
static bool wait_for_commits(struct ledger *l)
{
        while (l->waiting == 0 && !l->stopping)
                pthread_cond_wait(&l->queued, &l->mu);
        if (l->waiting == 0)
                return false;

        struct cancel window;
        cancel_init(&window, &clock_system, (struct boot){clock_boot(&clock_system).ms + GROUP_MS});
        while (l->had_company && l->waiting < GROUP_MAX && !l->stopping) {
                AUTO(fault) struct fault *over = cancel_wait(&window, &l->queued, &l->mu);
                if (over != NULL)
                        break;
        }
        cancel_clear(&window);
        return true;
}

static size_t take_group(struct ledger *l, struct waiter *ret_group[GROUP_MAX])
{
        size_t count = 0;
        while (count < GROUP_MAX && l->first != NULL) {
                struct waiter *w = l->first;
                l->first = w->next;
                w->state = TAKEN;
                ret_group[count++] = w;
        }
        if (l->first == NULL)
                l->last = &l->first;
        l->waiting -= count;
        return count;
}

static uint64_t records_written(const struct store_commit *c)
{
        if (c->ret_outcome == NULL)
                return c->count;
        return strcmp(fault_token(c->ret_outcome), "nonce.replayed") == 0 ? 1 : 0;
}

/* Records keep the time that the clock said; their order is their number, which never goes back. */
static void note_step_back(struct ledger *l, struct wall now)
{
        if (now.unix_ms < l->last_commit.unix_ms - BACK_MS)
                log_warn("clock_went_back", KV("by_ms", l->last_commit.unix_ms - now.unix_ms),
                         KV("meaning", "times of records overlap; their order is their index"));
        l->last_commit = now;
}

static void write_group(struct ledger *l, struct waiter *const *group, size_t count)
{
        struct store_commit *commits[GROUP_MAX];
        for (size_t i = 0; i < count; i++)
                commits[i] = &group[i]->prepared.commit;
        struct wall now = clock_wall(l->clock);
        note_step_back(l, now);
        AUTO(fault) struct fault *failure = store_write(l->store, commits, count, now);

        atomic_fetch_add(&l->transactions, 1);
        for (size_t i = 0; i < count; i++) {
                if (failure != NULL)
                        group[i]->failure = fault(fault_code(failure), "STORE", "%s", fault_text(failure));
                else
                        atomic_fetch_add(&l->records, records_written(commits[i]));
        }
        l->had_company = count > 1;
}

/* Now and then, between transactions: the table of nonces stays as large as a few minutes' requests. */
static void sweep(struct ledger *l)
{
        struct boot now = clock_boot(l->clock);
        if (now.ms - l->swept.ms < SWEEP_MS)
                return;
        l->swept = now;
        uint64_t deleted = 0;
        /* a store that can't delete will say so at the next commit, where somebody listens */
        struct wall until = sweep_clock_now(&l->sweep_clock, clock_wall(l->clock), now);
        AUTO(fault) struct fault *ignored = store_sweep_nonces(l->store, until, &deleted);
        (void) ignored;
}

static void *commit_loop(void *arg)
{
        struct ledger *l = arg;
        struct waiter *group[GROUP_MAX];
        pthread_mutex_lock(&l->mu);
        while (wait_for_commits(l)) {
                size_t count = take_group(l, group);
                pthread_mutex_unlock(&l->mu);

                write_group(l, group, count);

                pthread_mutex_lock(&l->mu);
                for (size_t i = 0; i < count; i++) {
                        group[i]->state = DONE;
                        pthread_cond_signal(&group[i]->changed); /* under mu: the waiter lives on its owner's stack */
                }
                pthread_mutex_unlock(&l->mu);
                sweep(l);
                pthread_mutex_lock(&l->mu);
        }
        pthread_mutex_unlock(&l->mu);
        return NULL;
}

/* ---- the callers' side ---- */

static void wake_waiter(void *arg)
{
        struct waiter *w = arg;
        pthread_mutex_lock(&w->ledger->mu);
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->ledger->mu);
}

static struct fault *enqueue(struct ledger *l, struct waiter *w)
{
        if (l->stopping)
                return fault(FAULT_UNAVAILABLE, "STORE", "the ledger is closing");
        if (l->waiting >= QUEUE_MAX)
                return fault(FAULT_EXHAUSTED, "QUEUE_FULL", "%d commits are waiting for the disk", QUEUE_MAX);
        *l->last = w;
        l->last = &w->next;
        l->waiting++;
        pthread_cond_signal(&l->queued);
        return NULL;
}

static void withdraw(struct ledger *l, struct waiter *w)
{
        struct waiter **at = &l->first;
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        if (w->next == NULL)
                l->last = at;
        l->waiting--;
}

/* Under mu. A fault is the cancel's, and the waiter is out of the queue then. */
static struct fault *wait_until_done(struct ledger *l, struct waiter *w, struct cancel *cancel)
{
        while (w->state == WAITING) {
                struct fault *over = cancel_wait(cancel, &w->changed, &l->mu);
                if (over == NULL)
                        continue;
                if (w->state == WAITING) {
                        withdraw(l, w);
                        return over;
                }
                fault_free(over); /* too late: it is being written */
        }
        while (w->state != DONE)
                pthread_cond_wait(&w->changed, &l->mu);
        return NULL;
}

static struct fault *enqueue_and_wait(struct ledger *l, struct waiter *w, struct cancel *cancel)
{
        pthread_mutex_lock(&l->mu);
        struct fault *f = enqueue(l, w);
        if (f == NULL)
                f = wait_until_done(l, w, cancel);
        pthread_mutex_unlock(&l->mu);
        return f;
}

struct fault *ledger_commit(struct ledger *l, struct ledger_commit *c, struct cancel *cancel)
{
        struct waiter w = {.ledger = l};
        uint8_t attempt[REPLAY_ATTEMPT_LEN];
        random_bytes(attempt, sizeof(attempt));
        TRY(prepared_make(c, attempt, clock_wall(l->clock), &w.prepared));

        cond_init_boot(&w.changed);
        if (cancel != NULL)
                cancel_set_wake(cancel, wake_waiter, &w);
        struct fault *f = enqueue_and_wait(l, &w, cancel);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        pthread_cond_destroy(&w.changed);

        if (f == NULL)
                f = w.failure != NULL ? TAKE(w.failure) : TAKE(w.prepared.commit.ret_outcome);
        prepared_clear(&w.prepared);
        return f;
}

/* ---- reading ---- */

static struct fault *find_one(struct ledger *l, const char *serial_or_id, struct json **ret, char ret_correction[33])
{
        AUTO(store_row) struct store_row row = {0};
        TRY(store_find_record(l->store, serial_or_id, &row));
        uint8_t leaf_hash[SHA256_LEN];
        ledger_leaf_hash(buf_span(&row.body), leaf_hash);
        if (memcmp(leaf_hash, row.leaf_hash, SHA256_LEN) != 0 || !ledger_id_fits(row.id, leaf_hash))
                return fault(FAULT_DATA_LOSS, "RECORD_TAMPERED",
                             "record %llu does not have the bytes or the id it was stored with",
                             (unsigned long long) row.index);
        AUTO(json) struct json *record = NULL;
        TRY(json_parse(buf_span(&row.body), &record));

        char time[WALL_TEXT_LEN + 1];
        wall_format(row.time, time);
        struct json *j = json_new_object();
        json_set_text(j, "id", row.id);
        json_set_int(j, "index", (int64_t) row.index);
        json_set_hex(j, "leaf_hash", SPAN_OF(row.leaf_hash));
        json_set_text(j, "time", time);
        json_set(j, "record", TAKE(record));
        memcpy(ret_correction, row.correction, sizeof row.correction);
        *ret = j;
        return NULL;
}

struct fault *ledger_find(struct ledger *l, const char *serial_or_id, struct json **ret)
{
        AUTO(json) struct json *found = NULL, *correction = NULL;
        char by[RECORD_ID_LEN + 1] = "", none[RECORD_ID_LEN + 1];
        TRY(find_one(l, serial_or_id, &found, by));
        if (by[0] != '\0') {
                TRY_AS(find_one(l, by, &correction, none), "the correction of record %s", serial_or_id);
                json_set(found, "correction", TAKE(correction));
        }
        *ret = TAKE(found);
        return NULL;
}

uint64_t ledger_records(struct ledger *l)
{
        return atomic_load(&l->records);
}

uint64_t ledger_transactions(struct ledger *l)
{
        return atomic_load(&l->transactions);
}

struct fault *ledger_open(struct store *store, const struct clock *clock, struct ledger **ret)
{
        uint64_t records = 0;
        TRY_AS(store_count_records(store, &records), "open the ledger");

        struct ledger *l = NEW(struct ledger);
        l->store = store;
        l->clock = clock;
        l->last = &l->first;
        l->swept = clock_boot(clock);
        sweep_clock_init(&l->sweep_clock, clock_wall(clock), l->swept);
        atomic_init(&l->records, records);
        pthread_mutex_init(&l->mu, NULL);
        cond_init_boot(&l->queued);
        sigset_t all, before;
        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's; fails only by misuse */
        int err = pthread_create(&l->thread, NULL, commit_loop, l);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (err != 0) {
                free(l);
                return fault_errno(FAULT_UNAVAILABLE, "STORE", err, "start the ledger's thread");
        }
        (void) pthread_setname_np(l->thread, "ledger"); /* for debuggers alone */
        *ret = l;
        return NULL;
}

void ledger_close(struct ledger *l)
{
        if (l == NULL)
                return;
        pthread_mutex_lock(&l->mu);
        l->stopping = true;
        pthread_cond_broadcast(&l->queued);
        pthread_mutex_unlock(&l->mu);
        (void) pthread_join(l->thread, NULL); /* fails only by misuse */
        pthread_cond_destroy(&l->queued);
        pthread_mutex_destroy(&l->mu);
        free(l);
}
