#include "attester/evidence/qgs_host.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"

#define CONF_MAX      ((size_t) 16 * 1024)
#define PORT_MAX      (UINT32_MAX - 1) /* the last one is VMADDR_PORT_ANY */
#define POLL_SLICE_MS 50               /* how soon a cancel is seen */

/* ---- which port ---- */

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
        while (s.len > 0 && is_blank(s.data[0]))
                s = span_slice(s, 1, s.len - 1);
        while (s.len > 0 && is_blank(s.data[s.len - 1]))
                s = span_slice(s, 0, s.len - 1);
        return s;
}

static struct fault *read_port(struct span text, uint32_t *ret)
{
        while (text.len > 0) {
                struct span line = span_cut(&text, '\n', NULL), name = span_cut(&line, '=', NULL);
                uint64_t port;
                if (!span_eq_str(trim(name), "port"))
                        continue;
                TRY(parse_u64(trim(line), 1, PORT_MAX, &port));
                *ret = (uint32_t) port;
                return NULL;
        }
        *ret = 0;
        return NULL;
}

struct fault *qgs_port_find(uint32_t configured, const char *file, uint32_t *ret)
{
        AUTO(buf) struct buf text = BUF(CONF_MAX);
        if (configured != 0) {
                *ret = configured;
                return NULL;
        }
        AUTO(fault) struct fault *f = file_read(file, &text);
        if (f != NULL && fault_code(f) == FAULT_NOT_FOUND) {
                *ret = 0;
                return NULL;
        }
        TRY(TAKE(f));
        return fault_rename(fault_prefix(read_port(buf_span(&text), ret), "%s", file), FAULT_INVALID,
                            "evidence.qgs_port");
}

/* ---- connecting ---- */

static struct fault *not_connected(int error, uint32_t port)
{
        switch (error) {
        case EAFNOSUPPORT:
        case ENODEV:
                return fault_errno(FAULT_PRECONDITION, "tee.no_vsock", error, "this machine has no vsock");
        case EPERM:
        case EACCES:
                return fault_errno(FAULT_PRECONDITION, "tee.permission", error, "vsock");
        default:
                return fault_errno(FAULT_UNAVAILABLE, "tee.host", error,
                                   "no quote generation service at the host's vsock port %u", port);
        }
}

static struct fault *await_connected(int fd, uint32_t port, int64_t patience_ms, struct cancel *cancel)
{
        int64_t until = clock_boot(&clock_system).ms + patience_ms;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int error = 0;
        socklen_t len = sizeof error;
        while (poll(&p, 1, (int) cancel_left_ms(cancel, POLL_SLICE_MS)) <= 0) {
                TRY(cancel_check(cancel));
                if (clock_boot(&clock_system).ms >= until)
                        return fault(FAULT_UNAVAILABLE, "tee.timeout",
                                     "no quote generation service answers at the host's vsock port %u", port);
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
                return not_connected(error, port);
        return NULL;
}

struct fault *qgs_connect(uint32_t port, int64_t patience_ms, struct cancel *cancel, int *ret_fd)
{
        const struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_HOST};
        TRY(cancel_check(cancel));
        AUTO_CLOSE int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return not_connected(errno, port);
        if (connect(fd, (const struct sockaddr *) &host, sizeof host) < 0) {
                if (errno != EINPROGRESS)
                        return not_connected(errno, port);
                TRY(await_connected(fd, port, patience_ms, cancel));
        }
        *ret_fd = TAKE_FD(fd);
        return NULL;
}
