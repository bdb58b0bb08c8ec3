#include "tests/fakes/acquirer.h"

#include <stdio.h>

static void wake(void *arg)
{
        struct fake_acquirer *a = arg;
        pthread_mutex_lock(&a->mu);
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->mu);
}

static struct buf buf_of(const char *text, size_t padding)
{
        struct buf b = BUF(1 << 20);
        fault_free(buf_append_str(&b, text)); /* fits */
        for (size_t i = 0; i < padding; i++)
                fault_free(buf_append_byte(&b, 'x'));
        fault_free(buf_append_byte(&b, '\n'));
        return b;
}

static struct trust_bundle bundle_of(uint64_t sequence)
{
        char roots[64], json[64];
        (void) snprintf(roots, sizeof(roots), "roots %llu", (unsigned long long) sequence);
        (void) snprintf(json, sizeof(json), "{\"spiffe_sequence\":%llu}", (unsigned long long) sequence);
        return (struct trust_bundle){sequence, buf_of(roots, 0), buf_of(json, 0), 60};
}

static void credential_of(const struct fake_acquirer *a, size_t index, struct acquired_credential *c)
{
        int64_t now = wall_unix_s(clock_wall(a->clock));
        AUTO_STRING char *key = alloc_printf("key %u.%zu\n", a->calls, index);
        AUTO_STRING char *chain = alloc_printf("chain %u.%zu", a->calls, index);
        *c = (struct acquired_credential){
                .slot = alloc_printf("slot%zu", index),
                .type = alloc_string(a->types[index]),
                .identity = alloc_printf("spiffe://test/%zu", index),
                .serial = alloc_printf("%08x", a->calls),
                .record = alloc_printf("record-%u", a->calls),
                .private_key_pem = a->broken_key ? NULL : secret_copy(span_str(key)),
                .not_before_unix_s = now - 30,
                .issued_unix_s = now,
                .not_after_unix_s = now + a->life_s,
        };
        if (strcmp(a->types[index], "x509") == 0)
                c->chain_pem = buf_of(chain, a->padding);
        if (strcmp(a->types[index], "wit") == 0) {
                c->token = alloc_printf("token.%u.%zu", a->calls, index);
                c->private_key_jwk = secret_copy(SPAN("{}"));
        }
}

/* With mu held. */
static struct fault *wait_while_held(struct fake_acquirer *a, struct cancel *cancel)
{
        struct fault *f = cancel_check(cancel);
        a->waiting++;
        pthread_cond_broadcast(&a->changed);
        while (a->hold && a->deaf)
                pthread_cond_wait(&a->changed, &a->mu);
        while (a->hold && f == NULL)
                f = cancel_wait(cancel, &a->changed, &a->mu);
        a->waiting--;
        a->cancelled += f != NULL;
        return f;
}

static struct fault *answer(struct fake_acquirer *a, const struct acquire_order *order, struct cancel *cancel,
                            struct acquired *ret)
{
        a->calls++;
        a->renewals += order->renewal;
        struct span token = order->token == NULL ? SPAN("") : secret_span(order->token);
        (void) snprintf(a->last_token, sizeof(a->last_token), "%.*s", (int) token.len, (const char *) token.data);
        TRY(wait_while_held(a, cancel));
        if (a->fail_code != 0) {
                struct fault *f = fault(a->fail_code, a->fail_token, "as the test wants it");
                fault_set_retry_after_ms(f, a->retry_after_ms);
                return f;
        }
        *ret = (struct acquired){.count = a->count, .bundle = bundle_of(a->bundle)};
        for (size_t i = 0; i < a->count; i++)
                credential_of(a, i, &ret->credentials[i]);
        ret->evidence_kind = alloc_string("tpm");
        ret->policy = alloc_string("sha256:00");
        return NULL;
}

static struct fault *acquire(void *self, const struct acquire_order *order, struct cancel *cancel, struct acquired *ret)
{
        struct fake_acquirer *a = self;
        if (cancel != NULL)
                cancel_set_wake(cancel, wake, a);
        pthread_mutex_lock(&a->mu);
        struct fault *f = answer(a, order, cancel, ret);
        pthread_mutex_unlock(&a->mu);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        return f;
}

static struct fault *watch(void *self, uint64_t known, struct cancel *cancel, struct trust_bundle *ret)
{
        struct fake_acquirer *a = self;
        struct fault *f = NULL;
        cancel_set_wake(cancel, wake, a);
        pthread_mutex_lock(&a->mu);
        if (a->bundle == known)
                a->watches++;
        pthread_cond_broadcast(&a->changed);
        while (a->bundle == known && f == NULL)
                f = cancel_wait(cancel, &a->changed, &a->mu);
        if (f == NULL)
                *ret = bundle_of(a->bundle);
        pthread_mutex_unlock(&a->mu);
        cancel_set_wake(cancel, NULL, NULL);
        return f;
}

void fake_acquirer_init(struct fake_acquirer *a, const struct clock *clock, int64_t life_s)
{
        *a = (struct fake_acquirer){.acquirer = {acquire, watch, a},
                                    .clock = clock,
                                    .life_s = life_s,
                                    .types = {"x509"},
                                    .count = 1,
                                    .bundle = 1};
        if (pthread_mutex_init(&a->mu, NULL) != 0)
                abort();
        cond_init_boot(&a->changed);
}

void fake_acquirer_clear(struct fake_acquirer *a)
{
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->mu);
}

void fake_acquirer_fail(struct fake_acquirer *a, enum fault_code code, const char *token, int64_t retry_after_ms)
{
        pthread_mutex_lock(&a->mu);
        a->fail_code = code;
        a->fail_token = token;
        a->retry_after_ms = retry_after_ms;
        pthread_mutex_unlock(&a->mu);
}

void fake_acquirer_succeed(struct fake_acquirer *a)
{
        fake_acquirer_fail(a, 0, NULL, 0);
}

void fake_acquirer_hold(struct fake_acquirer *a, bool hold)
{
        pthread_mutex_lock(&a->mu);
        a->hold = hold;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->mu);
}

void fake_acquirer_wait_waiting(struct fake_acquirer *a, unsigned count)
{
        pthread_mutex_lock(&a->mu);
        while (a->waiting < count)
                pthread_cond_wait(&a->changed, &a->mu);
        pthread_mutex_unlock(&a->mu);
}

void fake_acquirer_set_bundle(struct fake_acquirer *a, uint64_t sequence)
{
        pthread_mutex_lock(&a->mu);
        a->bundle = sequence;
        a->watches = 0;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->mu);
}

void fake_acquirer_wait_watched(struct fake_acquirer *a)
{
        pthread_mutex_lock(&a->mu);
        while (a->watches == 0)
                pthread_cond_wait(&a->changed, &a->mu);
        pthread_mutex_unlock(&a->mu);
}

unsigned fake_acquirer_calls(struct fake_acquirer *a)
{
        pthread_mutex_lock(&a->mu);
        unsigned calls = a->calls;
        pthread_mutex_unlock(&a->mu);
        return calls;
}

unsigned fake_acquirer_renewals(struct fake_acquirer *a)
{
        pthread_mutex_lock(&a->mu);
        unsigned renewals = a->renewals;
        pthread_mutex_unlock(&a->mu);
        return renewals;
}
