/* kek: the key that a Key store's data keys are wrapped with, behind a seam: a file's today, a PKCS#11 token's tomorrow.
 *
 * A KEK wraps 32-byte data keys and nothing else, so that one which never leaves its token serves as well, and so that changing it means
 * wrapping data keys anew, never opening a private key. `aad` says whose data key it is; what was wrapped for one does not unwrap for
 * another. */
#pragma once

#include "issuer/store/stored_key.h"
#include "lib/base/secret.h"

#define KEK_WRAPPED_MAX 256

struct kek {
        const char *name;        /* of its kind: "file" */
        char id[KEK_ID_LEN + 1]; /* tells KEKs apart; says nothing about them */
        struct fault *(*wrap)(void *self, struct span aad, const struct secret *data_key, struct buf *out);
        /* FAULT_DATA_LOSS "keystore.corrupt": not wrapped by this KEK for this. */
        struct fault *(*unwrap)(void *self, struct span aad, struct span wrapped, struct secret **ret_data_key);
        void (*close)(void *self);
        void *self;
};
/* 32 bytes in a file that nobody but its owner may read: FAULT_PRECONDITION "KEK_FILE" otherwise. */
struct fault *kek_open_file(const char *path, struct kek **ret) MUST_USE;
/* Writes such a file with a new KEK, mode 0400. FAULT_EXISTS "KEK_FILE" when there is one. */
struct fault *kek_make_file(const char *path) MUST_USE;
void kek_free(struct kek *k);
DEFINE_AUTO(kek)
