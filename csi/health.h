/* health: what operators and probes see, over HTTP on a Unix socket: /healthz (alive), /readyz (CSI answering, registered when asked to,
 * volumes restored), /metrics (Prometheus), /volumes (JSON: states and next renewals; no secrets). */
#pragma once

#include "csi/volume/volumes.h"
#include "lib/base/fault.h"

struct registration;
struct link;
struct health_sources {
        struct volumes *volumes;
        struct link *link;
        struct registration *registration; /* NULL: not asked to register */
};
struct health;
struct fault *health_start(const char *socket_path, const struct health_sources *sources, const struct clock *clock,
                           struct health **ret) MUST_USE;
/* Counts and times a finished call; for rpc_server_options.on_done. */
void health_call_done(void *unused, const char *method, const struct fault *fault, int64_t took_us);
void health_stop(struct health *h);

/* `vouchsafe-csi --probe`: asks /readyz on the socket; NULL when ready, else the reason. For exec probes. */
struct fault *health_probe(const char *socket_path) MUST_USE;
