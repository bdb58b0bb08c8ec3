/* link: the attester, as the volumes see it (struct acquirer), over proto/attester.proto on a Unix socket.
 *
 * Many calls are outstanding; answers come in any order and are matched by id. A lost connection fails what was waiting with FAULT_UNAVAILABLE
 * "ATTESTER_GONE" and is made again in the background; a call made meanwhile waits for it, within its own deadline, so that a
 * node that boots does not see errors just because the attester starts a moment later. A cancelled call tells the attester. */
#pragma once

#include "csi/volume/acquirer.h"
#include "lib/net/frames.h"

struct link;
/* The attester's uid is checked (SO_PEERCRED). */
struct fault *link_start(const char *socket_path, uid_t attester_uid, struct link **ret) MUST_USE;
struct acquirer link_acquirer(struct link *l);
bool link_is_up(struct link *l);
/* Fails what waits, closes, joins. NULL is fine. */
void link_stop(struct link *l);
