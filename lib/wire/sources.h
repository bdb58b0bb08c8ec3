/* sources: texts that an operator named, with the names that messages call them by. Policies come as files or as folders
 * of them; a mounted ConfigMap is such a folder.
 *
 * Reading is apart from judging: who compiles gets texts. A folder stands for its `*.yaml` and `*.yml` in the order of
 * their names' bytes, hidden ones left out (a ConfigMap's `..data`); links are followed, since a ConfigMap consists of
 * them; folders inside are not entered. */
#pragma once

#include "lib/base/span.h"

#define SOURCES_MAX      256
#define SOURCE_BYTES_MAX (8u << 20) /* of all texts together */

struct source {
        char *name; /* "policy/demo.yaml" */
        struct buf text;
};
struct sources {
        size_t count;
        struct source *items;
};

/* Faults: those of lib/base/file.h; FAULT_INVALID "NO_SOURCE" for a folder without a text, FAULT_EXHAUSTED "TOO_MANY_SOURCES",
 * "TOO_LARGE". `ret` is untouched on a fault. */
struct fault *sources_read(const char *const *paths, size_t count, struct sources *ret) MUST_USE;
void sources_clear(struct sources *s);
DEFINE_AUTO_VALUE(sources)
