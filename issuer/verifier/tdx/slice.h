/* slice: the bytes of one member of a JSON object as they stand in the text. Intel signs them as served: anybody who writes them again
 * would have to guess every blank. */
#pragma once

#include "lib/base/span.h"

/* The value of `name` in the object that `text` is; `text` must be JSON that json_parse has taken. A name that is written with escapes is
 * not found. FAULT_INVALID "NO_MEMBER". */
struct fault *json_member_slice(struct span text, const char *name, struct span *ret) MUST_USE;
