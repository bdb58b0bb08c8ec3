#include "lib/net/frames_conn.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "lib/base/secret.h"
#include "lib/net/unix_socket.h"

#define HEADER_LEN      4
#define QUEUE_BYTES_MAX ((size_t) 4 * FRAME_MAX)

struct outgoing { /* a frame with its header, wiped when it has gone */
        struct outgoing *next;
        size_t len, sent;
        uint8_t bytes[];
};

struct frames_conn {
        atomic_uint refs;
        int fd; /* read by the running thread alone; sent on by whoever has `sending` */
        int wake_fd;
        uid_t uid;
        struct frames_events events;
        _Atomic(void *) user;

        pthread_mutex_t mu;
        struct outgoing *first,
                **last;      /* guarded by mu; the first one's bytes and going away are the sending thread's */
        bool sending;        /* guarded by mu: a thread sends what is queued */
        size_t queued_bytes; /* guarded by mu */
        bool closed;         /* guarded by mu: no more sending, the thread ends */

        /* Incoming, of the running thread alone. */
        uint8_t header[HEADER_LEN];
        size_t header_len;
        uint8_t *body; /* NULL until the header is whole */
        size_t body_len, body_have;
        bool received;
};

/* ---- life ---- */

static void outgoing_free(struct outgoing *o)
{
        wipe(o->bytes, o->len);
        free(o);
}

static void body_free(struct frames_conn *c)
{
        if (c->body != NULL)
                wipe(c->body, c->body_len);
        free(c->body);
        c->body = NULL;
        c->header_len = 0;
}

struct fault *frames_conn_new(int fd, const struct frames_events *events, struct frames_conn **ret)
{
        struct frames_conn *c;
        int wake_fd;
        uid_t uid;

        TRY(unix_peer_uid(fd, &uid));
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
                return fault_errno(FAULT_EXHAUSTED, "SOCKET", errno, "make an eventfd");
        c = NEW(struct frames_conn);
        atomic_init(&c->refs, 1);
        c->fd = fd;
        c->wake_fd = wake_fd;
        c->uid = uid;
        c->events = *events;
        pthread_mutex_init(&c->mu, NULL);
        c->last = &c->first;
        *ret = c;
        return NULL;
}

struct frames_conn *frames_ref(struct frames_conn *c)
{
        atomic_fetch_add(&c->refs, 1);
        return c;
}

void frames_unref(struct frames_conn *c)
{
        if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
                return;
        for (struct outgoing *o = c->first, *next; o != NULL; o = next) {
                next = o->next;
                outgoing_free(o);
        }
        body_free(c);
        auto_close_cleanup(&c->fd);
        auto_close_cleanup(&c->wake_fd);
        pthread_mutex_destroy(&c->mu);
        free(c);
}

uid_t frames_peer_uid(const struct frames_conn *c)
{
        return c->uid;
}

void frames_set_user(struct frames_conn *c, void *user)
{
        atomic_store(&c->user, user);
}

void *frames_user(const struct frames_conn *c)
{
        return atomic_load(&c->user);
}

/* ---- sending ---- */

static void conn_wake(struct frames_conn *c)
{
        (void) eventfd_write(c->wake_fd, 1); /* fails only when the counter is full, and then it is readable anyway */
}

/* The next to send, with `sending` staying the caller's; NULL: nothing is left, or no more is to be sent, and it has been given up. */
static struct outgoing *sending_next(struct frames_conn *c)
{
        struct outgoing *next;

        pthread_mutex_lock(&c->mu);
        next = c->closed ? NULL : c->first;
        c->sending = next != NULL;
        pthread_mutex_unlock(&c->mu);
        return next;
}

static void sending_give_up(struct frames_conn *c)
{
        pthread_mutex_lock(&c->mu);
        c->sending = false;
        pthread_mutex_unlock(&c->mu);
}

static void outgoing_pop(struct frames_conn *c)
{
        struct outgoing *o;

        pthread_mutex_lock(&c->mu);
        o = c->first;
        c->first = o->next;
        if (c->first == NULL)
                c->last = &c->first;
        c->queued_bytes -= o->len;
        pthread_mutex_unlock(&c->mu);
        outgoing_free(o);
}

/* Sends until the queue is empty or the socket is full, which leaves frames behind; by who has `sending`, and gives it up. */
static struct fault *conn_flush(struct frames_conn *c)
{
        for (struct outgoing *o = sending_next(c); o != NULL; o = sending_next(c)) {
                ssize_t n = send(c->fd, o->bytes + o->sent, o->len - o->sent, MSG_NOSIGNAL);
                int err = errno;

                if (n < 0) {
                        sending_give_up(c);
                        if (err == EAGAIN || err == EINTR)
                                return NULL;
                        return fault_errno(FAULT_UNAVAILABLE, "PEER_GONE", err, "send to the peer");
                }
                o->sent += (size_t) n;
                if (o->sent == o->len)
                        outgoing_pop(c);
        }
        return NULL;
}

/* True: `sending` is the caller's now. False: nothing is to be sent, or another thread is at it. */
static bool sending_take(struct frames_conn *c)
{
        bool taken;

        pthread_mutex_lock(&c->mu);
        taken = !c->sending && !c->closed && c->first != NULL;
        c->sending = c->sending || taken;
        pthread_mutex_unlock(&c->mu);
        return taken;
}

