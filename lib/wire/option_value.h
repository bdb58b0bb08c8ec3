/* option_value: one value of a program's configuration, from text into its place and back to nothing (options.h). */
#pragma once

#include "lib/wire/options.h"

/* FAULT_INVALID "BAD_OPTION" without the option's name, which the caller prefixes with its place. Texts are appended to
 * OPTION_TEXTS and replace OPTION_TEXT. */
struct fault *option_value_set(const struct option *row, struct span text, void *config) MUST_USE;
/* The default, when the row has one. Asserts that it is a good one. */
void option_value_default(const struct option *row, void *config);
void option_value_free(const struct option *row, void *config);
/* One more zeroed item of an OPTION_ITEMS row, already in its list. */
void *option_item_add(const struct option *row, void *config);
/* "yes|no", "duration", "count": what --help and errors call the value. */
struct fault *option_value_describe(const struct option *row, struct buf *out) MUST_USE;
