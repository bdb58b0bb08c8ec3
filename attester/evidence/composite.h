/* composite: one kind of evidence with others bound into it: a CPU's report and the quote of the machine's TPM, with its boot log.
 *
 * Secondary items are collected first, over the transcript without field 6; their digests become that field, by ascending kind, and the
 * primary is collected over the whole (protocol.md §1). So neither can be of another request, and the primary's machine vouches for what
 * stands beside it. What comes out is a collection, the primary's label CMW_PRIMARY_LABEL, the others' their kind.
 *
 * What enrolls is the secondary kind that needs it; for an enrolment's own quote that kind answers alone. Each part is read here, or by the
 * evidence reader when that reads its kind; it is composed here in either case: the reader gives evidence of one kind a call. */
#pragma once

#include "attester/evidence/source.h"

/* `o` has secondary kinds. FAULT_INVALID "evidence.secondary", "evidence.kind" (a reader that reads none of the kinds), and those of
 * evidence_open and evidence_reader_kinds. Its collect: those of the parts, and FAULT_EXHAUSTED "evidence.size". */
struct fault *evidence_composite_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* Which kinds may stand beside `primary`: FAULT_INVALID "evidence.secondary" when one of `o` may not, or is named twice. */
struct fault *evidence_secondary_check(const struct evidence_options *o, const char *primary) MUST_USE;
/* The options for one of the kinds alone. */
struct evidence_options evidence_part(const struct evidence_options *o, const char *kind);
