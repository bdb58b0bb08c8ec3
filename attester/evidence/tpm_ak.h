/* tpm_ak: the attestation key: restricted ECDSA P-256/SHA-256, a primary key under the endorsement hierarchy.
 *
 * The TPM keeps nothing of it: a primary key follows from the hierarchy's seed and the template, so the same template gives the
 * same key for as long as the seed lives. The template's `unique` field is 32 random bytes, kept in `state_dir` with the key's Name
 * ("tpm-ak.json"), none of it secret. Another Name from the same template means another TPM or new seeds: "tee.wiped".
 * Between calls the key is a saved context, good until the TPM resets; then it is made anew, which only takes longer.
 * Endorsement and not owner hierarchy: for keys of the owner hierarchy the TPM scrambles clock, resetCount and firmware version. */
#pragma once

#include "attester/evidence/tpm_context.h"

#define TPM_AK_STATE_FILE "tpm-ak.json"
#define TPM_AK_UNIQUE_LEN 32

struct tpm_ak {
        int state_dir; /* owned */
        bool is_known; /* unique and name are what state_dir says */
        uint8_t unique[TPM_AK_UNIQUE_LEN];
        struct buf name;     /* nameAlg ‖ digest */
        struct buf public;   /* TPMT_PUBLIC, of the key last loaded */
        TPMS_CONTEXT *saved; /* NULL: none */
};
struct fault *tpm_ak_open(const char *state_dir, struct tpm_ak *ret) MUST_USE;
/* The key, loaded. The first call ever makes it. FAULT_PRECONDITION "tee.wiped" when the TPM makes another key of it, or the
 * state can't be read; "evidence.state_version" when a newer release wrote the state. */
struct fault *tpm_ak_load(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel,
                          struct tpm_object *ret) MUST_USE;
/* As tpm_ak_load, but takes what was wiped as the occasion for a new key. */
struct fault *tpm_ak_load_or_replace(struct tpm_ak *ak, struct tpm_context *t, struct cancel *cancel,
                                     struct tpm_object *ret) MUST_USE;
void tpm_ak_clear(struct tpm_ak *ak);
