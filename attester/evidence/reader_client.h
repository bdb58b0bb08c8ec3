/* reader_client: the evidence source whose TEE is another process's: asks `vouchsafe-attester reader` over its socket (protocol.md §5).
 *
 * Same vtable, same faults: what the reader says comes back with its own code and token. A reader that isn't there, or goes away in
 * the middle of a call, is FAULT_UNAVAILABLE "tee.gone"; the connection is made again by itself. */
#pragma once

#include "attester/evidence/reader_wire.h"

/* `kind` lives for ever. */
struct fault *evidence_reader_client_open(const struct evidence_options *o, const char *kind, bool needs_enrolment,
                                          struct evidence_source *ret) MUST_USE;
/* Which kinds the reader at o->reader_socket reads; waits at most `wait_ms` for one that is being started beside us. FAULT_PRECONDITION
 * "READER_VERSION" when it is of another release that we don't understand, FAULT_UNAVAILABLE "tee.gone". */
#define READER_START_MS 15000
struct fault *evidence_reader_kinds(const struct evidence_options *o, int64_t wait_ms,
                                    struct reader_kinds *ret) MUST_USE;
bool reader_kinds_has(const struct reader_kinds *k, const char *kind);
