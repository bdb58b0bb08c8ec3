#include "attester/batch.h"

#include <stdio.h>

#include "attester/enrol.h"
#include "attester/queue.h"
#include "lib/base/log.h"

#define ATTEMPTS_MAX 5
#define HOLD_MAX_MS  30000 /* longer than this no issuer may keep us away */

static struct metric quotes_total = {
        .name = "vouchsafe_attester_quotes_total", .help = "quotes made", .kind = METRIC_COUNTER};
static const char *const outcomes[] = {"ok", "failed", NULL};
static struct metric orders_total = {.name = "vouchsafe_attester_orders_total",
                                     .help = "acquisitions by outcome",
                                     .kind = METRIC_COUNTER,
                                     .label = "outcome",
                                     .values = outcomes};
static struct metric waiting = {
        .name = "vouchsafe_attester_waiting", .help = "acquisitions that wait", .kind = METRIC_GAUGE};
static struct metric problem = {.name = "vouchsafe_attester_problem",
                                .help = "1 while the last attempt as a whole has failed",
                                .kind = METRIC_GAUGE};

struct batch {
        struct batch_options o;
        pthread_t worker;
        struct cert_cache *certs;     /* the worker's */
        const struct mechanism *last; /* that was tried; the worker's */
        pthread_mutex_t mu;
        pthread_cond_t cond;
        bool stopping; /* guarded by mu, as all below */
        struct order_queue queue;
        struct cancel *attempt; /* what stop trips */
        struct batch_status status;
        struct boot hold_until; /* the issuer asked to be left alone */
};

/* ---- outcomes ---- */

static void answer(void *arg UNUSED, struct order **o, const struct fault *failed, const struct delivery *delivery)
{
        metric_add(&orders_total, failed == NULL ? 0 : 1, 1);
        (*o)->done(*o, failed, delivery);
        order_free(TAKE(*o));
}

static void fail_left(struct batch *b, struct order **orders, size_t count, const struct fault *failed)
{
        for (size_t i = 0; i < count; i++) {
                if (orders[i] != NULL)
                        answer(b, &orders[i], failed, NULL);
        }
}

static void note_attempt(struct batch *b, const struct fault *failed)
{
        int64_t wait_ms = failed != NULL ? fault_retry_after_ms(failed) : 0;
        pthread_mutex_lock(&b->mu);
        if (wait_ms > 0)
                b->hold_until.ms = clock_boot(b->o.clock).ms + (wait_ms < HOLD_MAX_MS ? wait_ms : HOLD_MAX_MS);
        b->status.has_problem = failed != NULL;
        if (failed != NULL) {
                b->status.problem_code = (int) fault_code(failed);
                (void) snprintf(b->status.problem_token, sizeof b->status.problem_token, "%s", fault_token(failed));
                (void) snprintf(b->status.problem_text, sizeof b->status.problem_text, "%s", fault_text(failed));
        }
        pthread_mutex_unlock(&b->mu);
}

static void count_quote(void *arg UNUSED)
{
        metric_add(&quotes_total, 0, 1);
}

/* ---- attempts ---- */

enum remedy { REMEDY_NONE, REMEDY_AGAIN, REMEDY_FORGET, REMEDY_ENROL };

/* What makes another attempt at once worth while. */
static enum remedy remedy_for(const struct fault *failed)
{
        const char *token = fault_token(failed);
        if (strcmp(token, "CONNECTION_CHANGED") == 0 || strncmp(token, "nonce.", 6) == 0 ||
            strncmp(token, "binding.", 8) == 0)
                return REMEDY_AGAIN;
        if (strcmp(token, "stale_policy") == 0)
                return REMEDY_FORGET;
        if (strcmp(token, "tpm.ak_unknown") == 0 || strcmp(token, "ek.root") == 0 || strcmp(token, "tee.wiped") == 0)
                return REMEDY_ENROL;
        return REMEDY_NONE;
}

static struct fault *enrol_now(struct batch *b, struct cancel *cancel)
{
        bool is_verifiers = b->last == &mechanism_passport; /* who does not know the key */
        count_quote(NULL);
        if (is_verifiers)
                return enrol(b->o.verifier, &b->o.source, b->o.verifier_node_token_file, cancel);
        return enrol(b->o.issuer, &b->o.source, b->o.node_token_file, cancel);
}

/* Orders of one mechanism move to `ret`; the others stay where they are. */
static size_t pick(struct order **orders, size_t count, const struct mechanism *m, struct issuer *issuer,
                   struct order *ret[REQUEST_PODS_MAX])
{
        size_t picked = 0, credentials = 0;
        for (size_t i = 0; i < count; i++) {
                if (orders[i] == NULL)
                        continue;
                const struct profile_shape *profile = issuer_profile(issuer, orders[i]->profile);
                if (profile == NULL || mechanism_find(profile->mechanism) != m ||
                    credentials + profile->slot_count > REQUEST_CREDENTIALS_MAX)
                        continue;
                credentials += profile->slot_count;
                ret[picked++] = TAKE(orders[i]);
        }
        return picked;
}

