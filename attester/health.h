/* health: /healthz, /readyz and /metrics of the attester, over HTTP on a Unix socket. */
#pragma once

#include "attester/batch.h"

struct health;
struct fault *health_start(const char *socket_path, struct batch *batch, struct bundle_cache *bundles,
                           bool insecure_development, const struct clock *clock, struct health **ret) MUST_USE;
void health_stop(struct health *h);
