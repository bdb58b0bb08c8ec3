/* httpd_listen: where connections come from; the clear transport over Unix sockets. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/net/httpd_conn.h"

#define NO_DESCRIPTOR_WAIT_US 100000 /* out of descriptors: connections stay in the backlog, so don't spin on them */

static void listener_free(struct httpd_listener *l)
{
        if (l->unix_path != NULL)
                unix_unlink(l->unix_path, &l->unix_file);
        if (l->listener != NULL)
                evconnlistener_free(l->listener);
        if (l->resume != NULL)
                event_free(l->resume);
        free(l->unix_path);
        free(l);
}

void httpd_listeners_free(struct httpd *h)
{
        while (h->listeners != NULL) {
                struct httpd_listener *l = h->listeners;

                h->listeners = l->next;
                listener_free(l);
        }
}

static void facts_of_peer(struct httpd_conn *c, const struct sockaddr *address)
{
        int fd = bufferevent_getfd(c->bev);

        c->facts.remote_uid = (uid_t) -1;
        (void) snprintf(c->facts.remote, sizeof c->facts.remote, "unix"); /* it fits */
        if (address->sa_family == AF_UNIX)
                fault_free(unix_peer_uid(fd, &c->facts.remote_uid)); /* stays nobody's uid without an answer */
        if (address->sa_family == AF_INET)
                (void) inet_ntop(AF_INET, &((const struct sockaddr_in *) (const void *) address)->sin_addr,
                                 c->facts.remote, sizeof c->facts.remote);
        if (address->sa_family == AF_INET6)
                (void) inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr,
                                 c->facts.remote, sizeof c->facts.remote);
}

static void on_accept(struct evconnlistener *listener UNUSED, evutil_socket_t fd, struct sockaddr *address,
                      int len UNUSED, void *arg)
{
        struct httpd_listener *l = arg;
        struct httpd *h = l->httpd;
        struct httpd_conn *before = h->conns;

        if (h->conn_count >= h->options.connections_max && !httpd_conn_evict(h)) {
                log_debug("http_connection_refused", KV("open", h->conn_count));
                (void) close(fd); /* at once: a full house must not fill the backlog as well */
                return;
        }
        if (l->unix_path == NULL)
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* slower without, not wrong */
        httpd_conn_new(l, fd);
        if (h->conns != before)
                facts_of_peer(h->conns, address);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
        struct httpd_listener *l = arg;
        struct timeval in = {0, NO_DESCRIPTOR_WAIT_US};

        log_debug("http_accept_deferred", KV("errno", errno));
        (void) evconnlistener_disable(listener); /* until resume */
        (void) event_add(l->resume, &in);        /* without memory nothing better can be done either */
}

static void on_resume(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
        struct httpd_listener *l = arg;

        (void) evconnlistener_enable(l->listener); /* it was enabled before */
}

struct fault *httpd_listen_fd(struct httpd *h, int fd, const struct httpd_transport *transport, const char *unix_path,
                              const struct unix_file *unix_file)
{
        struct httpd_listener *l = NEW(struct httpd_listener);

        assert(!h->started);
        l->httpd = h;
        l->transport = *transport;
        l->resume = event_new(h->base, -1, 0, on_resume, l);
        l->listener = evconnlistener_new(h->base, on_accept, l, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                         /* backlog= */ 0, fd);
        if (l->listener == NULL || l->resume == NULL) {
                if (l->listener == NULL)
                        (void) close(fd); /* ours by contract */
                listener_free(l);
                return fault(FAULT_EXHAUSTED, "SOCKET", "make a listener");
        }
        if (unix_path != NULL) {
                l->unix_path = alloc_string(unix_path);
                l->unix_file = *unix_file;
        }
        evconnlistener_set_error_cb(l->listener, on_accept_error);
        l->next = h->listeners;
        h->listeners = l;
        return NULL;
}

static struct bufferevent *clear_wrap(void *self UNUSED, struct event_base *base, int fd)
{
        struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

        if (bev == NULL)
                (void) close(fd); /* ours by contract */
        return bev;
}

static void clear_learn(void *self UNUSED, struct bufferevent *bev UNUSED, struct httpd_facts *facts UNUSED)
{
}

struct fault *httpd_listen_unix(struct httpd *h, const char *path, mode_t mode)
{
        const struct httpd_transport clear = {clear_wrap, clear_learn, NULL};
        struct unix_file file;
        int fd = -1;

        TRY(unix_listen(path, mode, &fd, &file));
        return httpd_listen_fd(h, fd, &clear, path, &file);
}
