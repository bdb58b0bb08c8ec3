#include "lib/net/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/log.h"

#define BACKLOG               128
#define NO_DESCRIPTOR_WAIT_MS 100 /* out of descriptors: the connection stays in the backlog, so don't spin on it */

struct unix_acceptor {
        char *path;
        struct unix_file file;
        int listen_fd;
        int wake_fd;
        pthread_t thread;
        atomic_bool stopping;
        struct unix_acceptor_events events;
};

/* ---- addresses ---- */

static struct fault *address_make(const char *path, struct sockaddr_un *ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t len = strlen(path);

        if (len == 0 || len >= sizeof address.sun_path)
                return fault(FAULT_INVALID, "SOCKET_PATH", "socket path has %zu bytes; 1 to %zu are possible", len,
                             sizeof address.sun_path - 1);
        memcpy(address.sun_path, path, len);
        *ret = address;
        return NULL;
}

static struct fault *socket_make(int *ret)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "make a socket");
        *ret = fd;
        return NULL;
}

/* Removes what a dead process left at `path`. */
static struct fault *stale_remove(const char *path, const struct sockaddr_un *address)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;

        if (lstat(path, &st) != 0)
                return errno == ENOENT ? NULL : fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "look at %s", path);
        if (!S_ISSOCK(st.st_mode))
                return fault(FAULT_PRECONDITION, "NOT_A_SOCKET", "%s exists and is not a socket", path);
        TRY(socket_make(&fd));
        if (connect(fd, (const struct sockaddr *) address, sizeof *address) == 0 || errno == EAGAIN)
                return fault(FAULT_UNAVAILABLE, "SOCKET_BUSY", "another process answers on %s", path);
        if (unlink(path) != 0 && errno != ENOENT)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "remove the stale socket %s", path);
        return NULL;
}

/* ---- listening and connecting ---- */

struct fault *unix_listen(const char *path, mode_t mode, int *ret_fd, struct unix_file *ret_file)
{
        AUTO_CLOSE int fd = -1;
        struct sockaddr_un address;
        struct stat st;

        TRY(address_make(path, &address));
        TRY(stale_remove(path, &address));

        TRY(socket_make(&fd));
        /* The file gets the mode of the unbound socket (less umask) in bind itself, and the exact one before listen:
         * at no time can somebody connect whom `mode` does not allow. */
        if (fchmod(fd, mode) != 0 || bind(fd, (const struct sockaddr *) &address, sizeof address) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "bind %s", path);
        if (lstat(path, &st) != 0 || chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
                int err = errno;

                (void) unlink(path); /* ours, useless; the fault below is what counts */
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", err, "listen on %s", path);
        }

        *ret_file = (struct unix_file){st.st_dev, st.st_ino};
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

void unix_unlink(const char *path, const struct unix_file *file)
{
        struct stat st;

        if (lstat(path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino)
                (void) unlink(path); /* at worst a stale socket stays, which the next start replaces */
}

struct fault *unix_connect(const char *path, int *ret_fd)
{
        AUTO_CLOSE int fd = -1;
        struct sockaddr_un address;

        TRY(address_make(path, &address));
        TRY(socket_make(&fd));
        if (connect(fd, (const struct sockaddr *) &address, sizeof address) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "CONNECT", errno, "connect to %s", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

struct fault *unix_peer_uid(int fd, uid_t *ret)
{
        struct ucred peer;
        socklen_t len = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
                return fault_errno(FAULT_INTERNAL, "PEER_UID", errno, "ask who the peer is");
        *ret = peer.uid;
        return NULL;
}

struct fault *thread_start(const char *name, void *(*run)(void *), void *arg, pthread_t *ret)
{
        static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                  SIGTRAP, SIGABRT, SIGSYS}; /* a thread's own mistakes */
        sigset_t blocked, before;
        int err;

        (void) sigfillset(&blocked); /* can't fail, nor does sigdelset for these */
        for (size_t i = 0; i < COUNT_OF(own); i++)
                (void) sigdelset(&blocked, own[i]);
        pthread_sigmask(SIG_SETMASK, &blocked, &before);
        err = pthread_create(ret, NULL, run, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (err != 0)
                return fault_errno(FAULT_EXHAUSTED, "THREAD", err, "start thread %s", name);
        (void) pthread_setname_np(*ret, name); /* for people who look at top; nothing depends on it */
        return NULL;
}

/* ---- acceptor ---- */

static void acceptor_take(struct unix_acceptor *a)
{
        int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
                a->events.accepted(a->events.self, fd);
                return;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                log_debug("accept_deferred", KV("path", a->path));
                (void) poll(&(struct pollfd){.fd = a->wake_fd, .events = POLLIN}, 1, NO_DESCRIPTOR_WAIT_MS);
        }
}

static void *acceptor_run(void *arg)
{
        struct unix_acceptor *a = arg;
        struct pollfd fds[] = {{.fd = a->wake_fd, .events = POLLIN}, {.fd = a->listen_fd, .events = POLLIN}};

        while (!atomic_load(&a->stopping)) {
                eventfd_t count;

                if (poll(fds, COUNT_OF(fds), -1) < 0)
                        continue; /* EINTR: the signal is not for us */
                if (fds[0].revents != 0) {
                        (void) eventfd_read(a->wake_fd, &count); /* only its being readable matters */
                        if (a->events.woken != NULL)
                                a->events.woken(a->events.self);
                }
                if (fds[1].revents != 0 && !atomic_load(&a->stopping))
                        acceptor_take(a);
        }
        return NULL;
}

static void acceptor_free(struct unix_acceptor *a)
{
        auto_close_cleanup(&a->listen_fd);
        auto_close_cleanup(&a->wake_fd);
        free(a->path);
        free(a);
}

struct fault *unix_acceptor_start(const char *path, mode_t mode, const struct unix_acceptor_events *events,
                                  struct unix_acceptor **ret)
{
        struct unix_acceptor *a = NEW(struct unix_acceptor);
        struct fault *failed;

        a->path = alloc_string(path);
        a->events = *events;
        a->listen_fd = -1;
        a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        failed = a->wake_fd < 0 ? fault_errno(FAULT_EXHAUSTED, "SOCKET", errno, "make an eventfd") : NULL;
        if (failed == NULL)
                failed = unix_listen(path, mode, &a->listen_fd, &a->file);
        if (failed == NULL) {
                failed = thread_start("accept", acceptor_run, a, &a->thread);
                if (failed != NULL)
                        unix_unlink(path, &a->file);
        }
        if (failed != NULL) {
                acceptor_free(a);
                return failed;
        }
        *ret = a;
        return NULL;
}

void unix_acceptor_wake(struct unix_acceptor *a)
{
        (void) eventfd_write(a->wake_fd, 1); /* fails only when the counter is full, and then it is readable anyway */
}

void unix_acceptor_stop(struct unix_acceptor *a)
{
        if (a == NULL)
                return;
        unix_unlink(a->path, &a->file);
        atomic_store(&a->stopping, true);
        unix_acceptor_wake(a);
        pthread_join(a->thread, NULL);
        acceptor_free(a);
}
