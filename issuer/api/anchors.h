/* anchors: what else than the makers' own roots a kind of evidence may lead to, as the operator named it (evidence.anchors).
 *
 * Of most kinds that is a file of certificates, handed to the appraiser as it stands. CCA has no certificates: there it is platform keys
 * (issuer/verifier/cca/keys.h), in a file or in a folder of files, read once and then looked up. An empty folder is a configuration
 * too: no platform is known. */
#pragma once

#include "issuer/verifier/verifier.h"

struct anchors_config;

struct anchors {
        const char *kind;          /* EVIDENCE_*; borrowed from the table of kinds */
        struct buf bytes;          /* PEM or DER certificates; empty for cca */
        struct cca_keys *cca_keys; /* NULL for the others */
};
/* FAULT_INVALID "CONFIG" for a kind that is unknown; "cca.cpak_format"; faults of files. `ret` is zeroed, and cleared by the caller in any
 * case. */
struct fault *anchors_load(const struct anchors_config *c, struct anchors *ret) MUST_USE;
/* Gives them to an appraisal of their kind, which borrows. NULL is none. */
struct fault *anchors_lend(const struct anchors *a, struct appraisal *in) MUST_USE;
void anchors_clear(struct anchors *a);
