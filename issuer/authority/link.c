#include "issuer/authority/link.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "issuer/authority/signer.h"
#include "lib/wire/pbcheck.h"

#define SEND_TIMEOUT_S 5

typedef Vouchsafe__Signer__V1__Call PbCall;
typedef Vouchsafe__Signer__V1__Answer PbAnswer;

struct waiter {
        uint64_t id;
        PbAnswer *answer; /* guarded by the link's mu */
        pthread_cond_t answered;
        struct link *link;
        struct waiter *next;
};

struct link {
        int socket;
        pthread_t reader;
        atomic_ullong last_id;
        atomic_bool dead, stopping;
        void (*on_death)(void *arg);
        void *arg;

        pthread_mutex_t mu;
        struct waiter *waiters; /* guarded by mu */
};

static struct fault *gone(void)
{
        return fault(FAULT_UNAVAILABLE, "SIGNER_GONE", "the signer process has ended");
}

/* ---- the reading thread ---- */

/* `room` holds SIGNER_MESSAGE_MAX bytes. NULL: the other end is gone, or sends what is no answer. */
static PbAnswer *receive(int socket, uint8_t *room)
{
        ssize_t len;
        do
                len = recv(socket, room, SIGNER_MESSAGE_MAX, MSG_TRUNC);
        while (len < 0 && errno == EINTR);
        if (len <= 0 || (size_t) len > SIGNER_MESSAGE_MAX)
                return NULL;
        ProtobufCMessage *answer = NULL;
        AUTO(fault)
        struct fault *broken = pb_unpack(&vouchsafe__signer__v1__answer__descriptor, span_make(room, (size_t) len),
                                         &PBCHECK_LIMITS, &answer);
        return broken == NULL ? (PbAnswer *) answer : NULL;
}

/* Nobody waits for it any more: dropped. */
static void hand_over(struct link *l, PbAnswer *answer)
{
        pthread_mutex_lock(&l->mu);
        struct waiter *w = l->waiters;
        while (w != NULL && (w->id != answer->id || w->answer != NULL))
                w = w->next;
        if (w != NULL) {
                w->answer = TAKE(answer);
                pthread_cond_signal(&w->answered);
        }
        pthread_mutex_unlock(&l->mu);
        vouchsafe__signer__v1__answer__free_unpacked(answer, NULL); /* NULL is fine */
}

static void *read_loop(void *arg)
{
        struct link *l = arg;
        uint8_t *room = alloc_zero(1, SIGNER_MESSAGE_MAX);
        for (PbAnswer *answer = receive(l->socket, room); answer != NULL; answer = receive(l->socket, room))
                hand_over(l, answer);
        free(room);

        pthread_mutex_lock(&l->mu);
        atomic_store(&l->dead, true);
        for (struct waiter *w = l->waiters; w != NULL; w = w->next)
                pthread_cond_signal(&w->answered);
        pthread_mutex_unlock(&l->mu);
        if (!atomic_load(&l->stopping))
                l->on_death(l->arg);
        return NULL;
}

/* ---- the callers ---- */

static void wake_waiter(void *arg)
{
        struct waiter *w = arg;
        pthread_mutex_lock(&w->link->mu);
        pthread_cond_signal(&w->answered);
        pthread_mutex_unlock(&w->link->mu);
}

static void enlist(struct link *l, struct waiter *w)
{
        pthread_mutex_lock(&l->mu);
        w->next = l->waiters;
        l->waiters = w;
        pthread_mutex_unlock(&l->mu);
}

static void strike_off(struct link *l, struct waiter *w)
{
        pthread_mutex_lock(&l->mu);
        struct waiter **at = &l->waiters;
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        pthread_mutex_unlock(&l->mu);
}

