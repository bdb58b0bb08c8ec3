#include "attester/server.h"

#include "attester/call.h"
#include "attester/message.h"
#include "lib/base/log.h"
#include "lib/net/frames.h"
#include "lib/wire/pbcheck.h"

#define WATCHES_MAX     16
#define CONNECTIONS_MAX 8

typedef Vouchsafe__Attester__V1__Call call_t;

struct watch {
        struct frames_conn *conn; /* a reference; NULL: free */
        uint64_t call, sequence;
};
/* An order's way back: kept in a list so that a cancel or a lost connection finds it. */
struct waiting {
        struct server *server;
        struct frames_conn *conn; /* a reference */
        struct order *order;
        uint64_t call;
        struct waiting *next;
};
struct server {
        struct server_options o;
        struct frames_server *frames;
        pthread_mutex_t mu;
        struct watch watches[WATCHES_MAX]; /* guarded by mu */
        struct waiting *waiting;           /* guarded by mu */
};

/* ---- acquire ---- */

static void unlist(struct server *s, struct waiting *w)
{
        pthread_mutex_lock(&s->mu);
        struct waiting **at = &s->waiting;
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        pthread_mutex_unlock(&s->mu);
}

static void order_done(struct order *o, const struct fault *failed, const struct delivery *delivery)
{
        struct waiting *w = o->context;
        struct server *s = w->server;
        unlist(s, w);
        if (failed != NULL) {
                message_send_problem(w->conn, w->call, failed);
        } else {
                AUTO(bundle_copy) struct bundle_copy bundle = {0};
                AUTO(fault) struct fault *no_bundle = bundle_cache_get(s->o.bundles, 0, NULL, &bundle);
                if (no_bundle != NULL)
                        message_send_problem(w->conn, w->call, no_bundle);
                else
                        message_send_acquired(w->conn, w->call, delivery, &bundle);
        }
        frames_unref(w->conn);
        free(w);
}

static void take_acquire(struct server *s, struct frames_conn *c, const call_t *call)
{
        struct order *o = NULL;
        AUTO(fault) struct fault *bad = call_to_order(call->acquire, &o);
        if (bad != NULL) {
                message_send_problem(c, call->id, bad);
                return;
        }
        int64_t budget_ms = call->deadline_ms > 0 && call->deadline_ms < s->o.acquire_limit_ms ? call->deadline_ms
                                                                                               : s->o.acquire_limit_ms;
        o->deadline = (struct boot){clock_boot(s->o.clock).ms + budget_ms};
        struct waiting *w = NEW(struct waiting);
        *w = (struct waiting){.server = s, .conn = frames_ref(c), .order = o, .call = call->id};
        o->done = order_done;
        o->context = w;
        pthread_mutex_lock(&s->mu);
        w->next = s->waiting;
        s->waiting = w;
        pthread_mutex_unlock(&s->mu);
        batch_submit(s->o.batch, o);
}

/* `call` 0: every call of the connection. */
static void cancel_orders(struct server *s, struct frames_conn *c, uint64_t call)
{
        pthread_mutex_lock(&s->mu);
        for (struct waiting *w = s->waiting; w != NULL; w = w->next) {
                if (w->conn == c && (call == 0 || w->call == call))
                        atomic_store(&w->order->cancelled, true);
        }
        pthread_mutex_unlock(&s->mu);
}

/* ---- watch ---- */

static void answer_watch(struct server *s, struct frames_conn *c, uint64_t call)
{
        AUTO(bundle_copy) struct bundle_copy bundle = {0};
        AUTO(fault) struct fault *failed = bundle_cache_get(s->o.bundles, 0, NULL, &bundle);
        if (failed != NULL)
                message_send_problem(c, call, failed);
        else
                message_send_bundle(c, call, &bundle);
}

static void take_watch(struct server *s, struct frames_conn *c, const call_t *call)
{
        bool is_kept = false;
        pthread_mutex_lock(&s->mu);
        /* under the lock, so that a change is either seen here or finds the watch */
        uint64_t sequence = bundle_cache_sequence(s->o.bundles);
        bool is_known = sequence == 0 || sequence == call->watch_bundle->sequence;
        for (size_t i = 0; is_known && !is_kept && i < WATCHES_MAX; i++) {
                if (s->watches[i].conn != NULL)
                        continue;
                s->watches[i] = (struct watch){frames_ref(c), call->id, call->watch_bundle->sequence};
                is_kept = true;
        }
        pthread_mutex_unlock(&s->mu);
        if (!is_known) {
                answer_watch(s, c, call->id);
        } else if (!is_kept) {
                AUTO(fault) struct fault *full = fault(FAULT_EXHAUSTED, "WATCHES", "more than %d watches", WATCHES_MAX);
                message_send_problem(c, call->id, full);
        }
}

/* Takes the watches that `fits` out of the table, under the lock; the references move to `ret`. */
static size_t take_watches(struct server *s, const struct frames_conn *of, uint64_t call, uint64_t other_than,
                           struct watch ret[WATCHES_MAX])
{
        size_t count = 0;
        pthread_mutex_lock(&s->mu);
        for (size_t i = 0; i < WATCHES_MAX; i++) {
                struct watch *w = &s->watches[i];
                bool fits = w->conn != NULL && (of == NULL || (w->conn == of && (call == 0 || w->call == call))) &&
                            (of != NULL || w->sequence != other_than);
                if (!fits)
                        continue;
                ret[count++] = *w;
                *w = (struct watch){0};
        }
        pthread_mutex_unlock(&s->mu);
        return count;
}

