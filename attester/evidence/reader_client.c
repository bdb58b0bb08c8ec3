#include "attester/evidence/reader_client.h"

#include <stdio.h>

#include "lib/base/log.h"
#include "lib/net/frames.h"

#define CONNECT_WAIT_MS 5000 /* for a reader that is being started beside us */

struct reader_client {
        char kind[NAME_MAX_LEN + 1];
        int64_t connect_wait_ms;
        struct frames_client *frames;
        uint64_t last_id; /* of the calling thread: calls are serialised by the contract */

        pthread_mutex_t mu;
        pthread_cond_t changed;
        bool is_connected;         /* guarded by mu */
        uint64_t waiting_for;      /* guarded by mu; 0: nobody waits */
        bool is_answered;          /* guarded by mu */
        struct fault *broken;      /* guarded by mu: why the answer can't be had */
        struct read_answer answer; /* guarded by mu, until is_answered */
};

/* ---- events of the connection's thread */

static void on_open(void *self, struct frames_conn *conn)
{
        struct reader_client *c = self;
        (void) conn;
        pthread_mutex_lock(&c->mu);
        c->is_connected = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->mu);
}

/* Hands `a` (taken) or `broken` (taken) to whoever waits. */
static void settle(struct reader_client *c, struct read_answer *a, struct fault *broken)
{
        c->answer = *a;
        *a = (struct read_answer){0};
        c->broken = broken;
        c->is_answered = true;
        pthread_cond_broadcast(&c->changed);
}

static void on_frame(void *self, struct frames_conn *conn, struct span frame)
{
        struct reader_client *c = self;
        (void) conn;
        AUTO(read_answer) struct read_answer a = {0};
        struct fault *f = read_answer_read(frame, &a);
        pthread_mutex_lock(&c->mu);
        bool is_meant = f != NULL || a.id == c->waiting_for || a.id == 0; /* 0: it could not read our call */
        bool is_ours = c->waiting_for != 0 && !c->is_answered && is_meant;
        if (is_ours)
                settle(c, &a, TAKE(f));
        pthread_mutex_unlock(&c->mu);
        fault_free(f); /* of a call that nobody waits for any more */
}

static void on_close(void *self, struct frames_conn *conn, struct fault *why)
{
        struct reader_client *c = self;
        (void) conn;
        AUTO(read_answer) struct read_answer none = {0};
        pthread_mutex_lock(&c->mu);
        c->is_connected = false;
        if (c->waiting_for != 0 && !c->is_answered)
                settle(c, &none,
                       fault(FAULT_UNAVAILABLE, "tee.gone", "the evidence reader went away: %s",
                             why == NULL ? "closed" : fault_text(why)));
        pthread_mutex_unlock(&c->mu);
}

/* ---- one call */

static void wake(void *arg)
{
        struct reader_client *c = arg;
        pthread_mutex_lock(&c->mu);
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->mu);
}

/* Under mu. A reader that needs longer than connect_wait_ms to appear is gone, however patient the caller is. */
static struct fault *await_connection(struct reader_client *c, struct cancel *cancel)
{
        struct cancel patience;
        int64_t wait_ms = cancel_left_ms(cancel, c->connect_wait_ms);
        cancel_init(&patience, &clock_system, (struct boot){clock_boot(&clock_system).ms + wait_ms});
        struct fault *f = NULL;
        while (f == NULL && !c->is_connected) {
                f = cancel_check(cancel);
                if (f == NULL)
                        f = cancel_wait(&patience, &c->changed, &c->mu);
        }
        cancel_clear(&patience);
        if (f == NULL || c->is_connected) {
                fault_free(f);
                return NULL;
        }
        if (fault_code(f) != FAULT_DEADLINE)
                return f;
        fault_free(f);
        return fault(FAULT_UNAVAILABLE, "tee.gone", "the evidence reader isn't there");
}

static struct fault *await_answer(struct reader_client *c, struct cancel *cancel, struct read_answer *ret)
{
        struct cancel unhurried;
        cancel_init(&unhurried, &clock_system, (struct boot){clock_boot(&clock_system).ms + READER_DEADLINE_MAX_MS});
        struct cancel *until = cancel == NULL ? &unhurried : cancel;
        struct fault *f = NULL;
        while (f == NULL && !c->is_answered)
                f = cancel_wait(until, &c->changed, &c->mu);
        cancel_clear(&unhurried);
        if (c->is_answered) {
                fault_free(f);
                f = TAKE(c->broken);
                *ret = c->answer;
                c->answer = (struct read_answer){0};
        }
        return f;
}

static struct fault *exchange(struct reader_client *c, struct read_call *call, struct cancel *cancel,
                              struct read_answer *ret)
{
        AUTO(buf) struct buf frame = BUF(READER_FRAME_MAX);
        call->id = ++c->last_id;
        call->deadline_ms = cancel_left_ms(cancel, READER_DEADLINE_MAX_MS);
        if (call->deadline_ms == 0)
                call->deadline_ms = 1; /* 0 means something else on the wire */
        snprintf(call->kind, sizeof call->kind, "%s", c->kind);
        TRY(read_call_write(call, &frame));

        pthread_mutex_lock(&c->mu);
        struct fault *f = await_connection(c, cancel);
        c->waiting_for = f == NULL ? call->id : 0;
        c->is_answered = false;
        pthread_mutex_unlock(&c->mu);
        TRY(f);

        f = frames_client_send(c->frames, buf_span(&frame));
        if (f != NULL) {
                fault_free(f);
                f = fault(FAULT_UNAVAILABLE, "tee.gone", "the evidence reader isn't there");
        }
        pthread_mutex_lock(&c->mu);
        if (f == NULL)
                f = await_answer(c, cancel, ret);
        c->waiting_for = 0;
        pthread_mutex_unlock(&c->mu);
        return f;
}

