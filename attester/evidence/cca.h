/* cca: evidence of an Arm CCA realm: the token, platform's half and realm's half, from configfs-tsm. */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_INVALID "evidence.privilege_level": CCA has none. */
struct fault *evidence_cca_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_cca_probe(const struct evidence_options *o) MUST_USE;
