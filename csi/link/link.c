#include "csi/link/link.h"

#include <stdio.h>

#include "csi/link/answer.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/wire/pbcheck.h"
#include "proto/attester.pb-c.h"

#define CALLS_MAX   4096
#define CALL_ID_LEN 24

typedef Vouchsafe__Attester__V1__Call call_t;
typedef Vouchsafe__Attester__V1__Answer answer_t;

struct pending {
        pthread_cond_t cond;
        answer_t *answer; /* owned; guarded by the link's mu, as all below */
        bool lost, cancelled;
        struct link *link;
};
struct link {
        struct frames_client *client;
        pthread_mutex_t mu;
        pthread_cond_t up_changed;
        bool up, stopping; /* guarded by mu */
        uint64_t last_id;  /* guarded by mu */
        struct map *calls; /* id as text -> struct pending, borrowed from the callers' stacks; guarded by mu */
        unsigned callers;  /* threads inside exchange(); guarded by mu */
        pthread_cond_t no_callers;
};

static void answer_free(answer_t *a)
{
        if (a == NULL)
                return;
        if (a->body_case == VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED) {
                for (size_t i = 0; i < a->acquired->n_credentials; i++) {
                        const Vouchsafe__Attester__V1__Credential *c = a->acquired->credentials[i];
                        wipe(c->private_key_pem.data, c->private_key_pem.len);
                        wipe(c->private_key_jwk.data, c->private_key_jwk.len);
                }
        }
        protobuf_c_message_free_unpacked(&a->base, NULL);
}

static void id_text(uint64_t id, char ret[CALL_ID_LEN])
{
        (void) snprintf(ret, CALL_ID_LEN, "%llu", (unsigned long long) id);
}

/* ---- events of the connection, on its reading thread ---- */

static void on_open(void *self, struct frames_conn *c UNUSED)
{
        struct link *l = self;
        pthread_mutex_lock(&l->mu);
        l->up = true;
        pthread_cond_broadcast(&l->up_changed);
        pthread_mutex_unlock(&l->mu);
        log_info("attester_connected");
}

/* Under mu. */
static void lose_all(struct link *l)
{
        const char *id;
        void *value;
        for (size_t at = 0; map_next(l->calls, &at, &id, &value);) {
                struct pending *p = value;
                p->lost = true;
                pthread_cond_signal(&p->cond);
        }
}

/* An answer without an owner is everybody's: better that all ask again than that one waits in vain until its deadline. */
static void on_stray(struct link *l, const char *what, const struct fault *why)
{
        log_error(what, KV("problem", why));
        pthread_mutex_lock(&l->mu);
        lose_all(l);
        pthread_mutex_unlock(&l->mu);
}

static void on_frame(void *self, struct frames_conn *c UNUSED, struct span frame)
{
        struct link *l = self;
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *bad = pb_unpack(&vouchsafe__attester__v1__answer__descriptor, frame, &PBCHECK_LIMITS, &message);
        if (bad != NULL) {
                on_stray(l, "attester_answer_unreadable", bad);
                return;
        }
        answer_t *answer = (answer_t *) message;
        if (answer->id == 0) { /* it could not read one of our calls, and can't say which */
                AUTO(fault) struct fault *unread = answer->problem != NULL ? answer_to_fault(answer->problem) : NULL;
                on_stray(l, "attester_call_unreadable", unread);
        }
        char id[CALL_ID_LEN];
        id_text(answer->id, id);

        pthread_mutex_lock(&l->mu);
        struct pending *p = map_remove(l->calls, id);
        if (p != NULL) {
                p->answer = TAKE(answer);
                pthread_cond_signal(&p->cond);
        }
        pthread_mutex_unlock(&l->mu);
        answer_free(answer); /* of a call that nobody waits for any more */
}

static void on_close(void *self, struct frames_conn *c UNUSED, struct fault *why)
{
        struct link *l = self;
        pthread_mutex_lock(&l->mu);
        l->up = false;
        lose_all(l);
        bool stopping = l->stopping;
        pthread_mutex_unlock(&l->mu);
        if (!stopping)
                log_warn("attester_lost", KV("problem", why));
}

/* ---- one call ---- */

