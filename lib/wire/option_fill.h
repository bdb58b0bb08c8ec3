/* option_fill: a struct being filled by its table of options: defaults, then the file, then flags, then what is
 * required (options.h). */
#pragma once

#include "lib/wire/options.h"

#define OPTION_ROWS_MAX 128 /* of one table */

/* The program's struct, or one item of a list. `config` is the caller's, zeroed at the start. */
struct option_fill {
        const struct option *rows;
        void *config;
        bool given[OPTION_ROWS_MAX];
        bool given_by_flag[OPTION_ROWS_MAX];
};

void option_fill_defaults(struct option_fill *fill);
struct fault *option_fill_yaml(struct option_fill *fill, const char *name, struct span text) MUST_USE;
/* NULL: none of this name. */
const struct option *option_fill_find(const struct option_fill *fill, struct span name);
/* The fault for a name that is none, with the nearest one. */
struct fault *option_fill_unknown(const struct option_fill *fill, const char *name) MUST_USE;
struct fault *option_fill_flag(struct option_fill *fill, const struct option *row, const char *value) MUST_USE;
struct fault *option_fill_require(const struct option_fill *fill) MUST_USE;
/* Frees what the values own; the memory of `config` stays. */
void option_fill_clear(struct option_fill *fill);
