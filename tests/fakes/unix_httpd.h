/* unix_httpd: an httpd that a test runs on a socket in a folder of its own.
 *
 *     static struct unix_httpd server;
 *     static const struct httpd_route routes[] = {{"GET", "/v1/records/…", 1024, on_record, NULL}};
 *     unix_httpd_start(&server, routes, COUNT_OF(routes));
 *     http_unix_get(server.path, "/v1/records/0a1b", NULL, &reply);
 *     return unix_httpd_stop(&server);
 */
#pragma once

#include <stdio.h>
#include <unistd.h>

#include "lib/net/httpd.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

struct unix_httpd {
        char dir[sizeof FOLDER_TEMPLATE];
        char path[64];
        struct httpd *httpd;
};

/* `routes` are borrowed until the end. */
static inline void unix_httpd_start(struct unix_httpd *u, const struct httpd_route *routes, size_t route_count)
{
        const struct httpd_options o = {.name = "unix",
                                        .routes = routes,
                                        .route_count = route_count,
                                        .workers = 1,
                                        .queue_max = 4,
                                        .connections_max = 4,
                                        .idle_timeout_ms = 5000,
                                        .clock = &clock_system};
        *u = (struct unix_httpd){.dir = FOLDER_TEMPLATE};
        assert_true(folder_make(u->dir));
        (void) snprintf(u->path, sizeof u->path, "%s/httpd.sock", u->dir); /* fits */
        expect_ok(httpd_new(&o, &u->httpd));
        expect_ok(httpd_listen_unix(u->httpd, u->path, 0600));
        expect_ok(httpd_start(u->httpd));
}

/* 0: also the folder is gone. */
static inline int unix_httpd_stop(struct unix_httpd *u)
{
        httpd_stop(u->httpd, 1000);
        (void) unlink(u->path); /* the server may have done so */
        return rmdir(u->dir);
}
