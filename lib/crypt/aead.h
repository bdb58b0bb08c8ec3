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
/* The same cipher with nonce and tag apart, where somebody else's format has them (JWE). A nonce is used once with a key. `ret_cipher` is as
 * long as `plain`. */
#define AEAD_NONCE_LEN 12
#define AEAD_TAG_LEN   16
void aead_encrypt(const struct secret *key, const uint8_t nonce[AEAD_NONCE_LEN], struct span aad, struct span plain,
                  uint8_t *ret_cipher, uint8_t ret_tag[AEAD_TAG_LEN]);
/* As aead_open; `cipher` is neither empty nor longer than a secret can be. */
struct fault *aead_decrypt(const struct secret *key, const uint8_t nonce[AEAD_NONCE_LEN], struct span aad,
                           struct span cipher, const uint8_t tag[AEAD_TAG_LEN], struct secret **ret_plain) MUST_USE;
/* AES-256 Key Wrap (RFC 3394), its default initial value: 32 bytes under 32 make 40. FAULT_UNAUTHENTICATED "BAD_SEAL" when what is
 * unwrapped was not wrapped with this key. */
#define KEY_WRAP_LEN (AEAD_KEY_LEN + 8)
void key_wrap(const struct secret *with, const struct secret *key, uint8_t ret_wrapped[KEY_WRAP_LEN]);
struct fault *key_unwrap(const struct secret *with, const uint8_t wrapped[KEY_WRAP_LEN],
                         struct secret **ret_key) MUST_USE;
/* AES-CFB without authentication, all-zero IV, as TPM 2.0 part 1 uses it (128- or 256-bit key). */
struct fault *aes_cfb_encrypt(struct span key, struct span plain, struct buf *out) MUST_USE;
