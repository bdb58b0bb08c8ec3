/* tdx: evidence of an Intel TDX guest: the quote, with the boot log that its registers replay (part "ccel").
 *
 * From configfs-tsm; where the kernel has none, from /dev/tdx_guest and the host's quote generation service (tdx_guest.h). */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_INVALID "evidence.privilege_level": TDX has none; "evidence.qgs_port": QGS_CONF has a port that is none. */
struct fault *evidence_tdx_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_tdx_probe(const struct evidence_options *o) MUST_USE;
/* Whether reading what `o` says, in this process, may need a vsock: for its sandbox. */
bool evidence_tdx_needs_vsock(const struct evidence_options *o);
