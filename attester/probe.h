/* probe: `vouchsafe-attester probe`: what this machine can attest with, and why not, as one JSON document on standard output. */
#pragma once

#include "attester/evidence/source.h"

/* {"kinds":[{"kind","available","check","reason"},…],"auto":"sev-snp"}; no "auto": there is nothing. With a reader in the options, what
 * it reads is available as well ("by":"reader"), and auto is its choice; "reader":{"check","reason"}: it does not answer. */
struct fault *probe_write(const struct evidence_options *o, struct buf *out) MUST_USE;
struct fault *probe_run(const struct evidence_options *o) MUST_USE;
