/* url: what a proof needs of the URL that a request goes to. */
#pragma once

#include "lib/base/span.h"

struct url {
        struct span audience; /* without query and fragment: whom the proof is for */
        struct span target;   /* path and query, as the request line has them; "/" where the URL has no path */
};
/* http:// or https:// with a host. FAULT_INVALID "USAGE". */
struct fault *url_read(struct span text, struct url *ret) MUST_USE;
