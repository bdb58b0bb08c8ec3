/* spec: a volume's arguments, compared and copied. */
#pragma once

#include "csi/volume/volumes.h"

void volume_spec_copy(const struct volume_spec *from, struct volume_spec *ret);
/* All but the target path, which has an answer of its own. */
bool volume_spec_same_arguments(const struct volume_spec *a, const struct volume_spec *b);
/* FAULT_INVALID "BAD_VOLUME_ID", "BAD_SPEC" or "BAD_MODE" (of files: 0400 to 0660, never for others, readable by their owner). */
struct fault *volume_spec_check(const struct volume_spec *s) MUST_USE;