/* Orders that can't be served under the challenge in hand, refused one by one. NULL when some order is left: its mechanism. */
static const struct mechanism *next_mechanism(struct batch *b, struct order **orders, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (orders[i] == NULL)
                        continue;
                const struct profile_shape *profile = issuer_profile(b->o.issuer, orders[i]->profile);
                const struct mechanism *m = profile != NULL ? mechanism_find(profile->mechanism) : NULL;
                if (m == &mechanism_passport && b->o.verifier == NULL)
                        m = NULL;
                if (m != NULL)
                        return m;
                AUTO(fault)
                struct fault *refused =
                        profile == NULL ? fault(FAULT_DENIED, "policy.no_profile",
                                                "the issuer's policy has no profile \"%s\": ask the cluster admin, or "
                                                "choose another",
                                                orders[i]->profile)
                                        : fault(FAULT_UNIMPLEMENTED, "profile.mechanism",
                                                "profile %s wants mechanism %s, which this attester does not have",
                                                orders[i]->profile, profile->mechanism);
                answer(b, &orders[i], refused, NULL);
        }
        return NULL;
}

static struct fault *attempt(struct batch *b, struct order **orders, size_t count, struct cancel *cancel)
{
        TRY(issuer_prepare(b->o.issuer, cancel));
        const struct acquisition a = {
                .issuer = b->o.issuer,
                .verifier = b->o.verifier,
                .source = &b->o.source,
                .bundles = b->o.bundles,
                .certs = b->certs,
                .node_token_file = b->o.node_token_file,
                .clock = b->o.clock,
                .quoted = count_quote,
                .answer = answer,
                .arg = b,
        };
        for (;;) {
                const struct mechanism *m = next_mechanism(b, orders, count);
                if (m == NULL)
                        return NULL;
                TRY(issuer_prepare(b->o.issuer, cancel));
                b->last = m;
                struct order *picked[REQUEST_PODS_MAX];
                size_t picked_count = pick(orders, count, m, b->o.issuer, picked);
                struct fault *failed = m->acquire(&a, picked, picked_count, cancel);
                /* those without an answer go back, for another attempt or the common refusal */
                for (size_t i = 0, at = 0; i < picked_count; i++) {
                        if (picked[i] == NULL)
                                continue;
                        while (orders[at] != NULL)
                                at++;
                        orders[at] = picked[i];
                }
                TRY(failed);
        }
}

static struct fault *apply_remedy(struct batch *b, enum remedy remedy, struct cancel *cancel)
{
        if (remedy == REMEDY_FORGET)
                issuer_forget(b->o.issuer);
        if (remedy == REMEDY_ENROL)
                return enrol_now(b, cancel);
        return NULL;
}

static struct fault *attempts(struct batch *b, struct order **orders, size_t count, struct cancel *cancel)
{
        struct fault *failed = NULL;
        bool was_enrolled = false;
        for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
                fault_free(failed);
                failed = attempt(b, orders, count, cancel);
                if (failed == NULL)
                        return NULL;
                enum remedy remedy = remedy_for(failed);
                if (remedy == REMEDY_NONE || (remedy == REMEDY_ENROL && was_enrolled))
                        return failed;
                was_enrolled = was_enrolled || remedy == REMEDY_ENROL;
                log_debug("attempt_repeated", KV("problem", failed));
                struct fault *not_remedied = apply_remedy(b, remedy, cancel);
                bool is_worth_it = not_remedied == NULL || remedy_for(not_remedied) == REMEDY_AGAIN;
                if (!is_worth_it) {
                        fault_free(failed);
                        return not_remedied;
                }
                was_enrolled = was_enrolled && not_remedied == NULL;
                fault_free(not_remedied);
        }
        return failed;
}

/* Nobody waits for these any more. Returns how many are left. */
static size_t drop_cancelled(struct batch *b, struct order **orders, size_t count)
{
        struct boot now = clock_boot(b->o.clock);
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
                if (!atomic_load(&orders[i]->cancelled) && orders[i]->deadline.ms > now.ms) {
                        left++;
                        continue;
                }
                AUTO(fault) struct fault *late = fault(FAULT_DEADLINE, "DEADLINE", "waited too long for a quote");
                answer(b, &orders[i], late, NULL);
        }
        return left;
}

static void serve(struct batch *b, struct order **orders, size_t count)
{
        if (drop_cancelled(b, orders, count) == 0)
                return;
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, b->o.clock, (struct boot){clock_boot(b->o.clock).ms + b->o.attempt_timeout_ms});
        pthread_mutex_lock(&b->mu);
        b->attempt = &cancel;
        if (b->stopping)
                cancel_trip(&cancel);
        pthread_mutex_unlock(&b->mu);

        AUTO(fault) struct fault *failed = attempts(b, orders, count, &cancel);
        note_attempt(b, failed);
        if (failed != NULL) {
                log_warn("acquisition_failed", KV("problem", failed), KV("orders", count));
                fail_left(b, orders, count, failed);
        }

        pthread_mutex_lock(&b->mu);
        b->attempt = NULL;
        pthread_mutex_unlock(&b->mu);
}

