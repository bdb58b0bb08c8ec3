/* tpm_nv: reading NV indexes whole. */
#pragma once

#include "attester/evidence/tpm_context.h"

/* The indexes from `first` to `last` that are defined, ascending, at most `max`. */
struct fault *tpm_nv_list(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE first, TPM2_HANDLE last,
                          TPM2_HANDLE *ret_indexes, size_t max, size_t *ret_count) MUST_USE;
struct fault *tpm_nv_has(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE index, bool *ret) MUST_USE;
/* Appends the data of `index` to `out`, whose limit bounds it. An index that can be read by neither its own empty password nor the
 * owner's is "tee.fault". */
struct fault *tpm_nv_read(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE index, struct buf *out) MUST_USE;