void server_bundle_changed(struct server *s, uint64_t sequence)
{
        struct watch due[WATCHES_MAX];
        size_t count = take_watches(s, NULL, 0, sequence, due);
        for (size_t i = 0; i < count; i++) {
                answer_watch(s, due[i].conn, due[i].call);
                frames_unref(due[i].conn);
        }
}

static void drop_watches(struct server *s, struct frames_conn *c, uint64_t call)
{
        struct watch dropped[WATCHES_MAX];
        size_t count = take_watches(s, c, call, 0, dropped);
        for (size_t i = 0; i < count; i++)
                frames_unref(dropped[i].conn);
}

/* ---- status and dispatch ---- */

static void answer_status(struct server *s, struct frames_conn *c, uint64_t call)
{
        struct batch_status now;
        batch_status(s->o.batch, &now);
        Vouchsafe__Attester__V1__Problem problem = VOUCHSAFE__ATTESTER__V1__PROBLEM__INIT;
        problem.code = now.has_problem ? (uint32_t) now.problem_code : 0;
        problem.token = now.problem_token;
        problem.text = now.problem_text;
        Vouchsafe__Attester__V1__Status status = VOUCHSAFE__ATTESTER__V1__STATUS__INIT;
        status.ready = !now.has_problem && bundle_cache_sequence(s->o.bundles) > 0;
        status.evidence_kind = (char *) s->o.evidence_kind;
        status.insecure_development = s->o.insecure_development;
        status.last_problem = &problem;
        status.quotes = now.quotes;
        status.acquired = now.acquired;
        message_send_status(c, call, &status);
}

static void dispatch(struct server *s, struct frames_conn *c, const call_t *call)
{
        if (call->id == 0 && call->body_case != VOUCHSAFE__ATTESTER__V1__CALL__BODY_CANCEL) {
                AUTO(fault) struct fault *nameless = fault(FAULT_INVALID, "CALL", "a call's id is never 0");
                message_send_problem(c, 0, nameless);
                return;
        }
        switch (call->body_case) {
        case VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE:
                take_acquire(s, c, call);
                return;
        case VOUCHSAFE__ATTESTER__V1__CALL__BODY_WATCH_BUNDLE:
                take_watch(s, c, call);
                return;
        case VOUCHSAFE__ATTESTER__V1__CALL__BODY_STATUS:
                answer_status(s, c, call->id);
                return;
        case VOUCHSAFE__ATTESTER__V1__CALL__BODY_CANCEL:
                if (call->cancel->call != 0) {
                        cancel_orders(s, c, call->cancel->call);
                        drop_watches(s, c, call->cancel->call);
                }
                return;
        default: {
                AUTO(fault)
                struct fault *unknown = fault(FAULT_UNIMPLEMENTED, "CALL", "this attester does not know that call");
                message_send_problem(c, call->id, unknown);
        }
        }
}

static void on_frame(void *self, struct frames_conn *c, struct span frame)
{
        struct server *s = self;
        ProtobufCMessage *message = NULL;
        AUTO(fault)
        struct fault *bad = pb_unpack(&vouchsafe__attester__v1__call__descriptor, frame, &PBCHECK_LIMITS, &message);
        if (bad != NULL) {
                log_warn("call_unreadable", KV("problem", bad));
                message_send_problem(c, 0, bad);
                return;
        }
        call_t *call = (call_t *) message;
        dispatch(s, c, call);
        if (call->body_case == VOUCHSAFE__ATTESTER__V1__CALL__BODY_ACQUIRE && call->acquire->token.len > 0)
                wipe(call->acquire->token.data, call->acquire->token.len);
        protobuf_c_message_free_unpacked(message, NULL);
}

static void on_open(void *self UNUSED, struct frames_conn *c)
{
        log_info("plugin_connected", KV("uid", frames_peer_uid(c)));
}

static void on_close(void *self, struct frames_conn *c, struct fault *why)
{
        struct server *s = self;
        cancel_orders(s, c, 0);
        drop_watches(s, c, 0);
        log_info("plugin_disconnected", KV("problem", why));
}

/* ---- life ---- */

struct fault *server_start(const struct server_options *o, struct server **ret)
{
        struct server *s = NEW(struct server);
        s->o = *o;
        pthread_mutex_init(&s->mu, NULL);
        const struct frames_server_options options = {
                .path = o->socket_path,
                .mode = o->socket_mode,
                .allowed_uids = {o->csi_uid},
                .allowed_count = 1,
                .connections_max = CONNECTIONS_MAX,
                .events = {on_open, on_frame, on_close, s},
        };
        struct fault *failed = frames_server_start(&options, &s->frames);
        if (failed != NULL) {
                free(s);
                return fault_prefix(failed, "listen on %s", o->socket_path);
        }
        *ret = s;
        return NULL;
}

void server_stop(struct server *s)
{
        if (s != NULL)
                frames_server_stop(TAKE(s->frames));
}

void server_free(struct server *s)
{
        if (s == NULL)
                return;
        pthread_mutex_destroy(&s->mu);
        free(s);
}
