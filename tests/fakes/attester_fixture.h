/* attester_fixture: a batch and a bundle cache between an issuer_server and an evidence source of bytes; orders whose answers can be waited for. */
#pragma once

#include <stdio.h>

#include "attester/batch.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/issuer_server.h"

#define FIXTURE_QUEUE_MAX  16
#define FIXTURE_TIMEOUT_MS 20000

/* ---- evidence ---- */

struct fake_source {
        pthread_mutex_t mu;
        /* guarded by mu */
        unsigned collected;
        enum fault_code fail_code; /* 0: succeed */
        const char *fail_token;
        bool fails_until_enrolled;
};

static inline struct fault *source_collect(void *self, const struct binding *binding, struct cancel *cancel,
                                           struct cmw *ret)
{
        struct fake_source *s = self;
        TRY(cancel_check(cancel));
        assert_true(binding->nonce.len > 0);
        pthread_mutex_lock(&s->mu);
        struct fault *f = s->fail_code != 0 ? fault(s->fail_code, s->fail_token, "as the test wants it") : NULL;
        s->collected += f == NULL;
        pthread_mutex_unlock(&s->mu);
        TRY(f);
        *ret = (struct cmw){.count = 1,
                            .items = {{.type = CMW_SOFTWARE, .value = BUF(16), .indicator = CMW_IND_EVIDENCE}}};
        return buf_append_str(&ret->items[0].value, "{}");
}

static inline struct fault *source_enrolment(void *self, struct cancel *cancel UNUSED, struct enrolment_material *ret)
{
        struct fake_source *s = self;
        pthread_mutex_lock(&s->mu);
        if (s->fails_until_enrolled)
                s->fail_code = 0;
        pthread_mutex_unlock(&s->mu);
        ret->ek_public = BUF(16);
        ret->ak_public = BUF(16);
        TRY(buf_append_str(&ret->ek_public, "ek"));
        return buf_append_str(&ret->ak_public, "ak");
}

static inline struct fault *source_activate(void *self UNUSED, struct span blob UNUSED, struct span secret UNUSED,
                                            struct cancel *cancel UNUSED, struct secret **ret)
{
        *ret = secret_copy(SPAN("opened"));
        return NULL;
}

static inline void source_close(void *self UNUSED)
{
}

static inline void source_fail(struct fake_source *s, enum fault_code code, const char *token, bool until_enrolled)
{
        pthread_mutex_lock(&s->mu);
        s->fail_code = code;
        s->fail_token = token;
        s->fails_until_enrolled = until_enrolled;
        pthread_mutex_unlock(&s->mu);
}

static inline unsigned source_count(struct fake_source *s)
{
        pthread_mutex_lock(&s->mu);
        unsigned n = s->collected;
        pthread_mutex_unlock(&s->mu);
        return n;
}

/* ---- everything together ---- */

struct fixture {
        struct issuer_server issuer;
        struct fake_source source;
        struct bundle_cache *bundles;
        struct batch *batch;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        uint64_t seen_bundle; /* guarded by mu: what the cache told its listener */
        void (*bundle_changed)(
                void *arg, uint64_t sequence); /* passed on; NULL: none. Set before fixture_start's threads need it */
        void *bundle_changed_arg;
};

static inline struct issuer *fixture_issuer(struct fixture *f)
{
        struct issuer *i = NULL;
        const struct issuer_options options = {
                .url = f->issuer.url, .audience = ISSUER_SERVER_AUDIENCE, .pin = f->issuer.pin, .clock = &clock_system};
        expect_ok(issuer_new(&options, &i));
        return i;
}

static inline void fixture_bundle_changed(void *arg, uint64_t sequence)
{
        struct fixture *f = arg;
        pthread_mutex_lock(&f->mu);
        f->seen_bundle = sequence;
        void (*next)(void *arg, uint64_t sequence) = f->bundle_changed;
        void *next_arg = f->bundle_changed_arg;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->mu);
        if (next != NULL)
                next(next_arg, sequence);
}

