/* http_unix: one GET, DELETE or POST over a Unix socket, for people's tools that ask a program on the same machine. Who may ask is the
 * socket's mode and SO_PEERCRED on the other side; there is no TLS on it. */
#pragma once

#include "lib/net/http.h"

#define HTTP_UNIX_BODY_MAX (8u << 20)

/* Any status is a reply. Faults as http_get has them: FAULT_UNAVAILABLE "CONNECT" (no socket, nobody listens, no right), "HTTP",
 * FAULT_EXHAUSTED "REPLY_TOO_LARGE", the cancel's; FAULT_INVALID "BAD_PATH" for a path that isn't plain, and for a socket's
 * that is too long. `cancel` may be NULL. */
struct fault *http_unix_get(const char *socket, const char *path, struct cancel *cancel,
                            struct http_reply *ret) MUST_USE;
struct fault *http_unix_post(const char *socket, const char *path, struct span json, struct cancel *cancel,
                             struct http_reply *ret) MUST_USE;
struct fault *http_unix_delete(const char *socket, const char *path, struct cancel *cancel,
                               struct http_reply *ret) MUST_USE;
