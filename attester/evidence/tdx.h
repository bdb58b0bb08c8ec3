/* tdx: evidence of an Intel TDX guest: the quote, with the boot log that its registers replay (part "ccel").
 *
 * From configfs-tsm. A TDREPORT alone (/dev/tdx_guest) is only MACed, so it is no evidence for anybody else. */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_INVALID "evidence.privilege_level": TDX has none. */
struct fault *evidence_tdx_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_tdx_probe(const struct evidence_options *o) MUST_USE;
