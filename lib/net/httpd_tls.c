/* httpd_tls: httpd over TLS on TCP. Apart from httpd.c, so that a program which listens on Unix sockets only does not load it. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/parse.h"
#include "lib/crypt/tls.h"
#include "lib/net/httpd_conn.h"

#define BACKLOG 1024

struct address {
        socklen_t len;
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } as;
};

static struct fault *address_bad(const char *text)
{
        return fault(FAULT_INVALID, "BAD_ADDRESS", "%s is not an address like 127.0.0.1:8443 or [::1]:8443", text);
}

/* "a.b.c.d:port" or "[v6]:port" */
static struct fault *address_parse(const char *text, struct address *ret)
{
        const char *colon = strrchr(text, ':');
        AUTO(fault) struct fault *bad_port = NULL;
        AUTO_STRING char *host = NULL;
        uint64_t port = 0;

        if (colon == NULL)
                return address_bad(text);
        bad_port = parse_u64(span_str(colon + 1), 0, UINT16_MAX, &port);
        if (bad_port != NULL)
                return address_bad(text);

        host = span_to_string(span_make(text, (size_t) (colon - text)));
        *ret = (struct address){0};
        if (inet_pton(AF_INET, host, &ret->as.v4.sin_addr) == 1) {
                ret->as.v4.sin_family = AF_INET;
                ret->as.v4.sin_port = htons((uint16_t) port);
                ret->len = sizeof ret->as.v4;
                return NULL;
        }
        if (host[0] != '[' || host[strlen(host) - 1] != ']')
                return address_bad(text);
        host[strlen(host) - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &ret->as.v6.sin6_addr) != 1)
                return address_bad(text);
        ret->as.v6.sin6_family = AF_INET6;
        ret->as.v6.sin6_port = htons((uint16_t) port);
        ret->len = sizeof ret->as.v6;
        return NULL;
}

static struct bufferevent *tls_wrap(void *self, struct event_base *base, int fd)
{
        void *ssl = tls_server_accept(self);
        struct bufferevent *bev =
                bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);

        if (bev == NULL) {
                (void) close(fd); /* ours by contract; the SSL was freed by whoever took it */
                return NULL;
        }
        bufferevent_openssl_set_allow_dirty_shutdown(bev,
                                                     1); /* requests carry their length: a cut one is seen anyway */
        return bev;
}

/* After the first request, that is, after the handshake: what is missing now is missing for good. */
/* A name that is too long is none. */
static void learn_name(const struct tls_server *t, void *ssl, struct httpd_facts *facts)
{
        AUTO(buf) struct buf name = BUF(sizeof facts->client_name - 1);
        AUTO(fault) struct fault *nameless = tls_server_knows_clients(t) ? tls_peer_name(ssl, &name) : NULL;
        if (nameless == NULL && !span_has_nul(buf_span(&name)))
                memcpy(facts->client_name, buf_str(&name), name.len + 1);
}

static void tls_learn(void *self, struct bufferevent *bev, struct httpd_facts *facts)
{
        void *ssl = bufferevent_openssl_get_ssl(bev);
        AUTO(fault) struct fault *no_exporter = tls_exporter(ssl, facts->exporter);
        AUTO(fault) struct fault *no_client = tls_peer_spki_sha256(ssl, facts->client_spki_sha256);

        facts->has_exporter = no_exporter == NULL;
        facts->has_client_spki = no_client == NULL;
        learn_name(self, ssl, facts);
}

static struct fault *tcp_listen(const char *text, int *ret_fd, uint16_t *ret_port)
{
        AUTO_CLOSE int fd = -1;
        struct address a;

        TRY(address_parse(text, &a));
        fd = socket(a.as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "make a socket");
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 || bind(fd, &a.as.any, a.len) != 0 ||
            listen(fd, BACKLOG) != 0 || getsockname(fd, &a.as.any, &a.len) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "SOCKET", errno, "listen on %s", text);
        *ret_port = ntohs(a.as.any.sa_family == AF_INET ? a.as.v4.sin_port : a.as.v6.sin6_port);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

struct fault *httpd_listen_tls(struct httpd *h, const char *address, struct tls_server *tls, uint16_t *ret_port)
{
        const struct httpd_transport transport = {tls_wrap, tls_learn, tls};
        uint16_t port = 0;
        int fd = -1;

        TRY(tcp_listen(address, &fd, &port));
        TRY(httpd_listen_fd(h, fd, &transport, /* unix_path= */ NULL, NULL));
        if (ret_port != NULL)
                *ret_port = port;
        return NULL;
}
