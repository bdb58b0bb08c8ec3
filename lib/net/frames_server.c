/* frames_server: the accepting side of frames. The acceptor's thread makes a thread for each connection and joins those that
 * have ended (they wake it). */
#include "lib/net/frames_conn.h"

#include <assert.h>

#include "lib/base/log.h"
#include "lib/net/unix_socket.h"

struct peer {
        struct frames_server *server;
        struct frames_conn *conn;
        pthread_t thread;
        struct peer *next; /* of the acceptor's thread, and of stop after it */
        atomic_bool ended;
};
struct frames_server {
        struct frames_server_options options;
        struct unix_acceptor *acceptor; /* set before peers exist: guarded by mu */
        struct peer *peers;
        size_t count;
        pthread_mutex_t mu;
};

static bool uid_is_allowed(const struct frames_server_options *o, uid_t uid)
{
        for (size_t i = 0; i < o->allowed_count; i++)
                if (o->allowed_uids[i] == uid)
                        return true;
        return false;
}

static void *peer_run(void *arg)
{
        struct peer *p = arg;
        struct frames_server *s = p->server;

        (void) frames_conn_run(p->conn); /* whether frames came matters to clients only */
        pthread_mutex_lock(&s->mu);
        atomic_store(&p->ended, true);
        if (s->acceptor != NULL)
                unix_acceptor_wake(s->acceptor);
        pthread_mutex_unlock(&s->mu);
        return NULL;
}

static void peers_join(struct frames_server *s, bool all)
{
        for (struct peer **at = &s->peers; *at != NULL;) {
                struct peer *p = *at;

                if (!all && !atomic_load(&p->ended)) {
                        at = &p->next;
                        continue;
                }
                pthread_join(p->thread, NULL);
                frames_unref(p->conn);
                *at = p->next;
                s->count--;
                free(p);
        }
}

static void server_woken(void *self)
{
        peers_join(self, /* all= */ false);
}

static struct fault *server_add(struct frames_server *s, int *fd)
{
        struct frames_conn *conn = NULL;
        struct fault *failed;
        struct peer *p;
        uid_t uid;

        TRY(unix_peer_uid(*fd, &uid));
        if (!uid_is_allowed(&s->options, uid))
                return fault(FAULT_DENIED, "PEER_UID", "uid %u may not connect", uid);
        if (s->count >= s->options.connections_max)
                return fault(FAULT_EXHAUSTED, "CONNECTIONS", "%zu connections are open", s->count);

        TRY(frames_conn_new(*fd, &s->options.events, &conn));
        *fd = -1;
        p = NEW(struct peer);
        p->server = s;
        p->conn = conn;
        failed = thread_start("frames", peer_run, p, &p->thread);
        if (failed != NULL) {
                frames_unref(conn);
                free(p);
                return failed;
        }
        p->next = s->peers;
        s->peers = p;
        s->count++;
        return NULL;
}

static void server_accepted(void *self, int fd)
{
        AUTO_CLOSE int peer_fd = fd;
        AUTO(fault) struct fault *refused = server_add(self, &peer_fd);

        if (refused != NULL)
                log_debug("frames_peer_refused", KV("why", refused));
}

struct fault *frames_server_start(const struct frames_server_options *o, struct frames_server **ret)
{
        struct frames_server *s = NEW(struct frames_server);
        struct unix_acceptor *acceptor = NULL;
        struct fault *failed;

        assert(o->allowed_count <= FRAMES_UIDS_MAX);
        s->options = *o;
        pthread_mutex_init(&s->mu, NULL);
        failed = unix_acceptor_start(
                o->path, o->mode,
                &(struct unix_acceptor_events){.accepted = server_accepted, .woken = server_woken, .self = s},
                &acceptor);
        if (failed != NULL) {
                pthread_mutex_destroy(&s->mu);
                free(s);
                return failed;
        }
        pthread_mutex_lock(&s->mu);
        s->acceptor = acceptor;
        pthread_mutex_unlock(&s->mu);
        unix_acceptor_wake(acceptor); /* a peer that ended before the line above had nobody to wake */
        *ret = s;
        return NULL;
}

void frames_server_stop(struct frames_server *s)
{
        struct unix_acceptor *acceptor;

        if (s == NULL)
                return;
        pthread_mutex_lock(&s->mu);
        acceptor = TAKE(s->acceptor);
        pthread_mutex_unlock(&s->mu);
        unix_acceptor_stop(acceptor);
        for (struct peer *p = s->peers; p != NULL; p = p->next)
                frames_conn_close(p->conn);
        peers_join(s, /* all= */ true);
        pthread_mutex_destroy(&s->mu);
        free(s);
}