static void wake_pending(void *arg)
{
        struct pending *p = arg;
        pthread_mutex_lock(&p->link->mu);
        p->cancelled = true;
        pthread_cond_signal(&p->cond);
        pthread_cond_broadcast(&p->link->up_changed);
        pthread_mutex_unlock(&p->link->mu);
}

static struct fault *gone(void)
{
        return fault(FAULT_UNAVAILABLE, "ATTESTER_GONE",
                     "the attester on this node does not answer: is its container running?");
}

static struct fault *send_call(struct link *l, const call_t *call)
{
        AUTO(buf) struct buf frame = BUF(FRAME_MAX);
        struct fault *failed = pb_pack(&call->base, &frame);
        if (failed == NULL)
                failed = frames_client_send(l->client, buf_span(&frame));
        buf_wipe(&frame); /* it may hold a token */
        return failed;
}

/* Under mu: until connected, stopped or given up. */
static struct fault *wait_until_up(struct link *l, struct pending *p, struct cancel *cancel)
{
        while (!l->up && !l->stopping && !p->cancelled) {
                AUTO(fault) struct fault *given_up = cancel_wait(cancel, &l->up_changed, &l->mu);
                if (given_up != NULL)
                        break;
        }
        return l->up && !l->stopping && !p->cancelled ? NULL : gone();
}

/* Under mu: until the answer is here, the connection is lost, or given up. */
static struct fault *wait_for_answer(struct link *l, struct pending *p, struct cancel *cancel)
{
        while (p->answer == NULL && !p->lost && !p->cancelled && !l->stopping)
                TRY_AS(cancel_wait(cancel, &p->cond, &l->mu), "wait for the attester");
        if (p->answer != NULL)
                return NULL;
        if (p->cancelled)
                TRY(cancel_check(cancel));
        return gone();
}

static void tell_cancelled(struct link *l, uint64_t id)
{
        Vouchsafe__Attester__V1__Cancel body = VOUCHSAFE__ATTESTER__V1__CANCEL__INIT;
        body.call = id;
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_CANCEL;
        call.cancel = &body;
        fault_free(send_call(l, &call)); /* a courtesy: a lost connection cancels as well */
}

static struct fault *exchange_locked(struct link *l, struct pending *p, call_t *call, struct cancel *cancel)
{
        TRY(wait_until_up(l, p, cancel));
        TRY(cancel_check(cancel));
        call->id = ++l->last_id;
        call->deadline_ms = cancel_left_ms(cancel, INT32_MAX); /* what waiting has left of it */
        char id[CALL_ID_LEN];
        id_text(call->id, id);
        TRY(map_put(l->calls, id, p, NULL));

        pthread_mutex_unlock(&l->mu);
        struct fault *failed = send_call(l, call);
        pthread_mutex_lock(&l->mu);

        bool was_sent = failed == NULL;
        if (was_sent)
                failed = wait_for_answer(l, p, cancel);
        map_remove(l->calls, id);
        if (was_sent && p->answer == NULL) { /* also one that is lost: it may have gone out over the next connection */
                pthread_mutex_unlock(&l->mu);
                tell_cancelled(l, call->id);
                pthread_mutex_lock(&l->mu);
        }
        return failed;
}

static struct fault *exchange(struct link *l, call_t *call, struct cancel *cancel, answer_t **ret_answer)
{
        struct pending p = {.link = l};
        cond_init_boot(&p.cond);
        cancel_set_wake(cancel, wake_pending, &p);

        pthread_mutex_lock(&l->mu);
        l->callers++;
        struct fault *failed = exchange_locked(l, &p, call, cancel);
        pthread_mutex_unlock(&l->mu);
        cancel_set_wake(cancel, NULL, NULL);
        pthread_mutex_lock(&l->mu);
        l->callers--;
        pthread_cond_signal(&l->no_callers);
        pthread_mutex_unlock(&l->mu);
        pthread_cond_destroy(&p.cond);

        if (failed == NULL && p.answer->problem != NULL)
                failed = answer_to_fault(p.answer->problem);
        if (failed != NULL) {
                answer_free(p.answer);
                return failed;
        }
        *ret_answer = p.answer;
        return NULL;
}

