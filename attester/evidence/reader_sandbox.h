/* reader_sandbox: what the evidence reader may no longer do once it runs: it is root and parses what an unprivileged process sends.
 *
 * No socket but AF_UNIX ones (the TPM of a test, its own), no new program, no mount, namespace, module, tracing, io_uring (which would go round
 * the filter) or change of identity; privileges can't grow again. A refused call fails with EPERM. For all threads, for good. */
#pragma once

#include "lib/base/fault.h"

struct fault *reader_sandbox_enter(void) MUST_USE; /* FAULT_INTERNAL "SANDBOX" */
