#include "tests/fakes/imds.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/auto.h"
#include "lib/base/fault.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "tests/fakes/azure_machine.h"

#define REQUEST_MAX       ((size_t) 16 * 1024)
#define BODY_MAX          ((size_t) 256 * 1024)
#define HUGE_LEN          ((size_t) 128 * 1024)
#define TIMES_WITHOUT_END 1000000

static const char *const names[] = {"fine", "busy", "failing", "missing", "rubbish", "huge", "silent"};
_Static_assert(COUNT_OF(names) == IMDS_MODE_COUNT, "every mode has a name");

enum imds_mode imds_mode_by_name(const char *name)
{
        unsigned m = 0;
        while (m < IMDS_MODE_COUNT && strcmp(names[m], name) != 0)
                m++;
        return (enum imds_mode) m;
}

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        abort();
}

int imds_listen(uint16_t *ret_port)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(fd >= 0 && bind(fd, (const struct sockaddr *) &at, len) == 0 && listen(fd, 16) == 0 &&
                     getsockname(fd, (struct sockaddr *) &at, &len) == 0,
             "listen");
        *ret_port = ntohs(at.sin_port);
        return fd;
}

/* ---- one request ---- */

struct request {
        char text[REQUEST_MAX + 1];
        size_t len;
        struct span body;
};

static size_t body_len(const char *head)
{
        const char *at = strcasestr(head, "\r\ncontent-length:");
        if (at == NULL)
                return 0;
        at += strspn(at + strlen("\r\ncontent-length:"), " ") + strlen("\r\ncontent-length:");
        uint64_t len = 0;
        AUTO(fault) struct fault *f = parse_u64(span_make(at, strcspn(at, "\r")), 0, REQUEST_MAX, &len);
        must(f == NULL, "content-length");
        return (size_t) len;
}

static bool read_request(int fd, struct request *r)
{
        ssize_t n;
        r->len = 0;
        while (r->len < REQUEST_MAX && (n = read(fd, r->text + r->len, REQUEST_MAX - r->len)) > 0) {
                r->len += (size_t) n;
                r->text[r->len] = '\0';
                const char *end = strstr(r->text, "\r\n\r\n");
                if (end == NULL)
                        continue;
                size_t head = (size_t) (end + 4 - r->text);
                if (r->len >= head + body_len(r->text)) {
                        r->body = span_make(r->text + head, r->len - head);
                        return true;
                }
        }
        return false;
}

/* ---- its answer ---- */

static bool begins(const struct request *r, const char *with)
{
        return strncmp(r->text, with, strlen(with)) == 0;
}

static int answer_well(const struct request *r, struct buf *body)
{
        if (strcasestr(r->text, "\r\nMetadata: true\r\n") == NULL)
                return 400;
        if (begins(r, "GET /metadata/THIM/amd/certification ")) {
                azure_machine_certificates(clock_wall(&clock_system), body);
                return 200;
        }
        if (begins(r, "POST /acc/tdquote "))
                return azure_machine_td_quote(clock_wall(&clock_system), r->body, body) ? 200 : 400;
        return 404;
}

static void must_append(struct buf *out, struct span what)
{
        AUTO(fault) struct fault *f = buf_append(out, what);
        must(f == NULL, "answer");
}

static int answer_as_told(const struct request *r, enum imds_mode mode, struct buf *body)
{
        static const uint8_t zeros[HUGE_LEN];
        switch (mode) {
        case IMDS_FINE:
                return answer_well(r, body);
        case IMDS_BUSY:
                return 429;
        case IMDS_FAILING:
                return 500;
        case IMDS_RUBBISH:
                must_append(body, SPAN("<html>Azure</html>"));
                return 200;
        case IMDS_HUGE:
                must_append(body, SPAN_OF(zeros));
                return 200;
        default:
                return 404;
        }
}

static void write_answer(int fd, int status, unsigned retry_after_s, struct span body)
{
        AUTO_STRING char *again = alloc_printf("Retry-After: %u\r\n", retry_after_s);
        AUTO_STRING char *head =
                alloc_printf("HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                             "Connection: close\r\n%s\r\n",
                             status, body.len, retry_after_s > 0 ? again : "");
        AUTO(buf) struct buf all = BUF(BODY_MAX);
        must_append(&all, span_str(head));
        must_append(&all, body);
        for (size_t at = 0; at < all.len;) {
                ssize_t n = send(fd, all.data + at, all.len - at, MSG_NOSIGNAL);
                if (n <= 0)
                        return; /* who went away wants nothing */
                at += (size_t) n;
        }
}

void imds_answer(int fd, enum imds_mode mode, unsigned retry_after_s)
{
        struct request r;
        AUTO(buf) struct buf body = BUF(BODY_MAX);
        if (!read_request(fd, &r))
                return;
        while (mode == IMDS_SILENT && read(fd, r.text, REQUEST_MAX) > 0)
                ; /* until it goes */
        if (mode == IMDS_SILENT)
                return;
        int status = answer_as_told(&r, mode, &body);
        write_answer(fd, status, retry_after_s, buf_span(&body));
}

/* ---- the thread ---- */

static enum imds_mode take_mode(struct imds *i)
{
        pthread_mutex_lock(&i->mu);
        enum imds_mode mode = i->left > 0 ? i->mode : IMDS_FINE;
        if (i->left > 0)
                i->left--;
        i->asked++;
        pthread_mutex_unlock(&i->mu);
        return mode;
}

static void *serve(void *arg)
{
        struct imds *i = arg;
        for (;;) {
                AUTO_CLOSE int fd = accept4(i->listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        return NULL; /* shut down: imds_stop */
                imds_answer(fd, take_mode(i), 0);
        }
}

void imds_start(struct imds *i)
{
        uint16_t port;
        *i = (struct imds){.listener = imds_listen(&port), .mu = PTHREAD_MUTEX_INITIALIZER};
        (void) snprintf(i->url, sizeof i->url, "http://127.0.0.1:%u", port); /* fits */
        must(pthread_create(&i->thread, NULL, serve, i) == 0, "start");
}

void imds_say(struct imds *i, enum imds_mode mode, unsigned times)
{
        pthread_mutex_lock(&i->mu);
        i->mode = mode;
        i->left = times == 0 ? TIMES_WITHOUT_END : times;
        i->asked = 0;
        pthread_mutex_unlock(&i->mu);
}

unsigned imds_asked(struct imds *i)
{
        pthread_mutex_lock(&i->mu);
        unsigned asked = i->asked;
        i->asked = 0;
        pthread_mutex_unlock(&i->mu);
        return asked;
}

void imds_stop(struct imds *i)
{
        (void) shutdown(i->listener, SHUT_RDWR); /* ends accept */
        pthread_join(i->thread, NULL);
        (void) close(i->listener); /* read only */
        pthread_mutex_destroy(&i->mu);
}
