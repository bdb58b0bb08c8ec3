/* tdreport: the TDREPORT that the paravisor was given against the quote that was made of it. A TDREPORT has a MAC alone, which nobody outside the
 * machine can check: every field must be the quote's. Intel TDX Module ABI, TDREPORT_STRUCT. */
#pragma once

#include "lib/base/span.h"

/* Which field differs, or what is wrong with the quote's shape; NULL: all are equal. A literal. */
const char *tdreport_difference(struct span tdreport, struct span quote);
