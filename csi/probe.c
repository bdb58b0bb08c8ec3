/* The asking side of /readyz, small enough that the plugin needs no HTTP client for it. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "csi/health.h"
#include "lib/base/file.h"

#define PROBE_TIMEOUT_S 5
#define PROBE_REPLY_MAX 4096

static struct fault *connect_to(const char *path, int *ret_fd)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof address.sun_path)
                return fault(FAULT_INVALID, "SOCKET_PATH", "health socket path %s is too long", path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct timeval timeout = {.tv_sec = PROBE_TIMEOUT_S};
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
            connect(fd, (const struct sockaddr *) &address, sizeof address) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "NOT_RUNNING", errno, "connect to %s", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

struct fault *health_probe(const char *socket_path)
{
        AUTO_CLOSE int fd = -1;
        TRY(connect_to(socket_path, &fd));
        TRY(fd_write_all(fd, SPAN("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));

        char reply[PROBE_REPLY_MAX];
        size_t len = 0;
        for (ssize_t got = 1; got > 0 && len < sizeof reply; len += (size_t) got) {
                got = read(fd, reply + len, sizeof reply - len);
                if (got < 0)
                        return fault_errno(FAULT_UNAVAILABLE, "NOT_RUNNING", errno, "read from %s", socket_path);
        }
        if (!span_starts_with(span_make(reply, len), SPAN("HTTP/1.1 200 ")))
                return fault(FAULT_UNAVAILABLE, "NOT_READY", "not ready: %.*s", (int) len, reply);
        return NULL;
}
