/* amd_keys: keys of amd_pki, shared by its files. */
#pragma once

#include <openssl/evp.h>

#include "tests/fakes/amd_pki.h"

const char *amd_key_pem(enum amd_key k);
EVP_PKEY *amd_authority_key(enum amd_key k);           /* made once, never freed */
EVP_PKEY *amd_leaf_key(const struct amd_leaf *l);      /* the caller's */
void amd_must(bool ok, const char *what);              /* aborts */
void amd_must_hold(struct fault *f, const char *what); /* aborts */
