/* inputs: the one table of what policies may speak of: name, type, origins, and a sentence for docs/policy-inputs.md, which is
 * generated from it. A name may end in one number ("tpm.pcr.sha256.N", 0 to POLICY_INPUT_NUMBER_MAX). What isn't here does not exist: the compiler
 * refuses it, naming the nearest. */
#pragma once

#include "lib/model/facts.h"

#define POLICY_INPUT_NUMBER_MAX 23 /* PCRs of a PC client's TPM (TCG PC Client PTP, section 4.6) */

struct policy_input {
        const char *name; /* "N" stands for a decimal number */
        enum fact_kind kind;
        enum origin origin;
        bool platform; /* names one machine or its owner: what platform sets are made of */
        size_t len;    /* of FACT_BYTES that are digests; 0: any */
        const char *help;
};
const struct policy_input *policy_input_find(const char *name); /* NULL: none */
const struct policy_input *policy_input_at(size_t index);       /* NULL past the last */
const char *policy_input_nearest(const char *name);
/* The concerns that evidence can give (issuer/verifier/verifier.h): what a guardrail's `tolerates` may name. The table's own text. */
const char *policy_concern_find(const char *name);                  /* NULL: none */
const char *policy_concern_at(size_t index, const char **ret_help); /* NULL past the last */
struct fault *policy_inputs_markdown(struct buf *out) MUST_USE;
