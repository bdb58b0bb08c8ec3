/* identity: the CSI Identity service. Ready once volumes are restored; issuer and attester have no say in it, or an outage of theirs
 * would restart every node plugin. */
#pragma once

#include <stdatomic.h>

#include "lib/net/rpc.h"

struct identity {
        atomic_bool ready;
};
/* `lane` is the quick one. */
struct rpc_service identity_service(struct identity *self);
