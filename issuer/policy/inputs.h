/* inputs: the one table of what policies may speak of: name, type, origins, and a sentence for docs/policy-inputs.md, which is
 * generated from it. A name may hold one number ("tpm.pcr.sha256.N"). What isn't here does not exist: the compiler
 * refuses it, naming the nearest. */
#pragma once

#include "lib/model/facts.h"

struct policy_input {
        const char *name; /* "N" stands for a decimal number */
        enum fact_kind kind;
        enum origin origin;
        const char *help;
};
const struct policy_input *policy_input_find(const char *name); /* NULL: none */
const struct policy_input *policy_inputs(size_t *ret_count);
const char *policy_input_nearest(const char *name);
struct fault *policy_inputs_markdown(struct buf *out) MUST_USE;