/* Under mu. Until there is work, and the issuer wants to hear of it. */
static void wait_for_work(struct batch *b)
{
        AUTO(cancel) struct cancel hold;
        cancel_init(&hold, b->o.clock, b->hold_until);
        bool is_over = false;
        while (!b->stopping && (b->queue.count == 0 || !is_over)) {
                if (is_over) {
                        pthread_cond_wait(&b->cond, &b->mu);
                        continue;
                }
                AUTO(fault) struct fault *over = cancel_wait(&hold, &b->cond, &b->mu);
                is_over = over != NULL;
        }
}

static void *work(void *arg)
{
        struct batch *b = arg;
        for (;;) {
                struct order *orders[REQUEST_PODS_MAX] = {NULL};
                pthread_mutex_lock(&b->mu);
                wait_for_work(b);
                size_t count = b->stopping ? 0 : order_queue_take(&b->queue, orders);
                pthread_mutex_unlock(&b->mu);
                if (count == 0)
                        return NULL;
                serve(b, orders, count);
        }
}

/* ---- life ---- */

struct fault *batch_start(const struct batch_options *o, struct batch **ret)
{
        struct batch *b = NEW(struct batch);
        b->o = *o;
        b->certs = cert_cache_new();
        pthread_mutex_init(&b->mu, NULL);
        cond_init_boot(&b->cond);
        order_queue_init(&b->queue);
        if (pthread_create(&b->worker, NULL, work, b) != 0) {
                o->source.close(o->source.self);
                issuer_free(o->issuer);
                issuer_free(o->verifier);
                cert_cache_free(b->certs);
                free(b);
                return fault(FAULT_INTERNAL, "THREAD", "start the batch thread");
        }
        *ret = b;
        return NULL;
}

void batch_submit(struct batch *b, struct order *o)
{
        pthread_mutex_lock(&b->mu);
        bool is_refused = b->stopping || b->queue.count >= b->o.queue_max;
        int64_t held_ms = b->hold_until.ms - clock_boot(b->o.clock).ms;
        bool is_held = !is_refused && held_ms > 0 && o->deadline.ms < b->hold_until.ms;
        if (!is_refused && !is_held) {
                order_queue_put(&b->queue, o);
                pthread_cond_signal(&b->cond);
        }
        pthread_mutex_unlock(&b->mu);
        if (!is_refused && !is_held)
                return;
        AUTO(fault)
        struct fault *full =
                is_held ? fault(FAULT_UNAVAILABLE, "ISSUER_BUSY", "the issuer asked for %lld ms of peace",
                                (long long) held_ms)
                        : fault(FAULT_EXHAUSTED, "QUEUE_FULL", "%zu acquisitions are waiting already", b->o.queue_max);
        if (is_held)
                fault_set_retry_after_ms(full, held_ms);
        answer(b, &o, full, NULL);
}

void batch_status(struct batch *b, struct batch_status *ret)
{
        pthread_mutex_lock(&b->mu);
        *ret = b->status;
        ret->waiting = b->queue.count;
        pthread_mutex_unlock(&b->mu);
        ret->quotes = (uint64_t) metric_get(&quotes_total, 0);
        ret->acquired = (uint64_t) metric_get(&orders_total, 0);
}

struct metric *const *batch_metrics(struct batch *b, size_t *ret_count)
{
        static struct metric *const rows[] = {&quotes_total, &orders_total, &waiting, &problem};
        struct batch_status now;
        batch_status(b, &now);
        metric_set(&waiting, 0, (int64_t) now.waiting);
        metric_set(&problem, 0, now.has_problem);
        *ret_count = COUNT_OF(rows);
        return rows;
}

void batch_stop(struct batch *b)
{
        if (b == NULL)
                return;
        pthread_mutex_lock(&b->mu);
        b->stopping = true;
        if (b->attempt != NULL)
                cancel_trip(b->attempt);
        pthread_cond_broadcast(&b->cond);
        pthread_mutex_unlock(&b->mu);
        pthread_join(b->worker, NULL);

        AUTO(fault) struct fault *stopping = fault(FAULT_UNAVAILABLE, "STOPPING", "the attester is stopping");
        struct order *orders[REQUEST_PODS_MAX];
        for (size_t count = order_queue_take(&b->queue, orders); count > 0; count = order_queue_take(&b->queue, orders))
                fail_left(b, orders, count, stopping);
        b->o.source.close(b->o.source.self);
        issuer_free(b->o.verifier);
        issuer_free(b->o.issuer);
        cert_cache_free(b->certs);
        pthread_cond_destroy(&b->cond);
        pthread_mutex_destroy(&b->mu);
        free(b);
}