static struct fault *send_call(struct link *l, const PbCall *call)
{
        AUTO(buf) struct buf packed = BUF(SIGNER_MESSAGE_MAX);
        TRY(pb_pack(&call->base, &packed));
        ssize_t sent;
        do
                sent = send(l->socket, packed.data, packed.len, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                return fault(FAULT_UNAVAILABLE, "SIGNER_BUSY", "the signer took nothing for %d s", SEND_TIMEOUT_S);
        return sent < 0 ? gone() : NULL;
}

static struct fault *wait_for_answer(struct link *l, struct waiter *w, struct cancel *cancel)
{
        struct fault *f = NULL;
        pthread_mutex_lock(&l->mu);
        while (w->answer == NULL && f == NULL)
                f = atomic_load(&l->dead) ? gone() : cancel_wait(cancel, &w->answered, &l->mu);
        pthread_mutex_unlock(&l->mu);
        return f;
}

static struct fault *fault_of(const PbAnswer *answer)
{
        bool is_whole = answer->intermediate != NULL || answer->result.len > 0 || answer->result_key.len > 0;
        if (answer->code == 0)
                return is_whole ? NULL
                                : fault(FAULT_INTERNAL, "SIGNER_ANSWER",
                                        "the signer answered with neither an intermediate nor a result");
        return fault_from_peer((enum fault_code) answer->code, answer->token, "%s", answer->text);
}

static struct fault *judge(PbAnswer *answer, PbAnswer **ret)
{
        struct fault *f = fault_of(answer);
        if (f == NULL)
                *ret = answer;
        else
                vouchsafe__signer__v1__answer__free_unpacked(answer, NULL);
        return f;
}

struct fault *link_call(struct link *l, PbCall *call, struct cancel *cancel, PbAnswer **ret)
{
        struct waiter w = {.id = atomic_fetch_add(&l->last_id, 1) + 1, .link = l};
        call->id = w.id;
        cond_init_boot(&w.answered);
        enlist(l, &w);
        if (cancel != NULL)
                cancel_set_wake(cancel, wake_waiter, &w);

        struct fault *f = send_call(l, call);
        if (f == NULL)
                f = wait_for_answer(l, &w, cancel);

        if (cancel != NULL)
                cancel_set_wake(cancel, NULL, NULL);
        strike_off(l, &w);
        pthread_cond_destroy(&w.answered);
        if (f == NULL)
                return judge(w.answer, ret);
        if (w.answer != NULL) /* it came after the caller had given up */
                vouchsafe__signer__v1__answer__free_unpacked(w.answer, NULL);
        return f;
}

struct fault *link_receive(int socket, PbAnswer **ret)
{
        uint8_t *room = alloc_zero(1, SIGNER_MESSAGE_MAX);
        PbAnswer *answer = receive(socket, room);
        free(room);
        return answer != NULL ? judge(answer, ret) : gone();
}

bool link_is_dead(struct link *l)
{
        return atomic_load(&l->dead);
}

struct fault *link_start(int socket, void (*on_death)(void *arg), void *arg, struct link **ret)
{
        const struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
        if (setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
                return fault_errno(FAULT_INTERNAL, "SIGNER_SOCKET", errno, "limit how long sending takes");
        struct link *l = NEW(struct link);
        l->socket = socket;
        l->on_death = on_death;
        l->arg = arg;
        pthread_mutex_init(&l->mu, NULL); /* default attributes: can't fail */

        sigset_t all, before;
        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's; fails only by misuse */
        int err = pthread_create(&l->reader, NULL, read_loop, l);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (err != 0) {
                free(l);
                return fault_errno(FAULT_UNAVAILABLE, "SIGNER_SOCKET", err, "start the thread that hears the signer");
        }
        (void) pthread_setname_np(l->reader, "signer-link"); /* for debuggers alone */
        *ret = l;
        return NULL;
}

void link_stop(struct link *l)
{
        if (l == NULL)
                return;
        atomic_store(&l->stopping, true);
        (void) shutdown(l->socket, SHUT_RDWR); /* fails when the signer went first */
        (void) pthread_join(l->reader, NULL);  /* fails only by misuse */
        close(l->socket);
        pthread_mutex_destroy(&l->mu);
        free(l);
}
