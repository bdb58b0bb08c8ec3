/* signer_sandbox: what is left to the signer once it has loaded its keys: memory, time, random numbers, and the descriptors that it holds. No network, no
 * files, no processes; anything else kills it (and the issuer leaves then). Not dumpable, no new privileges. */
#pragma once

#include "lib/base/fault.h"

/* At the start: name, death with the parent, no dumps, limits, signals. `parent` must still be the parent. */
struct fault *signer_sandbox_prepare(pid_t parent) MUST_USE;
/* After loading: the filter. There is no way back. */
struct fault *signer_sandbox_enter(void) MUST_USE;
