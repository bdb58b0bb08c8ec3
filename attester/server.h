/* server: the socket on which the node plugin asks (proto/attester.proto). Reading threads only decode and hand over; answers are sent by whoever has
 * them. A closed connection cancels its calls. */
#pragma once

#include "attester/batch.h"

struct server_options {
        const char *socket_path;
        uint32_t socket_mode;
        uid_t csi_uid;
        struct batch *batch;
        struct bundle_cache *bundles;
        const char *evidence_kind;
        bool insecure_development;
        const struct clock *clock;
        int64_t acquire_limit_ms; /* put on calls without a budget */
};
struct server;
struct fault *server_start(const struct server_options *o, struct server **ret) MUST_USE;
/* Answers the watches whose sequence is another one now. */
void server_bundle_changed(struct server *s, uint64_t sequence);
/* Stops listening; calls end when the batch has stopped. Then server_free. */
void server_stop(struct server *s);
void server_free(struct server *s);