static struct fault *ask(struct reader_client *c, struct read_call *call, struct cancel *cancel,
                         struct read_answer *ret)
{
        TRY(cancel_check(cancel));
        if (cancel != NULL)
                cancel_set_wake(cancel, wake, c);
        struct fault *f = exchange(c, call, cancel, ret);
        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        TRY(f);
        return TAKE(ret->failed);
}

/* ---- the vtable */

static struct fault *wrong_answer(void)
{
        return fault(FAULT_INTERNAL, "READER_ANSWER", "the evidence reader answered something else than was asked");
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        AUTO(read_answer) struct read_answer a = {0};
        struct read_call call = {.what = READ_EVIDENCE, .binding = *binding};
        TRY(ask(self, &call, cancel, &a));
        if (a.evidence.count == 0)
                return wrong_answer();
        *ret_evidence = a.evidence;
        a.evidence = (struct cmw){0};
        return NULL;
}

static struct fault *enrolment(void *self, struct cancel *cancel, struct enrolment_material *ret)
{
        AUTO(read_answer) struct read_answer a = {0};
        struct read_call call = {.what = READ_ENROLMENT};
        TRY(ask(self, &call, cancel, &a));
        if (a.enrolment.ek_public.len == 0)
                return wrong_answer();
        *ret = a.enrolment;
        a.enrolment = (struct enrolment_material){0};
        return NULL;
}

static struct fault *activate(void *self, struct span credential_blob, struct span encrypted_secret,
                              struct cancel *cancel, struct secret **ret_secret)
{
        AUTO(read_answer) struct read_answer a = {0};
        AUTO(read_call)
        struct read_call call = {.what = READ_ACTIVATION,
                                 .credential_blob = BUF(READER_FRAME_MAX / 4),
                                 .encrypted_secret = BUF(READER_FRAME_MAX / 4)};
        TRY(buf_append(&call.credential_blob, credential_blob));
        TRY(buf_append(&call.encrypted_secret, encrypted_secret));
        TRY(ask(self, &call, cancel, &a));
        if (a.secret == NULL)
                return wrong_answer();
        *ret_secret = TAKE(a.secret);
        return NULL;
}

static void close_client(void *self)
{
        struct reader_client *c = self;
        frames_client_stop(c->frames);
        fault_free(c->broken);
        read_answer_clear(&c->answer);
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->mu);
        free(c);
}

static struct fault *new_client(const struct evidence_options *o, const char *kind, int64_t connect_wait_ms,
                                struct reader_client **ret)
{
        struct reader_client *c = NEW(struct reader_client);
        snprintf(c->kind, sizeof c->kind, "%s", kind);
        c->connect_wait_ms = connect_wait_ms;
        pthread_mutex_init(&c->mu, NULL);
        cond_init_boot(&c->changed);
        struct frames_events events = {.on_open = on_open, .on_frame = on_frame, .on_close = on_close, .self = c};
        struct fault *f = frames_client_start(o->reader_socket, o->reader_uid, &events, &c->frames);
        if (f != NULL) {
                pthread_cond_destroy(&c->changed);
                pthread_mutex_destroy(&c->mu);
                free(c);
                return f;
        }
        *ret = c;
        return NULL;
}

struct fault *evidence_reader_client_open(const struct evidence_options *o, const char *kind, bool needs_enrolment,
                                          struct evidence_source *ret)
{
        struct reader_client *c;
        TRY(new_client(o, kind, CONNECT_WAIT_MS, &c));
        *ret = (struct evidence_source){.kind = kind,
                                        .needs_enrolment = needs_enrolment,
                                        .collect = collect,
                                        .enrolment = enrolment,
                                        .activate = activate,
                                        .close = close_client,
                                        .self = c};
        return NULL;
}

/* ---- which kinds it reads */

static struct fault *check_kinds(const struct reader_kinds *k)
{
        if (k->version == 0)
                return wrong_answer();
        if (k->version != READER_VERSION)
                return fault(FAULT_PRECONDITION, "READER_VERSION",
                             "the evidence reader speaks version %u of its protocol, this attester version %d: run the "
                             "same release of both",
                             k->version, READER_VERSION);
        return NULL;
}

struct fault *evidence_reader_kinds(const struct evidence_options *o, int64_t wait_ms, struct reader_kinds *ret)
{
        struct reader_client *c;
        AUTO(read_answer) struct read_answer a = {0};
        struct read_call call = {.what = READ_HELLO, .version = READER_VERSION};
        TRY(new_client(o, "", wait_ms, &c));
        struct cancel patience;
        cancel_init(&patience, &clock_system, (struct boot){clock_boot(&clock_system).ms + wait_ms});
        AUTO(fault) struct fault *f = ask(c, &call, &patience, &a);
        cancel_clear(&patience);
        close_client(c);
        if (f != NULL && strcmp(fault_token(f), "READER_CALL") == 0)
                return fault(FAULT_PRECONDITION, "READER_VERSION",
                             "the evidence reader is of an older release, which can't say what it reads: %s",
                             fault_text(f));
        if (f != NULL)
                return TAKE(f);
        TRY(check_kinds(&a.kinds));
        *ret = a.kinds;
        return NULL;
}

bool reader_kinds_has(const struct reader_kinds *k, const char *kind)
{
        for (size_t i = 0; i < k->count; i++)
                if (strcmp(k->names[i], kind) == 0)
                        return true;
        return false;
}
