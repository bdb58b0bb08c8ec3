/* frames_client: the connecting side of frames: one thread that connects, runs the connection, and comes back after a pause. */
#include "lib/net/frames_conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "lib/base/log.h"
#include "lib/net/unix_socket.h"

#define BACKOFF_FIRST_MS 10
#define BACKOFF_MAX_MS   2000

struct frames_client {
        char *path;
        uid_t server_uid;
        struct frames_events events;
        int stop_fd;
        atomic_bool stopping;
        pthread_t thread;
        pthread_mutex_t mu;
        struct frames_conn *conn; /* guarded by mu: NULL while there is none */
};

static struct fault *client_connect(struct frames_client *c, struct frames_conn **ret)
{
        AUTO_CLOSE int fd = -1;
        struct frames_conn *conn = NULL;

        TRY(unix_connect(c->path, &fd));
        TRY(frames_conn_new(fd, &c->events, &conn));
        fd = -1;
        if (c->server_uid != (uid_t) -1 && frames_peer_uid(conn) != c->server_uid) {
                struct fault *f = fault(FAULT_DENIED, "PEER_UID", "%s is served by uid %u, not %u", c->path,
                                        frames_peer_uid(conn), c->server_uid);

                frames_unref(conn);
                return f;
        }
        *ret = conn;
        return NULL;
}

static void client_set(struct frames_client *c, struct frames_conn *conn)
{
        pthread_mutex_lock(&c->mu);
        c->conn = conn;
        if (conn != NULL && atomic_load(&c->stopping))
                frames_conn_close(conn); /* stop came between connecting and here, and did not see it */
        pthread_mutex_unlock(&c->mu);
}

/* One connection from start to end. True when it was a good one: the next may follow at once. */
static bool client_serve(struct frames_client *c)
{
        AUTO(fault) struct fault *failed = NULL;
        struct frames_conn *conn = NULL;
        bool received;

        failed = client_connect(c, &conn);
        if (failed != NULL) {
                log_debug("frames_connect_failed", KV("why", failed));
                return false;
        }
        client_set(c, conn);
        received = frames_conn_run(conn);
        client_set(c, NULL);
        frames_unref(conn);
        return received;
}

static void *client_run(void *arg)
{
        struct frames_client *c = arg;
        int pause_ms = BACKOFF_FIRST_MS;

        while (!atomic_load(&c->stopping)) {
                if (client_serve(c))
                        pause_ms = BACKOFF_FIRST_MS;
                (void) poll(&(struct pollfd){.fd = c->stop_fd, .events = POLLIN}, 1, pause_ms); /* early is fine */
                pause_ms = pause_ms * 2 < BACKOFF_MAX_MS ? pause_ms * 2 : BACKOFF_MAX_MS;
        }
        return NULL;
}

static void client_free(struct frames_client *c)
{
        auto_close_cleanup(&c->stop_fd);
        pthread_mutex_destroy(&c->mu);
        free(c->path);
        free(c);
}

struct fault *frames_client_start(const char *path, uid_t server_uid, const struct frames_events *events,
                                  struct frames_client **ret)
{
        struct frames_client *c = NEW(struct frames_client);
        struct fault *failed;

        c->path = alloc_string(path);
        c->server_uid = server_uid;
        c->events = *events;
        pthread_mutex_init(&c->mu, NULL);
        c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        failed = c->stop_fd < 0 ? fault_errno(FAULT_EXHAUSTED, "SOCKET", errno, "make an eventfd")
                                : thread_start("frames-client", client_run, c, &c->thread);
        if (failed != NULL) {
                client_free(c);
                return failed;
        }
        *ret = c;
        return NULL;
}

struct fault *frames_client_send(struct frames_client *c, struct span frame)
{
        struct frames_conn *conn;
        struct fault *failed;

        pthread_mutex_lock(&c->mu);
        conn = c->conn != NULL ? frames_ref(c->conn) : NULL;
        pthread_mutex_unlock(&c->mu);
        if (conn == NULL)
                return fault(FAULT_UNAVAILABLE, "PEER_GONE", "nobody answers on %s", c->path);
        failed = frames_send(conn, frame);
        frames_unref(conn);
        return failed;
}

void frames_client_stop(struct frames_client *c)
{
        if (c == NULL)
                return;
        atomic_store(&c->stopping, true);
        pthread_mutex_lock(&c->mu);
        if (c->conn != NULL)
                frames_conn_close(c->conn);
        pthread_mutex_unlock(&c->mu);
        (void) eventfd_write(c->stop_fd, 1); /* a fresh counter can't be full */
        pthread_join(c->thread, NULL);
        client_free(c);
}
