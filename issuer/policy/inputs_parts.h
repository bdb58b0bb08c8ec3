/* inputs_parts: the table of inputs, in lists by kind of evidence: one file each. Private to this folder. */
#pragma once

#include "issuer/policy/inputs.h"

#define DIGEST_256 32
#define DIGEST_384 48
#define DIGEST_512 64

struct policy_input_list {
        const struct policy_input *rows; /* sorted by name */
        size_t count;
};
extern const struct policy_input_list inputs_common, inputs_tpm;
extern const struct policy_input_list inputs_eventlog, inputs_ccel, inputs_azure;
extern const struct policy_input_list inputs_nitro, inputs_cca;
extern const struct policy_input_list inputs_snp;
extern const struct policy_input_list inputs_tdx;
