/* slow_tpm: stands between an attester and a TPM's socket and makes each quote take as long as a chip would need. Everything else
 * passes through unchanged. What it sees is written to LOG, one line a command: its code (hex) and microseconds, the delay included.
 *
 * usage: slow_tpm LISTEN BACKEND DELAY_MS LOG
 * BACKEND.ctrl, swtpm's control channel, is carried over LISTEN.ctrl, a message at a time. One connection of each kind at a time, as
 * swtpm has it. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/parse.h"

#define HEADER_LEN   10 /* tag, size, code */
#define MESSAGE_MAX  (64u << 10)
#define TPM_CC_QUOTE 0x158u

struct relay {
        const char *listen, *backend;
        uint64_t delay_ms; /* of a quote */
        FILE *log;         /* NULL: the control channel */
};

static int64_t now_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static struct sockaddr_un address_of(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        (void) snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        return a;
}

static int listen_at(const char *path)
{
        struct sockaddr_un a = address_of(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void) unlink(path); /* there may be none */
        mode_t before = umask(0);
        bool good = fd >= 0 && bind(fd, (const void *) &a, sizeof a) == 0 && listen(fd, 16) == 0;
        (void) umask(before);
        if (!good) {
                perror(path);
                _exit(1);
        }
        return fd;
}

static int connect_to(const char *path)
{
        struct sockaddr_un a = address_of(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const void *) &a, sizeof a) != 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
        while (len > 0) {
                ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent <= 0)
                        return false;
                bytes += sent;
                len -= (size_t) sent;
        }
        return true;
}

static uint32_t u32_at(const uint8_t *p)
{
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

/* One TPM command or response, whole: its size stands in its header. 0: the end. */
static size_t read_message(int fd, uint8_t *into)
{
        size_t got = 0, wanted = HEADER_LEN;
        while (got < wanted) {
                ssize_t n = read(fd, into + got, wanted - got);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return 0;
                got += (size_t) n;
                if (got >= HEADER_LEN)
                        wanted = u32_at(into + 2);
                if (wanted < HEADER_LEN || wanted > MESSAGE_MAX)
                        return 0;
        }
        return got;
}

static void relay_commands(const struct relay *r, int front, int back)
{
        static uint8_t message[MESSAGE_MAX];
        for (size_t len = read_message(front, message); len > 0; len = read_message(front, message)) {
                int64_t began = now_us();
                uint32_t code = u32_at(message + 6);
                if (code == TPM_CC_QUOTE && r->delay_ms > 0)
                        (void) poll(NULL, 0, (int) r->delay_ms); /* only waits */
                if (!send_all(back, message, len))
                        return;
                len = read_message(back, message);
                if (len == 0 || !send_all(front, message, len))
                        return;
                (void) fprintf(r->log, "%x %lld\n", code, (long long) (now_us() - began));
                (void) fflush(r->log);
        }
}

static bool pass(int from, int to)
{
        uint8_t bytes[4096];
        ssize_t n = read(from, bytes, sizeof bytes);
        return n > 0 && send_all(to, bytes, (size_t) n);
}

static void relay_bytes(int front, int back)
{
        struct pollfd fds[] = {{.fd = front, .events = POLLIN}, {.fd = back, .events = POLLIN}};
        for (bool good = true; good;) {
                if (poll(fds, 2, -1) < 0)
                        continue;
                if (fds[0].revents != 0)
                        good = pass(front, back);
                if (good && fds[1].revents != 0)
                        good = pass(back, front);
        }
}

static _Noreturn void relay_serve(const struct relay *r)
{
        int listener = listen_at(r->listen);
        for (;;) {
                int front = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (front < 0)
                        continue;
                int back = connect_to(r->backend);
                if (back >= 0 && r->log != NULL)
                        relay_commands(r, front, back);
                else if (back >= 0)
                        relay_bytes(front, back);
                if (back >= 0)
                        close(back);
                close(front);
        }
}

static void *relay_run(void *arg)
{
        relay_serve(arg);
}

int main(int argc, char **argv)
{
        char control[2][108];
        if (argc != 5) {
                (void) fprintf(stderr, "usage: slow_tpm LISTEN BACKEND DELAY_MS LOG\n");
                return 2;
        }
        (void) snprintf(control[0], sizeof control[0], "%s.ctrl", argv[1]);
        (void) snprintf(control[1], sizeof control[1], "%s.ctrl", argv[2]);
        struct relay commands = {argv[1], argv[2], 0, fopen(argv[4], "w")};
        AUTO(fault) struct fault *bad = parse_u64(span_str(argv[3]), 0, 10000, &commands.delay_ms);
        struct relay bytes = {control[0], control[1], 0, NULL};
        pthread_t thread;
        if (bad != NULL || commands.log == NULL || pthread_create(&thread, NULL, relay_run, &bytes) != 0) {
                perror(argv[4]);
                return 1;
        }
        relay_serve(&commands);
}
