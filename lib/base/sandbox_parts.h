/* sandbox_parts: what sandbox.c is put together from. */
#pragma once

#include "lib/base/sandbox.h"

/* System calls, for all threads (sandbox_filter.c). */
struct fault *sandbox_filter(const struct sandbox_profile *p) MUST_USE;
/* Files and TCP; `ret_version` is that of the kernel's Landlock, 0 without one (sandbox_landlock.c). */
struct fault *sandbox_landlock(const struct sandbox_profile *p, int *ret_version) MUST_USE;
