/* keys: stored keys for those who own them, over a Unix socket, or HTTPS with client certificates of a CA of their own.
 *
 *   GET    /v1/keys                    those that the caller may see, by name; "next" when there are more (?after=)
 *   POST   /v1/keys                    {"name","identity","algorithm" and/or "pem"}: made here, or imported
 *   GET    /v1/keys/{name}
 *   POST   /v1/keys/{name}/rotate      {} or {"pem"}: the next version
 *   DELETE /v1/keys/{name}             all of it; ?version=N: that version
 *   POST   /v1/keystore/rewrap         after a change of KEK; for administrators
 *
 * A key belongs to whom the policy in force says its identity belongs: the owner of the Workloads that grant it. root and this program's
 * own user may do everything; others (keystore.owners: users, clients) what their owners may: "keys.owner" otherwise, also for keys that do not
 * exist, so that nobody learns what others have. No answer holds a private key. */
#pragma once

#include "issuer/api/api.h"

#define KEY_ROUTES 6
void keys_routes(struct api *a, struct httpd_route ret[KEY_ROUTES]);
/* May this peer act for `owner`? NULL: for everybody. FAULT_DENIED "keys.owner". */
struct fault *keys_check_owner(const struct api *a, const struct httpd_request *q, const char *owner) MUST_USE;
/* A version's certificate, made anew when half of its life is over. "keys.identity": the policy in force gives the key's identity to nobody,
 * or to another owner. */
struct fault *keys_certify(struct api *a, const struct policy *policy, const struct stored_key *k,
                           struct key_version *v) MUST_USE;
