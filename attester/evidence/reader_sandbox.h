/* reader_sandbox: what the evidence reader may do. It is root, since the kernel gives evidence to nobody else, and parses what an unprivileged process
 * sends: so no network (AF_UNIX only, also for a test's TPM; and AF_VSOCK where TDX quotes come from a service of the host, for that kind alone), no mount,
 * no new program or process, no change of identity, and no files but the devices and folders that evidence comes from, its state and its socket's folder.
 * Kept: CAP_DAC_OVERRIDE (devices of others) and CAP_CHOWN (its socket is the attester's). */
#pragma once

#include "attester/evidence/source.h"

/* Before the first thread. FAULT_INTERNAL "SANDBOX". */
struct fault *reader_sandbox_enter(const struct evidence_options *o, const char *socket_path) MUST_USE;
