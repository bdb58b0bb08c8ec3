/* aead: AES-256-GCM with a random 96-bit nonce in front: nonce ‖ ciphertext ‖ tag. For blobs that we hand out and get
 * back ourselves (enrolment challenges). Keys are 32 bytes; at most 2^32 seals a key (keys rotate long before). Nothing empty is
 * sealed. */
#pragma once

#include "lib/base/secret.h"
#include "lib/base/span.h"

#define AEAD_KEY_LEN  32
#define AEAD_OVERHEAD 28
struct fault *aead_seal(const struct secret *key, struct span aad, struct span plain, struct buf *out) MUST_USE;
/* FAULT_UNAUTHENTICATED "BAD_SEAL" for anything that wasn't sealed under this key and aad. */
struct fault *aead_open(const struct secret *key, struct span aad, struct span sealed,
                        struct secret **ret_plain) MUST_USE;
/* AES-CFB without authentication, all-zero IV, as TPM 2.0 part 1 uses it (128- or 256-bit key). */
struct fault *aes_cfb_encrypt(struct span key, struct span plain, struct buf *out) MUST_USE;
