/* server: the issuer's listeners: HTTPS for attesters, the admin socket, and the health socket. */
#pragma once

#include "issuer/api/api.h"

struct issuer_config;
struct server;
/* `a` and `c` are borrowed. The address in use is logged ("listening"). */
struct fault *server_start(struct api *a, const struct issuer_config *c, struct server **ret) MUST_USE;
/* Lets running requests finish, then closes. NULL is fine. */
void server_stop(struct server *s);
