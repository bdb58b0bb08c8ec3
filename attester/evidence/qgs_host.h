/* qgs_host: where the host's quote generation service is: a vsock port of CID 2, the host. The port is ours to be told, or what Intel's own
 * library is told: a line `port = 4050` in QGS_CONF. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/span.h"

#define QGS_CONF "/etc/tdx-attest.conf"

/* *ret: `configured`, or where that is 0, the first `port` line of `file`; 0: neither. A file that isn't there says nothing. FAULT_INVALID
 * "evidence.qgs_port" for a line that has no port in it, and the faults of file_read. */
struct fault *qgs_port_find(uint32_t configured, const char *file, uint32_t *ret) MUST_USE;
/* FAULT_PRECONDITION "tee.no_vsock" (this machine has none), "tee.permission"; FAULT_UNAVAILABLE "tee.host" (nobody answers there),
 * "tee.timeout"; those of cancel_check. */
struct fault *qgs_connect(uint32_t port, int64_t patience_ms, struct cancel *cancel, int *ret_fd) MUST_USE;
