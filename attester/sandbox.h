/* sandbox: what the attester may do. It holds keys on their way to a pod, parses what an issuer sends, and is the only program on a node with a network
 * client: so it has no capability, mounts nothing, starts nothing, listens on no port, and sees no files but its own state, its token, the issuer's CA, what
 * names are looked up with, and the TPM. As root it refuses to run: root's files would be its files. */
#pragma once

#include "attester/config.h"

/* Before the first thread. FAULT_PRECONDITION "RUN_AS_ROOT", FAULT_INTERNAL "SANDBOX". */
struct fault *attester_sandbox_enter(const struct attester_config *c) MUST_USE;
