/* seal: a private key at rest.
 *
 * Each version has a data key of its own. The private key (PKCS#8 PEM) is sealed with it, and it is wrapped by the KEK; both with the
 * same associated data: everything that the row says about the key. Who writes into the database can destroy, and put back what was
 * there before; what is changed, moved to another name or owner, or mixed of two rows does not open. */
#pragma once

#include "issuer/keystore/kek.h"

/* Fills v->kek, v->wrapped and v->sealed; `k` and the rest of `v` are complete. */
struct fault *seal_key(const struct kek *kek, const struct stored_key *k, struct key_version *v,
                       const struct secret *pem) MUST_USE;
/* FAULT_DATA_LOSS "keystore.corrupt" for anything that seal_key did not make; FAULT_PRECONDITION "keystore.kek" when it is wrapped by
 * another KEK. */
struct fault *unseal_key(const struct kek *kek, const struct stored_key *k, const struct key_version *v,
                         struct secret **ret_pem) MUST_USE;
/* From one KEK to another; the private key stays sealed. */
struct fault *rewrap_key(const struct kek *from, const struct kek *to, const struct stored_key *k,
                         struct key_version *v) MUST_USE;
