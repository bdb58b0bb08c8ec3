/* registers: values of PCRs or RTMRs as files have them: JSON for people, and a short form of bytes for the way from a request to the
 * appraisal.
 *
 *     {"sha256":{"0":hex,…},"sha384":{…}}                          PCRs; members that are integers say how they were made, and are ignored
 *     {"sha384":{"rtmr0":hex,…,"rtmr3":hex},"events":43,…}         RTMRs
 *     (u8 enum hash_alg ‖ u8 index ‖ value)…                        bytes: no JSON text begins with such a byte
 * Faults: FAULT_INVALID "BAD_JSON", "BAD_FIELD", "BAD_HEX", "TRUNCATED". */
#pragma once

#include "lib/base/span.h"
#include "lib/crypt/tpm.h"

struct registers {
        struct span values[HASH_ALG_COUNT][TPM_PCR_COUNT]; /* into `storage`; empty: not given */
        uint8_t storage[HASH_ALG_COUNT][TPM_PCR_COUNT][HASH_MAX_LEN];
};
struct fault *registers_read_pcrs(struct span text, struct registers **ret) MUST_USE; /* either form */
struct fault *registers_read_rtmrs(struct span text, struct registers **ret) MUST_USE;
/* Appends one value in the short form. */
struct fault *registers_append(enum hash_alg bank, unsigned index, struct span value, struct buf *out) MUST_USE;
uint32_t registers_given(const struct registers *r, enum hash_alg bank); /* bit n: register n */
void registers_free(struct registers *r);
DEFINE_AUTO(registers)
