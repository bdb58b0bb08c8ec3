/* node: the CSI Node service over volumes: publish, unpublish, statistics, and who this node is. Staging and expansion are answered
 * UNIMPLEMENTED by descriptor: an inline volume has neither. */
#pragma once

#include "csi/rpc/publish_request.h"
#include "lib/net/rpc.h"

struct node {
        const char *node_id;
        struct publish_rules rules;
        struct volumes *volumes;
};
struct rpc_service node_service(struct node *self);