static bool conn_is_closed(struct frames_conn *c, bool *ret_pending)
{
        bool closed;

        pthread_mutex_lock(&c->mu);
        closed = c->closed;
        *ret_pending = c->first != NULL && !c->sending;
        pthread_mutex_unlock(&c->mu);
        return closed;
}

/* By the sender itself, which saves waking a thread for it; what is left, and what went wrong, is the running thread's. */
static void send_now(struct frames_conn *c)
{
        bool pending;

        if (sending_take(c))
                fault_free(conn_flush(c));
        if (conn_is_closed(c, &pending) || pending)
                conn_wake(c);
}

struct fault *frames_send(struct frames_conn *c, struct span frame)
{
        struct outgoing *o;
        uint32_t header;
        bool accepted;

        if (frame.len > FRAME_MAX)
                return fault(FAULT_EXHAUSTED, "FRAME_TOO_LARGE", "frame of %zu bytes, %u are allowed", frame.len,
                             FRAME_MAX);

        o = alloc_zero(1, sizeof *o + HEADER_LEN + frame.len);
        o->len = HEADER_LEN + frame.len;
        header = htobe32((uint32_t) frame.len);
        memcpy(o->bytes, &header, HEADER_LEN);
        if (frame.len > 0)
                memcpy(o->bytes + HEADER_LEN, frame.data, frame.len);

        pthread_mutex_lock(&c->mu);
        if (c->queued_bytes + o->len > QUEUE_BYTES_MAX)
                c->closed = true; /* it does not read: as good as gone, and its frames must not pile up */
        accepted = !c->closed;
        if (accepted) {
                *c->last = o;
                c->last = &o->next;
                c->queued_bytes += o->len;
        }
        pthread_mutex_unlock(&c->mu);

        send_now(c);
        if (accepted)
                return NULL;
        outgoing_free(o);
        return fault(FAULT_UNAVAILABLE, "PEER_GONE", "the peer's connection is closed");
}

void frames_conn_close(struct frames_conn *c)
{
        pthread_mutex_lock(&c->mu);
        c->closed = true;
        pthread_mutex_unlock(&c->mu);
        conn_wake(c);
}

/* ---- the running thread ---- */

/* The next bytes of what is being received; *ret_end: the peer has closed. */
static struct fault *conn_receive(struct frames_conn *c, uint8_t *into, size_t *have, size_t wanted, bool *ret_end)
{
        ssize_t n = recv(c->fd, into + *have, wanted - *have, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return NULL;
        if (n < 0)
                return fault_errno(FAULT_UNAVAILABLE, "PEER_GONE", errno, "read from the peer");
        *ret_end = n == 0;
        *have += (size_t) n;
        return NULL;
}

static struct fault *header_taken(struct frames_conn *c)
{
        uint32_t len;

        memcpy(&len, c->header, HEADER_LEN);
        len = be32toh(len);
        if (len > FRAME_MAX)
                return fault(FAULT_EXHAUSTED, "FRAME_TOO_LARGE", "frame of %u bytes, %u are allowed", len, FRAME_MAX);
        c->body = alloc_zero(1, (size_t) len + 1);
        c->body_len = len;
        c->body_have = 0;
        return NULL;
}

static struct fault *conn_read(struct frames_conn *c, bool *ret_end)
{
        bool end = false;

        if (c->body == NULL) {
                TRY(conn_receive(c, c->header, &c->header_len, HEADER_LEN, &end));
                if (c->header_len == HEADER_LEN)
                        TRY(header_taken(c));
        }
        if (c->body != NULL && c->body_have < c->body_len)
                TRY(conn_receive(c, c->body, &c->body_have, c->body_len, &end));
        if (end && c->header_len > 0)
                return fault(FAULT_INVALID, "FRAME_TRUNCATED", "the peer closed inside a frame");
        if (c->body != NULL && c->body_have == c->body_len) {
                c->received = true;
                c->events.on_frame(c->events.self, c, span_make(c->body, c->body_len));
                body_free(c);
        }
        *ret_end = end;
        return NULL;
}

static struct fault *conn_loop(struct frames_conn *c)
{
        bool end = false, pending;

        while (!end && !conn_is_closed(c, &pending)) {
                struct pollfd fds[] = {
                        {.fd = c->fd, .events = (short) (POLLIN | (pending ? POLLOUT : 0))},
                        {.fd = c->wake_fd, .events = POLLIN},
                };
                eventfd_t count;

                if (poll(fds, COUNT_OF(fds), -1) < 0)
                        continue; /* EINTR: the signal is not for us */
                if (fds[1].revents != 0)
                        (void) eventfd_read(c->wake_fd, &count); /* only its being readable matters */
                if (sending_take(c))
                        TRY(conn_flush(c));
                if ((fds[0].revents & ~POLLOUT) != 0)
                        TRY(conn_read(c, &end));
        }
        return NULL;
}

bool frames_conn_run(struct frames_conn *c)
{
        AUTO(fault) struct fault *why = NULL;

        c->events.on_open(c->events.self, c);
        why = conn_loop(c);
        frames_conn_close(c); /* from here on frames_send refuses */
        (void) shutdown(c->fd,
                        SHUT_RDWR); /* the peer may have been quicker; closed when nobody can be sending any more */
        c->events.on_close(c->events.self, c, why);
        return c->received;
}