/* ---- the acquirer ---- */

static struct fault *acquire(void *self, const struct acquire_order *order, struct cancel *cancel, struct acquired *ret)
{
        Vouchsafe__Attester__V1__PodInfo pod = VOUCHSAFE__ATTESTER__V1__POD_INFO__INIT;
        pod.namespace_ = (char *) order->pod_namespace; /* protobuf-c only reads what it packs */
        pod.name = (char *) order->pod_name;
        pod.uid = (char *) order->pod_uid;
        pod.service_account = (char *) order->service_account;
        Vouchsafe__Attester__V1__Acquire body = VOUCHSAFE__ATTESTER__V1__ACQUIRE__INIT;
        body.volume = (char *) order->volume;
        body.profile = (char *) order->profile;
        body.pod = &pod;
        body.renewal = order->renewal;
        if (order->token != NULL) {
                struct span token = secret_span(order->token);
                body.token = (ProtobufCBinaryData){token.len, (uint8_t *) token.data};
        }
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE;
        call.acquire = &body;

        answer_t *answer = NULL;
        TRY(exchange(self, &call, cancel, &answer));
        struct fault *bad = answer->body_case == VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_ACQUIRED
                                    ? answer_to_acquired(answer->acquired, ret)
                                    : fault(FAULT_INTERNAL, "ATTESTER_ANSWER", "the attester answered something else");
        answer_free(answer);
        return bad;
}

static struct fault *watch(void *self, uint64_t known, struct cancel *cancel, struct trust_bundle *ret)
{
        Vouchsafe__Attester__V1__WatchBundle body = VOUCHSAFE__ATTESTER__V1__WATCH_BUNDLE__INIT;
        body.sequence = known;
        call_t call = VOUCHSAFE__ATTESTER__V1__CALL__INIT;
        call.body_case = VOUCHSAFE__ATTESTER__V1__CALL__BODY_WATCH_BUNDLE;
        call.watch_bundle = &body;

        answer_t *answer = NULL;
        TRY(exchange(self, &call, cancel, &answer));
        struct fault *bad = answer->body_case == VOUCHSAFE__ATTESTER__V1__ANSWER__BODY_BUNDLE
                                    ? answer_to_bundle(answer->bundle, ret)
                                    : fault(FAULT_INTERNAL, "ATTESTER_ANSWER", "the attester answered something else");
        answer_free(answer);
        return bad;
}

struct acquirer link_acquirer(struct link *l)
{
        return (struct acquirer){.acquire = acquire, .watch = watch, .self = l};
}

/* ---- life ---- */

static void destroy(struct link *l)
{
        map_free(l->calls);
        pthread_cond_destroy(&l->up_changed);
        pthread_cond_destroy(&l->no_callers);
        pthread_mutex_destroy(&l->mu);
        free(l);
}

struct fault *link_start(const char *socket_path, uid_t attester_uid, struct link **ret)
{
        struct link *l = NEW(struct link);
        pthread_mutex_init(&l->mu, NULL);
        cond_init_boot(&l->up_changed);
        cond_init_boot(&l->no_callers);
        l->calls = map_new(CALLS_MAX);
        const struct frames_events events = {on_open, on_frame, on_close, l};
        struct fault *failed = frames_client_start(socket_path, attester_uid, &events, &l->client);
        if (failed != NULL) {
                destroy(l);
                return failed;
        }
        *ret = l;
        return NULL;
}

bool link_is_up(struct link *l)
{
        pthread_mutex_lock(&l->mu);
        bool up = l->up;
        pthread_mutex_unlock(&l->mu);
        return up;
}

void link_stop(struct link *l)
{
        if (l == NULL)
                return;
        pthread_mutex_lock(&l->mu);
        l->stopping = true;
        pthread_cond_broadcast(&l->up_changed);
        const char *id;
        void *value;
        for (size_t at = 0; map_next(l->calls, &at, &id, &value);)
                pthread_cond_signal(&((struct pending *) value)->cond);
        while (l->callers > 0)
                pthread_cond_wait(&l->no_callers, &l->mu);
        pthread_mutex_unlock(&l->mu);
        frames_client_stop(l->client);
        destroy(l);
}
