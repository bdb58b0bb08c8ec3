#include "attester/evidence/tcti_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

#include "lib/base/parse.h"

#define MAGIC           0x766f756368736166u /* "vouchsaf" */
#define ANSWER_MAX      4096                /* TPM2_MAX_RESPONSE_SIZE */
#define HEADER_LEN      10                  /* tag, size, code */
#define SIZE_AT         2
#define PORT_DEFAULT    2321
#define HOST_TEXT_MAX   64
#define CONNECT_MAX_MS  10000
#define CONNECT_POLL_MS 50
#define SEND_MAX_MS     1000 /* a command fits the socket's buffer: longer means that nobody reads */

static const char prefix[] = "swtpm:";

struct tcti_socket {
        TSS2_TCTI_CONTEXT_COMMON_V2 common; /* first: the library sees only this */
        int fd;
        size_t got; /* of the answer that is coming in */
        uint8_t answer[ANSWER_MAX];
};

/* ---- the string */

bool tcti_socket_is_ours(const char *tcti)
{
        return strncmp(tcti, prefix, sizeof prefix - 1) == 0;
}

static struct fault *bad(const char *tcti)
{
        return fault(FAULT_INVALID, "evidence.tcti", "\"%s\" is not swtpm:path=/… or swtpm:host=127.0.0.1,port=2321",
                     tcti);
}

static bool fill_unix(const char *path, struct tcti_address *a)
{
        struct sockaddr_un *un = (struct sockaddr_un *) (void *) &a->address;
        size_t len = strlen(path);
        if (path[0] != '/' || len >= sizeof un->sun_path)
                return false;
        *un = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(un->sun_path, path, len);
        a->len = sizeof *un;
        return true;
}

static bool fill_inet(const char *host, uint16_t port, struct tcti_address *a)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *) (void *) &a->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) (void *) &a->address;
        if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                a->len = sizeof *v4;
                return true;
        }
        *a = (struct tcti_address){0};
        if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
                return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        a->len = sizeof *v6;
        return true;
}

/* One "name=value" of host and port. */
static bool take_pair(struct span pair, char *host, uint16_t *port)
{
        if (span_starts_with(pair, SPAN("port="))) {
                uint64_t n;
                AUTO(fault) struct fault *f = parse_u64(span_slice(pair, 5, pair.len - 5), 1, UINT16_MAX, &n);
                if (f == NULL)
                        *port = (uint16_t) n;
                return f == NULL;
        }
        if (!span_starts_with(pair, SPAN("host=")) || pair.len - 5 >= HOST_TEXT_MAX)
                return false;
        memcpy(host, pair.data + 5, pair.len - 5);
        host[pair.len - 5] = '\0';
        return true;
}

struct fault *tcti_socket_parse(const char *tcti, struct tcti_address *ret)
{
        struct tcti_address a = {0};
        if (!tcti_socket_is_ours(tcti))
                return bad(tcti);
        const char *text = tcti + sizeof prefix - 1;
        if (strncmp(text, "path=", 5) == 0) {
                if (!fill_unix(text + 5, &a))
                        return bad(tcti);
                *ret = a;
                return NULL;
        }

        char host[HOST_TEXT_MAX] = "127.0.0.1";
        uint16_t port = PORT_DEFAULT;
        for (struct span rest = span_str(text); rest.len > 0;) {
                struct span pair = span_cut(&rest, ',', NULL);
                if (!take_pair(pair, host, &port))
                        return bad(tcti);
        }
        if (!fill_inet(host, port, &a))
                return bad(tcti);
        *ret = a;
        return NULL;
}

/* ---- what the library calls */

static struct tcti_socket *self_of(TSS2_TCTI_CONTEXT *context)
{
        return (struct tcti_socket *) (void *) context;
}

static bool is_ready(int fd, short events, int wait_ms)
{
        struct pollfd p = {.fd = fd, .events = events};
        return poll(&p, 1, wait_ms) != 0; /* an error shows at the next read or write */
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
        struct tcti_socket *s = self_of(context);
        s->got = 0;
        for (size_t at = 0; at < size;) {
                ssize_t n = send(s->fd, command + at, size - at, MSG_NOSIGNAL);
                if (n > 0)
                        at += (size_t) n;
                else if ((errno != EAGAIN && errno != EINTR) || !is_ready(s->fd, POLLOUT, SEND_MAX_MS))
                        return TSS2_TCTI_RC_IO_ERROR;
        }
        return TSS2_RC_SUCCESS;
}