static inline void fixture_start_batch(struct fixture *f, int64_t attempt_timeout_ms)
{
        const struct batch_options options = {
                .issuer = fixture_issuer(f),
                .source = {.kind = EVIDENCE_TPM,
                           .needs_enrolment = true,
                           .collect = source_collect,
                           .enrolment = source_enrolment,
                           .activate = source_activate,
                           .close = source_close,
                           .self = &f->source},
                .bundles = f->bundles,
                .clock = &clock_system,
                .queue_max = FIXTURE_QUEUE_MAX,
                .attempt_timeout_ms = attempt_timeout_ms,
        };
        expect_ok(batch_start(&options, &f->batch));
}

/* `f` must not move afterwards. */
static inline void fixture_start(struct fixture *f)
{
        *f = (struct fixture){0};
        pthread_mutex_init(&f->mu, NULL);
        pthread_mutex_init(&f->source.mu, NULL);
        cond_init_boot(&f->changed);
        issuer_server_start(&f->issuer);
        expect_ok(bundle_cache_start(fixture_issuer(f), &clock_system, fixture_bundle_changed, f, &f->bundles));
        fixture_start_batch(f, FIXTURE_TIMEOUT_MS);
}

static inline void fixture_restart_batch(struct fixture *f, int64_t attempt_timeout_ms)
{
        batch_stop(TAKE(f->batch));
        fixture_start_batch(f, attempt_timeout_ms);
}

static inline void fixture_stop(struct fixture *f)
{
        batch_stop(f->batch);
        bundle_cache_stop(f->bundles);
        issuer_server_stop(&f->issuer);
        pthread_cond_destroy(&f->changed);
        pthread_mutex_destroy(&f->mu);
        pthread_mutex_destroy(&f->source.mu);
}

/* ---- orders ---- */

struct wish {
        const char *profile, *pod; /* NULL: "default", "app" */
        int64_t budget_ms;         /* 0: plenty */
        bool is_cancelled;
};
struct result {
        struct fixture *of;
        bool is_here; /* guarded by of->mu, as all below */
        enum fault_code code;
        char token[80];
        size_t count;
};

static inline void result_done(struct order *o, const struct fault *failed, const struct delivery *delivery)
{
        struct result *r = o->context;
        pthread_mutex_lock(&r->of->mu);
        assert_false(r->is_here);
        r->is_here = true;
        if (failed != NULL) {
                r->code = fault_code(failed);
                (void) snprintf(r->token, sizeof r->token, "%s", fault_token(failed));
        } else {
                r->count = delivery->count;
                for (size_t i = 0; i < delivery->count; i++)
                        assert_true(delivery->credentials[i].serial[0] != '\0');
        }
        pthread_cond_broadcast(&r->of->changed);
        pthread_mutex_unlock(&r->of->mu);
}

static inline void ask(struct fixture *f, struct result *r, const char *volume, const struct wish *wish)
{
        const struct wish plain = {0};
        if (wish == NULL)
                wish = &plain;
        *r = (struct result){.of = f};
        struct order *o = NEW(struct order);
        o->volume = alloc_string(volume);
        o->profile = alloc_string(wish->profile != NULL ? wish->profile : "default");
        o->pod_namespace = alloc_string("payroll");
        o->pod_name = alloc_string(wish->pod != NULL ? wish->pod : "app");
        o->pod_uid = alloc_string("uid");
        o->service_account = alloc_string("app");
        int64_t budget_ms = wish->budget_ms != 0 ? wish->budget_ms : FIXTURE_TIMEOUT_MS;
        o->deadline = (struct boot){clock_boot(&clock_system).ms + budget_ms};
        atomic_store(&o->cancelled, wish->is_cancelled);
        o->done = result_done;
        o->context = r;
        batch_submit(f->batch, o);
}

static inline void result_wait(struct result *r)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += FIXTURE_TIMEOUT_MS / 1000 + 1;
        pthread_mutex_lock(&r->of->mu);
        while (!r->is_here)
                if (pthread_cond_timedwait(&r->of->changed, &r->of->mu, &until) != 0)
                        break;
        assert_true(r->is_here);
        pthread_mutex_unlock(&r->of->mu);
}

static inline void expect_delivered(struct result *r, size_t credentials)
{
        result_wait(r);
        assert_string_equal(r->token, "");
        assert_int_equal(r->count, credentials);
}

static inline void expect_refused(struct result *r, enum fault_code code, const char *token)
{
        result_wait(r);
        assert_string_equal(r->token, token);
        assert_int_equal(r->code, code);
}
