/* shred: directories walked by descriptor, and files overwritten before they go.
 *
 * Overwriting means something on tmpfs, where a file's pages are the memory itself. A file with another name left (kept by the next
 * generation) is only unlinked. */
#pragma once

#include <dirent.h>

#include "lib/base/fault.h"

/* Calls `visit` for every entry of `dir` but "." and ".."; entries may be removed on the way. Ends at the first fault. */
struct fault *shred_walk(int dir, struct fault *(*visit)(void *arg, int dir, const char *name, unsigned char type),
                         void *arg) MUST_USE;
/* A file, a link, or a directory with what is in it (SHRED_DEPTH_MAX levels). Missing is fine. FAULT_INTERNAL "SHRED_FAILED". */
#define SHRED_DEPTH_MAX 4
struct fault *shred_tree(int dir, const char *name) MUST_USE;
