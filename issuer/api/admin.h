/* admin: what an operator asks on the machine itself, over Unix sockets.
 *
 * The admin socket (mode 0600) answers root and this program's own user only, whatever its file's mode has become: every route asks the peer's
 * uid (SO_PEERCRED). The health socket has no secrets and no effects, and answers whoever may connect.
 *
 *   admin:  GET /v1/records/{serial or id}, GET /v1/refusals, POST /v1/policy/reload, GET /v1/attestation-keys,
 *           DELETE /v1/attestation-keys/{name}, GET and POST /v1/endorsements (a page of a bundle out, and in),
 *           GET /v1/endorsements/status, those of keys.h, and the health routes
 *   health: GET /healthz, /readyz, /metrics */
#pragma once

#include "issuer/api/api.h"
#include "issuer/api/keys.h"

#define ADMIN_ROUTES (HEALTH_ROUTES + 8 + KEY_ROUTES)
void admin_routes(struct api *a, struct httpd_route ret[ADMIN_ROUTES]);
void api_health_routes(struct api *a, struct httpd_route ret[HEALTH_ROUTES]);
