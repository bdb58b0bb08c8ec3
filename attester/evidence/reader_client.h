/* reader_client: the evidence source whose TEE is another process's: asks `vouchsafe-attester reader` over its socket (protocol.md §5).
 *
 * Same vtable, same faults: what the reader says comes back with its own code and token. A reader that isn't there, or goes away in
 * the middle of a call, is FAULT_UNAVAILABLE "tee.gone"; the connection is made again by itself. */
#pragma once

#include "attester/evidence/source.h"

/* `kind` lives for ever. */
struct fault *evidence_reader_client_open(const struct evidence_options *o, const char *kind, bool needs_enrolment,
                                          struct evidence_source *ret) MUST_USE;