static size_t answer_len(const struct tcti_socket *s)
{
        const uint8_t *size = s->answer + SIZE_AT;
        return (size_t) size[0] << 24 | (size_t) size[1] << 16 | (size_t) size[2] << 8 | size[3];
}

/* Reads until `len` bytes of the answer are here. */
static TSS2_RC read_until(struct tcti_socket *s, size_t len, int timeout_ms)
{
        while (s->got < len) {
                ssize_t n = recv(s->fd, s->answer + s->got, len - s->got, 0);
                if (n > 0)
                        s->got += (size_t) n;
                else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        return TSS2_TCTI_RC_IO_ERROR;
                else if (!is_ready(s->fd, POLLIN, timeout_ms))
                        return TSS2_TCTI_RC_TRY_AGAIN;
        }
        return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout_ms)
{
        struct tcti_socket *s = self_of(context);
        TSS2_RC rc = read_until(s, HEADER_LEN, timeout_ms);
        if (rc != TSS2_RC_SUCCESS)
                return rc;
        size_t len = answer_len(s);
        if (len < HEADER_LEN || len > sizeof s->answer)
                return TSS2_TCTI_RC_MALFORMED_RESPONSE;
        rc = read_until(s, len, timeout_ms);
        if (rc != TSS2_RC_SUCCESS)
                return rc;

        size_t room = *size;
        *size = len;
        if (response == NULL)
                return TSS2_RC_SUCCESS; /* it only asks how long it is */
        if (room < len)
                return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
        memcpy(response, s->answer, len);
        s->got = 0;
        return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
        struct tcti_socket *s = self_of(context);
        (void) close(s->fd); /* a socket has nothing to lose */
        s->fd = -1;
}

static TSS2_RC cancel_command(TSS2_TCTI_CONTEXT *context)
{
        (void) context;
        return TSS2_TCTI_RC_NOT_IMPLEMENTED; /* whoever gives up closes the connection */
}

static TSS2_RC get_poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *count)
{
        if (handles != NULL)
                handles[0] = (TSS2_TCTI_POLL_HANDLE){.fd = self_of(context)->fd, .events = POLLIN};
        *count = 1;
        return TSS2_RC_SUCCESS;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
        (void) context;
        return locality == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC make_sticky(TSS2_TCTI_CONTEXT *context, TPM2_HANDLE *handle, uint8_t sticky)
{
        (void) context;
        (void) handle;
        (void) sticky;
        return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

/* ---- connecting */

static struct fault *gone(int err)
{
        return fault_errno(FAULT_UNAVAILABLE, "tee.gone", err, "connect to the TPM's socket");
}

static struct fault *await_connected(int fd, struct cancel *cancel)
{
        for (int waited_ms = 0; !is_ready(fd, POLLOUT, CONNECT_POLL_MS); waited_ms += CONNECT_POLL_MS) {
                TRY(cancel_check(cancel));
                if (waited_ms >= CONNECT_MAX_MS)
                        return gone(ETIMEDOUT);
        }
        int err = 0;
        socklen_t len = sizeof err;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0)
                return gone(err);
        return NULL;
}

static struct fault *connect_socket(const struct tcti_address *a, struct cancel *cancel, int *ret_fd)
{
        AUTO_CLOSE int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return gone(errno);
        if (connect(fd, (const struct sockaddr *) &a->address, a->len) < 0) {
                if (errno != EINPROGRESS)
                        return gone(errno); /* EAGAIN of a Unix socket: its backlog is full */
                TRY(await_connected(fd, cancel));
        }
        if (a->address.ss_family !=
            AF_UNIX) /* a command is one small segment and wants its answer now; slower without */
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

struct fault *tcti_socket_open(const struct tcti_address *a, struct cancel *cancel, TSS2_TCTI_CONTEXT **ret)
{
        AUTO_CLOSE int fd = -1;
        TRY(connect_socket(a, cancel, &fd));
        struct tcti_socket *s = NEW(struct tcti_socket);
        s->common.v1.magic = MAGIC;
        s->common.v1.version = 2;
        s->common.v1.transmit = transmit;
        s->common.v1.receive = receive;
        s->common.v1.finalize = finalize;
        s->common.v1.cancel = cancel_command;
        s->common.v1.getPollHandles = get_poll_handles;
        s->common.v1.setLocality = set_locality;
        s->common.makeSticky = make_sticky;
        s->fd = TAKE_FD(fd);
        *ret = (TSS2_TCTI_CONTEXT *) (void *) s;
        return NULL;
}

void tcti_socket_close(TSS2_TCTI_CONTEXT *context)
{
        if (context == NULL)
                return;
        finalize(context);
        free(self_of(context));
}
