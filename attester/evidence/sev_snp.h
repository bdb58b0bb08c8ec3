/* sev-snp: evidence of an AMD SEV-SNP guest: the ATTESTATION_REPORT, with the host's table of certificates as a hint.
 *
 * From configfs-tsm, or /dev/sev-guest where the kernel is older. Part "auxblob". */
#pragma once

#include "attester/evidence/source.h"

/* FAULT_INVALID "evidence.privilege_level". */
struct fault *evidence_sev_snp_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* NULL: this machine has it; else why not. */
struct fault *evidence_sev_snp_probe(const struct evidence_options *o) MUST_USE;
