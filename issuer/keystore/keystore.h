/* keystore: keys that outlive the workloads which use them, released to those that attest (mechanism key-release).
 *
 * A key has a name, an owner (the owner of policy documents), the SPIFFE id that its certificates are for, an algorithm, and versions.
 * The newest one is released unless another is asked for; older ones stay until they are destroyed; numbers are never used again.
 * A private key is made here, or comes in as PKCS#8 PEM, and leaves sealed to a workload's key alone (lib/crypt/jwe.h): there is no
 * call that exports one. Its plaintext exists in locked pages, for the length of a call. Who may do what is the API's to say
 * (issuer/api/keys.c); what may be released to whom is the policy's (KeyRelease documents). Thread-safe. */
#pragma once

#include "issuer/keystore/kek.h"
#include "issuer/store/store.h"
#include "lib/base/clock.h"
#include "lib/crypt/binding.h"
#include "lib/crypt/jwe.h"

struct keystore;
/* `previous`: the KEK before, for rewrapping; may be NULL. Takes both; `store` is borrowed. */
void keystore_new(struct store *store, struct kek *current, struct kek *previous, struct keystore **ret);
void keystore_free(struct keystore *ks);
DEFINE_AUTO(keystore)

struct key_order {
        const char *name, *owner, *identity;
        const char *algorithm;    /* "p256", "p384", "rsa3072"; of an imported key: it must be that; NULL: what it is */
        const struct secret *pem; /* to import; NULL: made here */
};
/* Makes the first version. *ret has it, without a credential. FAULT_INVALID "keystore.name", "keystore.owner", "keystore.identity",
 * "keystore.algorithm", "KEY_ENCODING", "KEY_KIND"; FAULT_EXISTS "KEY_EXISTS". */
struct fault *keystore_create(struct keystore *ks, const struct key_order *o, struct wall now,
                              struct stored_key **ret) MUST_USE;
/* A further version, of the same algorithm; `pem` as above. FAULT_NOT_FOUND "NO_KEY", FAULT_EXHAUSTED "keystore.versions",
 * FAULT_ABORTED "KEY_CHANGED". */
struct fault *keystore_rotate(struct keystore *ks, const char *name, const struct secret *pem, struct wall now,
                              struct stored_key **ret) MUST_USE;
/* 0: the newest that is alive; NULL: none. */
struct key_version *keystore_version(struct stored_key *k, uint32_t version);
/* The key sealed to `to`. Opens it, checks that it is the public key's, and forgets it. */
struct fault *keystore_release(struct keystore *ks, const struct stored_key *k, const struct key_version *v,
                               const struct key *to, const struct jwe_parties *parties, struct buf *out) MUST_USE;
/* Wraps every data key that isn't under the current KEK anew. FAULT_PRECONDITION "keystore.kek" for one under neither. */
struct fault *keystore_rewrap(struct keystore *ks, uint64_t *ret_count) MUST_USE;
struct store *keystore_store(struct keystore *ks);
