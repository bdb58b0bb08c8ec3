/* json_jansson: jansson's header for the three json files, and the casts between its values and ours.
 *
 * Two names of its header are names of ours; they are renamed while it is read. A `struct json` is never defined: it is
 * a json_t that the rest of the program can't look into. */
#pragma once

#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define json_copy   jansson_shallow_copy
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef json_copy

#include "lib/wire/json.h"

static inline json_t *theirs(const struct json *j)
{
        return (json_t *) j; /* jansson's readers take const and non-const in no clear order */
}
static inline struct json *ours(json_t *j)
{
        return (struct json *) j;
}
