/* prefetch: a line of a list of chips to the canonical path of its VCEK. Pure.
 *
 *     # product, chip id (hardware id) in hex, reported TCB as the 16 hex digits of its number
 *     Milan 3ac3fe21…  d115000000000004
 *
 * Blank lines and what follows a # are nothing. The TCB is laid out as reports and `vouchsafe appraise` have it. */
#pragma once

#include "lib/base/span.h"
#include "lib/net/makers.h"

/* *ret_path is "" for a line without content. FAULT_INVALID "endorsements.prefetch". */
struct fault *prefetch_line(struct span line, char ret_path[MAKER_PATH_MAX + 1]) MUST_USE;
